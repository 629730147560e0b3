#include "core/engine/engine_loader.h"
#include "core/graph/prepare.h"
#include "experiments/recipes/run_recipe.h"

#include <QDir>
#include <QTemporaryDir>
#include <QtTest>

#include <algorithm>
#include <cmath>
#include <memory>

using namespace bitlathe;
using namespace bitlathe::experiments;
using nlohmann::json;

namespace {

const QString kFolder = BITLATHE_SOURCE_DIR "/resources/recipes";

/// Methods that take long, made short.
void shorten(json& config) {
    if (!config.contains("post_training")) {
        return;
    }
    for (json& method : config["post_training"]) {
        const std::string name =
            method.is_string() ? method.get<std::string>() : method.at("name").get<std::string>();
        if (method.is_string()) {
            method = json{{"name", name}};
        }
        if (name == "ada_round") {
            method["iterations"] = 3;
        } else if (name == "advanced_calibration") {
            method["passes"] = 1;
        }
    }
}

/// The recipe on a few images, without what writes files.
json shortened(json recipe) {
    json stages = json::array();
    for (json& stage : recipe["stages"]) {
        if (stage["stage"] == "calibrate") {
            stage["samples"] = 32;
            stage["batch_size"] = 32;
            stages.push_back(stage);
        } else if (stage["stage"] == "evaluate") {
            stage["samples"] = 20;
            stages.push_back(stage);
        }
    }
    if (std::none_of(stages.begin(), stages.end(),
                     [](const json& stage) { return stage["stage"] == "evaluate"; })) {
        stages.push_back({{"stage", "evaluate"}, {"samples", 20}});
    }
    recipe["stages"] = stages;
    for (json& variant : recipe["variants"]) {
        shorten(variant["config"]);
    }
    return recipe;
}

bool isTable(const QString& file) {
    return file.startsWith("results_");
}

}  // namespace

/// Every recipe that ships is read; those of published settings are run as well, shortened. The tables of results are
/// many combinations of the same few, of which the first with each method are run.
class TestBundledRecipes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        m_engine = core::loadEngine();
        m_log = ExperimentLog::open(m_folder.filePath("log.db").toStdString());
        m_devices = core::DeviceCatalogue::load(BITLATHE_SOURCE_DIR "/resources/devices");
    }

    void everyRecipeRuns_data() {
        QTest::addColumn<QString>("file");
        for (const QString& file : QDir(kFolder).entryList({"*.json"}, QDir::Files, QDir::Name)) {
            QTest::newRow(qPrintable(file)) << file;
        }
    }
    void everyRecipeRuns() {
        QFETCH(QString, file);
        const Recipe asShipped = Recipe::load((kFolder + "/" + file).toStdString());
        QVERIFY(!asShipped.description.empty());
        if (asShipped.variants.empty()) {
            return;  // trains a model: minutes
        }
        json document = shortened(asShipped.toJson());
        if (isTable(file)) {
            json few = json::array();
            for (const json& variant : document["variants"]) {
                const std::string name = variant["name"];
                if (name.starts_with("W4A8 per tensor")) {
                    few.push_back(variant);
                }
            }
            QVERIFY(few.size() >= 6);
            document["variants"] = few;
        }
        Recipe recipe = Recipe::parse(document);
        recipe.folder = asShipped.folder;
        const RecipeResult result = runRecipe(recipe, *m_engine, *m_log, m_devices, {});
        QCOMPARE(result.variants.size(), recipe.variants.size());
        for (const VariantResult& variant : result.variants) {
            QCOMPARE(variant.evaluation.samples, std::int64_t{20});
            QVERIFY2(std::isfinite(variant.evaluation.meanLoss), variant.name.c_str());
        }
    }

private:
    QTemporaryDir m_folder;
    std::shared_ptr<core::Engine> m_engine;
    std::unique_ptr<ExperimentLog> m_log;
    core::DeviceCatalogue m_devices;
};

QTEST_APPLESS_MAIN(TestBundledRecipes)
#include "test_bundled_recipes.moc"
