#include <string>

#include "small_bench.h"
#include "ui/document/project_file.h"

#include "core/types/error.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace bitlathe;
using namespace bitlathe::ui;

namespace {

QString refusalOf(const QString& path) {
    try {
        Project::load(path.toStdString());
    } catch (const core::Error& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

void write(const QString& path, const QByteArray& text) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(text);
}

}  // namespace

class TestProjectFile final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void roundTripKeepsEverything() {
        const QTemporaryDir folder;
        const auto model = tests::smallModel();
        QuantDocument document;
        document.open(tests::smallContent(model));
        core::LayerQuant quant = document.layerConfig(model->layers[4].id);
        quant.weight.bits = core::BitWidth(3);
        quant.output.manualRange = core::Range{-0.125, 3.7421875};
        quant.output.observer = {"percentile", {{"percentile", 99.5}}};
        document.setLayerConfig({{model->layers[4].id, quant}});
        document.setDevice(tests::smallDevice());

        Project saved;
        saved.recipe = document.toRecipe();
        saved.activeConfiguration = "float";
        saved.selectedLayers = {model->layers[2].id, model->layers[4].id};
        saved.site = core::SiteKind::Weight;
        saved.reserve = DeviceReserve{8'192, 4'096};
        const QString path = folder.filePath(QStringLiteral("a.bitlathe"));
        saved.save(path.toStdString());

        const Project loaded = Project::load(path.toStdString());
        QCOMPARE(loaded.activeConfiguration, saved.activeConfiguration);
        QVERIFY(loaded.selectedLayers == saved.selectedLayers);
        QVERIFY(loaded.reserve == saved.reserve);
        QVERIFY(loaded.site == saved.site);
        QVERIFY(loaded.recipe.toJson() == saved.recipe.toJson());
        QVERIFY(experiments::buildConfig(loaded.recipe.variants[0].config, *model) == document.config());
        QCOMPARE(loaded.recipe.device, "small");
    }

    void modelsBesideTheProjectMoveWithIt() {
        const QTemporaryDir folder;
        Project project;
        project.recipe.name = "moved";
        project.recipe.model.file = folder.filePath(QStringLiteral("models/net.pt")).toStdString();
        project.recipe.variants = {{"W8", experiments::toDocument({})}};
        project.recipe.stages = {experiments::CalibrateStage()};
        const QString path = folder.filePath(QStringLiteral("a.bitlathe"));
        project.save(path.toStdString());
        const Project loaded = Project::load(path.toStdString());
        QCOMPARE(loaded.recipe.model.file, "models/net.pt");
        QCOMPARE(loaded.recipe.folder, folder.path().toStdString());
    }

    void refusesWithAClearText_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("expected");
        QTest::addRow("newer") << QByteArray(R"({"bitlathe_project": 99, "recipe": {}})") << "newer";
        QTest::addRow("foreign") << QByteArray(R"({"a": 1})") << "no Bitlathe project";
        QTest::addRow("no JSON") << QByteArray("PK\3\4") << "no JSON";
        QTest::addRow("no recipe") << QByteArray(R"({"bitlathe_project": 1})") << "no recipe";
        QTest::addRow("bad recipe") << QByteArray(
                                           R"({"bitlathe_project": 1, "recipe": {"schema_version": 1}})")
                                    << "recipe: ";
        QTest::addRow("wrong type") << QByteArray(R"({"bitlathe_project": "one", "recipe": {}})")
                                    << "bitlathe_project";
    }
    void refusesWithAClearText() {
        QFETCH(QByteArray, text);
        QFETCH(QString, expected);
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("a.bitlathe"));
        write(path, text);
        const QString refusal = refusalOf(path);
        QVERIFY2(refusal.contains(path), qPrintable(refusal));
        QVERIFY2(refusal.contains(expected), qPrintable(refusal));
    }

    void namesWhatCannotBeReadOrWritten() {
        QVERIFY(refusalOf(QStringLiteral("/nowhere/a.bitlathe")).contains("/nowhere/a.bitlathe"));
        Project project;
        project.recipe.name = "x";
        try {
            project.save("/nowhere/a.bitlathe");
            QFAIL("saved into a folder that is not there");
        } catch (const core::Error& error) {
            QVERIFY(error.code() == core::ErrorCode::Io);
            QVERIFY(QString::fromUtf8(error.what()).contains("/nowhere/a.bitlathe"));
        }
    }
};

QTEST_MAIN(TestProjectFile)
#include "test_project_file.moc"
