#include "tests/app/program.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QtTest>

using namespace bitlathe;
using bitlathe::tests::ProgramResult;

class TestDemo : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QJsonObject m_first;
    QJsonObject m_second;

    /// The demo in a folder and a log of its own, so that nothing comes from a cache.
    QJsonObject runDemo(const QString& name, const QString& recipe = "demo") const {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("BITLATHE_RESOURCES", BITLATHE_SOURCE_DIR "/resources");
        QDir(m_folder.path()).mkdir(name);
        const ProgramResult result = tests::runCommandLine({"run", recipe, "--json", "--log", "log.db"},
                                                           environment, m_folder.filePath(name));
        if (result.exitCode != 0) {
            qWarning("%s", result.errors.constData());
        }
        return result.json().object();
    }
    static QJsonObject runNamed(const QJsonObject& demo, const QString& name) {
        for (const QJsonValue& run : demo["runs"].toArray()) {
            if (run.toObject()["name"].toString() == name) {
                return run.toObject();
            }
        }
        return {};
    }
    static double metricOf(const QJsonObject& run, const char* name) {
        return run["metrics"].toObject()[name].toObject()["value"].toDouble(-1);
    }
    static double top1(const QJsonObject& demo, const char* variant) {
        return metricOf(runNamed(demo, variant), "top1");
    }

private Q_SLOTS:
    void initTestCase() {
        m_first = runDemo("first");
        m_second = runDemo("second");
        QCOMPARE(m_first["runs"].toArray().size(), 5);
        QCOMPARE(m_second["runs"].toArray().size(), 5);
    }

    void itsNumbersAreGood() {
        QVERIFY(top1(m_first, "float") >= 91.0);
        QVERIFY(top1(m_first, "W8A8") >= top1(m_first, "float") - 0.5);
        QVERIFY(top1(m_first, "W4A8 per channel") >= top1(m_first, "W4A8 per tensor") + 10.0);
        for (const QJsonValue& run : m_first["runs"].toArray()) {
            QCOMPARE(run.toObject()["metrics"].toObject()["top1"].toObject()["samples"].toInt(), 10000);
        }
    }

    void theMixedVariantIsAccurateAndFits() {
        const QJsonObject mixed = runNamed(m_first, "mixed");
        QVERIFY(metricOf(mixed, "top1") >= top1(m_first, "float") - 1.5);
        QVERIFY(metricOf(mixed, "rom_bytes") < metricOf(runNamed(m_first, "W4A8 per channel"), "rom_bytes"));
        QCOMPARE(mixed["fits"].toBool(), true);
        QCOMPARE(runNamed(m_first, "W8A8")["fits"].toBool(), false);
        QCOMPARE(mixed["artefacts"].toArray().size(), 1);
        QVERIFY(mixed["artefacts"].toArray()[0].toObject()["path"].toString().startsWith(
            m_folder.filePath("first")));
    }

    void theSameComesAgain() {
        const QJsonArray runs = m_first["runs"].toArray();
        for (int i = 0; i < runs.size(); ++i) {
            const QJsonObject before = runs[i].toObject();
            const QJsonObject after = m_second["runs"].toArray()[i].toObject();
            for (const char* hash : {"model_hash", "data_hash", "config_hash"}) {
                QCOMPARE(after[hash].toString(), before[hash].toString());
            }
            QJsonObject metrics = before["metrics"].toObject();
            QJsonObject metricsAgain = after["metrics"].toObject();
            metrics.remove("images_per_second");  // the one number that may differ
            metricsAgain.remove("images_per_second");
            QVERIFY2(metrics == metricsAgain, qPrintable(before["name"].toString()));
        }
        const auto hashOf = [](const QJsonObject& demo) {
            return runNamed(demo, "mixed")["artefacts"].toArray()[0].toObject()["sha256"].toString();
        };
        QCOMPARE(hashOf(m_first).size(), 64);
        QCOMPARE(hashOf(m_second), hashOf(m_first));
    }

    void theResidualNetworkToo() {
        const QJsonObject demo = runDemo("resnet8", "demo_resnet8");
        QCOMPARE(demo["runs"].toArray().size(), 5);
        QVERIFY(top1(demo, "float") >= 91.0);
        QVERIFY(top1(demo, "W8A8") >= top1(demo, "float") - 0.5);
        QVERIFY(top1(demo, "mixed") >= top1(demo, "float") - 1.0);
        QCOMPARE(runNamed(demo, "mixed")["fits"].toBool(), true);
        QCOMPARE(runNamed(demo, "W8A8")["fits"].toBool(), false);
    }
};

QTEST_GUILESS_MAIN(TestDemo)
#include "test_demo.moc"
