#include "core/engine/engine_loader.h"
#include "core/graph/prepare.h"
#include "core/plan/plan_json.h"
#include "core/types/error.h"
#include "experiments/recipes/run_recipe.h"

#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include <algorithm>
#include <cmath>
#include <memory>

using namespace bitlathe;
using namespace bitlathe::experiments;
using nlohmann::json;

/// Trainings of a few steps on the bundled model, with the real engine and data: where they start, and what a run of
/// the log hands to the next.
class TestTrainingRecipes : public QObject {
    Q_OBJECT

private:
    static json config(int weightBits) {
        const json output{{"bits", 8}, {"quantizer", "affine"}, {"observer", "moving_average"}};
        return {{"input", output},
                {"defaults",
                 {{"weight", {{"bits", weightBits}, {"quantizer", "symmetric"}, {"granularity", "channel"}}},
                  {"output", output}}}};
    }
    static json document(const json& model, const json& variantConfig, const json& qat = json::object()) {
        json stage{
            {"stage", "qat"}, {"samples", 128}, {"batch_size", 32}, {"epochs", 1}, {"learning_rate", 0.01}};
        stage.update(qat);
        return {{"schema_version", 1},
                {"name", "short training"},
                {"seed", 1},
                {"threads", 1},
                {"model", model},
                {"data", {{"dataset", "fashion_mnist"}, {"pad", 2}, {"mean", {73}}, {"scale", {90}}}},
                {"variants", {{{"name", "trained"}, {"config", variantConfig}}}},
                {"stages",
                 {{{"stage", "calibrate"}, {"samples", 64}, {"batch_size", 32}},
                  stage,
                  {{"stage", "evaluate"}, {"samples", 200}}}}};
    }
    static json bundledModel() { return {{"file", "models/mobilenet_v1_025_fmnist.pt"}}; }

    RunRecord run(const json& recipeDocument) {
        Recipe recipe = Recipe::parse(recipeDocument);
        recipe.folder = BITLATHE_SOURCE_DIR "/resources";
        const RecipeResult result = runRecipe(recipe, *m_engine, *m_log, m_devices, {});
        return m_log->run(result.variants.at(0).run);
    }
    std::string artefact(const RunRecord& run, const std::string& kind) const {
        for (const Artefact& made : m_log->artefacts(run.id)) {
            if (made.kind == kind) {
                return made.path;
            }
        }
        return {};
    }
    core::PreparedModel modelOf(const RunRecord& run) {
        return core::prepare(m_engine->importTorchScript(artefact(run, "torch_script"), {}));
    }
    core::QuantPlan planOf(const RunRecord& run, const core::PreparedModel& model) {
        QFile file(QString::fromStdString(artefact(run, "quant_plan")));
        if (!file.open(QIODevice::ReadOnly)) {
            return {};
        }
        return core::planFromJson(file.readAll().toStdString(), model);
    }

private Q_SLOTS:
    void initTestCase() {
        m_engine = core::loadEngine();
        m_log = ExperimentLog::open(m_folder.filePath("log.db").toStdString());
        m_devices = core::DeviceCatalogue::load(BITLATHE_SOURCE_DIR "/resources/devices");
    }

    void bitsAreLoweredFromAParentRun() {
        const RunRecord eight = run(document(bundledModel(), config(8)));
        // A rate of almost nothing and frozen statistics: what comes out is what it started from.
        const RunRecord four = run(document({{"run", eight.id.value}}, config(4),
                                            {{"learning_rate", 1e-12},
                                             {"optimizer", {{"name", "sgd"}, {"momentum", 0}}},
                                             {"weight_decay", 0},
                                             {"freeze_batch_norm_epoch", 0},
                                             {"freeze_ranges_epoch", 0}}));
        const core::PreparedModel parent = modelOf(eight);
        const core::PreparedModel child = modelOf(four);
        QCOMPARE(parent.layers.size(), child.layers.size());
        for (const core::Layer& layer : parent.layers) {
            if (!layer.hasWeights()) {
                continue;
            }
            const auto before = core::layerWeights(parent, layer).values();
            const auto after = core::layerWeights(child, *child.findLayer(layer.id)).values();
            for (std::size_t i = 0; i < before.size(); ++i) {
                // Steps of 1e-12 gradients round away in float.
                QVERIFY2(std::fabs(before[i] - after[i]) <= 1e-6F * std::fabs(before[i]) + 1e-9F,
                         layer.id.str().c_str());
            }
        }
        const core::QuantPlan ranges = planOf(eight, parent);
        const core::QuantPlan lowered = planOf(four, child);
        std::size_t outputs = 0;
        for (const auto& [site, grid] : lowered.sites) {
            const core::QParams* const before = ranges.find(site);
            QVERIFY(before != nullptr);
            if (site.kind == core::SiteKind::Weight) {
                QVERIFY2(grid.quantMax - grid.quantMin <= 15, site.layer.str().c_str());
                QVERIFY2(before->quantMax - before->quantMin > 15, site.layer.str().c_str());
            } else {
                // The range is read back from the parent's grid, whose ends are rounded to codes and to float.
                QVERIFY(std::fabs(grid.scale[0] - before->scale[0]) <= 1e-5F * before->scale[0]);
                ++outputs;
            }
        }
        QVERIFY(outputs > 20);
        QVERIFY(four.metrics.at("top1_before_training").value <= 100);
    }

    void trainingStartsFromWhatMethodsMade() {
        json corrected = config(4);
        corrected["post_training"] = {"cross_layer_equalization",
                                      {{"name", "bias_correction"}, {"form", "batch_norm"}}};
        json withoutQat = document(bundledModel(), corrected);
        withoutQat["stages"].erase(1);
        const RunRecord start = run(withoutQat);
        const RunRecord trained = run(document(bundledModel(), corrected));
        QCOMPARE(trained.metrics.at("top1_before_training").value, start.metrics.at("top1").value);
        // Equalized, a network's relu6 end at another value in each channel: the trained one still has them so.
        const core::PreparedModel model = modelOf(trained);
        bool isPerChannel = false;
        for (const core::Node& node : model.graph.nodes) {
            const auto* const clamp = std::get_if<core::ClampOp>(&node.op);
            isPerChannel = isPerChannel || (clamp != nullptr && clamp->isPerChannel());
        }
        QVERIFY(isPerChannel);
        QVERIFY(!planOf(trained, model).sites.empty());
    }

    void methodsWhoseGridsTrainingWouldLoseAreRefused() {
        json allocated = config(4);
        allocated["post_training"] = {"weight_bit_allocation"};
        try {
            run(document(bundledModel(), allocated));
            QFAIL("trained, and lost the channels' bits");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::InvalidConfig);
            QVERIFY2(QString(error.what()).contains("weight_bit_allocation"), error.what());
        }
        RunQuery newest;
        newest.limit = 1;
        QCOMPARE(m_log->runs(newest).at(0).status, RunStatus::Failed);
    }

private:
    QTemporaryDir m_folder;
    std::shared_ptr<core::Engine> m_engine;
    std::unique_ptr<ExperimentLog> m_log;
    core::DeviceCatalogue m_devices;
};

QTEST_APPLESS_MAIN(TestTrainingRecipes)
#include "test_training_recipes.moc"
