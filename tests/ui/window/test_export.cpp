#include <string>

#include "core/exporters/c_exporter.h"
#include "small_bench.h"
#include "tests/support/fake_engine.h"
#include "tests/support/function_job.h"
#include "tests/support/patience.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/document/layer_title.h"

#include <QDir>
#include <QFile>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <thread>

using namespace bitlathe;
using namespace bitlathe::ui;
using Kind = ExportFinding::Kind;

namespace {

bool hasLine(const std::vector<ExportFinding>& findings, Kind kind, const QString& part) {
    return std::any_of(findings.begin(), findings.end(), [&](const ExportFinding& finding) {
        return finding.kind == kind && finding.text.contains(part);
    });
}

QStringList entriesOf(const QString& folder) {
    return QDir(folder).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot);
}

}  // namespace

class TestExport final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { m_model = tests::smallModel(); }
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        m_document = std::make_unique<QuantDocument>();
        m_document->open(tests::smallContent(m_model));
        m_document->setDevice(deviceWith("Cortex-M7"));
        m_selection = std::make_unique<Selection>();
        m_host =
            std::make_unique<experiments::EngineHost>([] { return std::make_shared<tests::FakeEngine>(); });
        m_jobs = std::make_unique<experiments::JobRunner>(*m_host);
        m_workbench = std::make_unique<Workbench>(*m_document, *m_selection, *m_jobs,
                                                  m_folder->filePath(QStringLiteral("log.db")));
    }
    void cleanup() {
        m_workbench.reset();
        m_jobs.reset();
        m_host.reset();
        m_selection.reset();
        m_document.reset();
    }

    void lineForWhatIsFine() {
        const auto findings = checkExport(question("c"));
        QVERIFY(!isBlocked(findings));
        QVERIFY(hasLine(findings, Kind::Fine, QStringLiteral("Fits Small")));
        QVERIFY(hasLine(findings, Kind::Fine, QStringLiteral("as exported")));
        QVERIFY(hasLine(findings, Kind::Fine, QStringLiteral("all 29 layers")));
        QVERIFY(hasLine(findings, Kind::Fine, QStringLiteral("will be made")));
    }

    void sizesAreOfTheChosenFormat() {
        ExportQuestion tight = question("c");
        tight.device->ram = {{"SRAM", 1000, true, {}}};
        const auto asC = checkExport(tight);
        QVERIFY(hasLine(asC, Kind::Remark, QStringLiteral("Too big for Small")));
        QVERIFY2(!isBlocked(asC), "too big for a device is no reason not to write it");
        tight.exporter.name = "onnx_qdq";
        QVERIFY(hasLine(checkExport(tight), Kind::Remark, QStringLiteral("by the formulas")));
        tight.device.reset();
        QVERIFY(hasLine(checkExport(tight), Kind::Remark, QStringLiteral("No device chosen")));
    }

    void layersTheFormatCannotTakeAreNamed() {
        ExportQuestion floating = question("c");
        const core::LayerId layer = m_model->layers[4].id;
        floating.config.layers[layer].weight.bits.reset();
        const auto findings = checkExport(floating);
        QVERIFY(isBlocked(findings));
        QVERIFY(hasLine(findings, Kind::Blocking, QString::fromStdString(layer.str())));
    }

    void gridsWithoutOneStepAreNamed() {
        ExportQuestion levels = question("onnx_qdq");
        levels.config.layers[m_model->layers[4].id].weight.quantizer.name = "codebook";
        levels.config.layers[m_model->layers[4].id].weight.bits = core::BitWidth(3);
        const auto findings = checkExport(levels);
        QVERIFY2(hasLine(findings, Kind::Remark, QStringLiteral("without one step")),
                 qPrintable(textOf(findings)));
    }

    void processorsAreCompared() {
        ExportQuestion other = question("c");
        QVERIFY(hasLine(checkExport(other), Kind::Remark, QStringLiteral("start from cortex-m4")));
        other.exporter.params["cpu"] = *processorOf(*other.device, core::exporterRegistry().info("c"));
        QVERIFY(!hasLine(checkExport(other), Kind::Remark, QStringLiteral("start from")));
        other.device = deviceWith("Xtensa LX7");
        QVERIFY(hasLine(checkExport(other), Kind::Remark, QStringLiteral("plain C99")));
        const core::MethodInfo& c = core::exporterRegistry().info("c");
        const auto nameOf = [&](const char* core) {
            return QString::fromStdString(
                c.params.front().choices[static_cast<std::size_t>(*processorOf(deviceWith(core), c))]);
        };
        QCOMPARE(nameOf("Cortex-M0+"), QStringLiteral("cortex-m0plus"));
        QCOMPARE(nameOf("2x Cortex-M33"), QStringLiteral("cortex-m33"));
        QCOMPARE(nameOf("Cortex-M7 + Cortex-M4"), QStringLiteral("cortex-m7"));
        QVERIFY(!processorOf(deviceWith("Cortex-M4F"), core::exporterRegistry().info("onnx_qdq")));
    }

    void foldersAreLookedAt() {
        ExportQuestion where = question("c");
        where.folder.clear();
        QVERIFY(hasLine(checkExportFolder(where), Kind::Blocking, QStringLiteral("No folder")));
        const QString file = m_folder->filePath(QStringLiteral("file"));
        touch(file);
        where.folder = file + QStringLiteral("/below");
        QVERIFY(hasLine(checkExportFolder(where), Kind::Blocking, file));
        // What is there already: something else stands in the way, an earlier export is replaced.
        where.folder = m_folder->filePath(QStringLiteral("out"));
        const QString own =
            QDir(where.folder).filePath(QString::fromStdString(core::CExporter::folderName(*m_model)));
        QVERIFY(QDir().mkpath(own));
        touch(own + QStringLiteral("/notes.txt"));
        QVERIFY(hasLine(checkExportFolder(where), Kind::Blocking, QStringLiteral("something else")));
        touch(own + QLatin1Char('/') + QLatin1String(core::CExporter::kSign));
        QVERIFY(hasLine(checkExportFolder(where), Kind::Remark, QStringLiteral("Replaces")));
    }

    void writesAndShowsItsBytes() {
        ExportDialog dialog(*m_workbench, m_folder->filePath(QStringLiteral("out")));
        dialog.chooseFormat({"c", {}});
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isChecking() && dialog.exportButton()->isEnabled(),
                                 tests::kPatienceMs);
        QVERIFY2(!dialog.openButton()->isEnabled(), "there is nothing to open yet");
        QSignalSpy written(&dialog, &ExportDialog::written);
        dialog.exportButton()->click();
        QVERIFY(dialog.isWriting());
        QTRY_COMPARE_WITH_TIMEOUT(written.size(), 1, tests::kPatienceMs);
        QVERIFY(dialog.openButton()->isEnabled());
        const QFileInfoList files = QDir(dialog.resultFolder()).entryInfoList(QDir::Files);
        QVERIFY(files.size() > 5);
        QCOMPARE(dialog.lines().size(), files.size());
        qint64 bytes = 0;
        for (const QFileInfo& file : files) {
            bytes += file.size();
        }
        QVERIFY2(dialog.summary().contains(groupedNumber(bytes)), qPrintable(dialog.summary()));
        // The processor of the device went along.
        QFile makefile(QDir(dialog.resultFolder()).filePath(QStringLiteral("Makefile")));
        QVERIFY(makefile.open(QIODevice::ReadOnly));
        QVERIFY(makefile.readAll().contains("cortex-m7"));
        QCOMPARE(entriesOf(m_folder->filePath(QStringLiteral("out"))).size(), 1);
    }

    /// Stopped while it waits for its turn.
    void stoppedLeavesNothing() {
        std::atomic<bool> isHeld = true;
        m_jobs->enqueue(tests::functionJob("hold", [&](experiments::JobScope&) -> experiments::JobProduct {
            while (isHeld) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            return std::monostate();
        }));
        const QString out = m_folder->filePath(QStringLiteral("out"));
        ExportDialog dialog(*m_workbench, out);
        dialog.chooseFormat({"c", {}});
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isChecking() && dialog.exportButton()->isEnabled(),
                                 tests::kPatienceMs);
        dialog.exportButton()->click();
        QVERIFY(dialog.isWriting());
        dialog.exportButton()->click();  // it says Stop now
        isHeld = false;
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isWriting() && !m_jobs->isBusy(), tests::kPatienceMs);
        QVERIFY2(dialog.summary().contains(QStringLiteral("as it was")), qPrintable(dialog.summary()));
        QVERIFY(!QFileInfo::exists(out));
        QVERIFY2(dialog.exportButton()->isEnabled(), "it can be asked again");
    }

    void closingStops() {
        std::atomic<bool> isHeld = true;
        m_jobs->enqueue(tests::functionJob("hold", [&](experiments::JobScope&) -> experiments::JobProduct {
            while (isHeld) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            return std::monostate();
        }));
        const QString out = m_folder->filePath(QStringLiteral("out"));
        {
            ExportDialog dialog(*m_workbench, out);
            QTRY_VERIFY_WITH_TIMEOUT(!dialog.isChecking() && dialog.exportButton()->isEnabled(),
                                     tests::kPatienceMs);
            dialog.exportButton()->click();
            dialog.reject();
        }
        isHeld = false;
        QTRY_VERIFY_WITH_TIMEOUT(!m_jobs->isBusy(), tests::kPatienceMs);
        QVERIFY(!QFileInfo::exists(out));
    }

    /// The folder turns into a file between the look and the writing.
    void failuresAreTold() {
        QSignalSpy failed(m_workbench.get(), &Workbench::failed);
        const QString out = m_folder->filePath(QStringLiteral("out"));
        ExportDialog dialog(*m_workbench, out);
        dialog.chooseFormat({"c", {}});
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isChecking() && dialog.exportButton()->isEnabled(),
                                 tests::kPatienceMs);
        touch(out);
        dialog.exportButton()->click();
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isWriting(), tests::kPatienceMs);
        QVERIFY2(dialog.summary().startsWith(QStringLiteral("Not exported")), qPrintable(dialog.summary()));
        QVERIFY2(dialog.summary().contains(out), qPrintable(dialog.summary()));
        QCOMPARE(failed.size(), 0);
        QCOMPARE(QFileInfo(out).size(), qint64{1});
    }

private:
    static core::Device deviceWith(const char* core) {
        core::Device device = tests::smallDevice();
        device.core = core;
        return device;
    }
    ExportQuestion question(const char* format) const {
        return {m_model,
                m_document->statistics(),
                m_document->config(),
                m_document->device(),
                {format, {}},
                m_folder->filePath(QStringLiteral("out"))};
    }
    static void touch(const QString& path) {
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("x");
    }
    static QString textOf(const std::vector<ExportFinding>& findings) {
        QString text;
        for (const ExportFinding& finding : findings) {
            text += finding.text + QLatin1Char('\n');
        }
        return text;
    }

    std::shared_ptr<const core::PreparedModel> m_model;
    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<QuantDocument> m_document;
    std::unique_ptr<Selection> m_selection;
    std::unique_ptr<experiments::EngineHost> m_host;
    std::unique_ptr<experiments::JobRunner> m_jobs;
    std::unique_ptr<Workbench> m_workbench;
};

QTEST_MAIN(TestExport)
#include "test_export.moc"
