#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "experiments/recipes/integer_comparison.h"
#include "experiments/recipes/resume_run.h"
#include "experiments/recipes/run_recipe.h"
#include "experiments/store/run_folder.h"
#include "tests/support/recipe_bench.h"

#include <QDir>
#include <QTemporaryDir>
#include <QtTest>

#include <algorithm>

using namespace bitlathe;
using namespace bitlathe::experiments;
using bitlathe::tests::RecipeBench;
using nlohmann::json;

class TestRunRecipe : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<RecipeBench> m_bench;

    std::string path(const char* name) const { return m_bench->path(name); }

    json document() const {
        json recipe = json::parse(R"({
            "schema_version": 1, "name": "test", "seed": 5,
            "model": {"file": "net.pt"},
            "data": {"pad": 2, "mean": [73], "scale": [90]},
            "device": "stm32f411re",
            "variants": [
                {"name": "float", "config": {}},
                {"name": "W8A8", "config": {"input": {"bits": 8}, "defaults": {"weight": {"bits": 8, "quantizer": "symmetric"}, "output": {"bits": 8}}}},
                {"name": "W6A8", "config": {"input": {"bits": 8}, "defaults": {"weight": {"bits": 6, "quantizer": "symmetric", "granularity": "channel"}, "output": {"bits": 8}}}}],
            "stages": [{"stage": "calibrate", "split": "test", "samples": 64, "batch_size": 32},
                       {"stage": "evaluate", "samples": 200, "batch_size": 100, "layer_errors": true}]})");
        return recipe;
    }
    Recipe recipe() const { return parsed(document()); }
    Recipe parsed(const json& changed) const { return m_bench->parsed(changed); }
    RecipeResult run(const Recipe& toRun, const core::RunContext& context = {},
                     const RecipeObserver& observer = {}) {
        return m_bench->run(toRun, context, observer);
    }
    std::vector<RunRecord> rows() const {
        RunQuery query;
        query.isDescending = false;
        return m_bench->log->runs(query);
    }

private Q_SLOTS:
    void init() { m_bench = std::make_unique<RecipeBench>(); }
    void cleanup() { m_bench.reset(); }

    /// What no integer model holds is refused in the exporters' own words.
    void integerModelsAreRefusedAsExportsAre() {
        json changed = document();
        changed["variants"] = json::array({changed["variants"][1]});
        changed["variants"][0]["config"]["defaults"]["output"]["ranges"] = "online";
        const auto refusal = [&](const json& stage) {
            json asked = changed;
            asked["stages"].push_back(stage);
            try {
                run(parsed(asked));
            } catch (const core::Error& error) {
                return std::string(error.what());
            }
            return std::string("nothing was refused");
        };
        const std::string exported = refusal({{"stage", "export"}, {"format", "c"}, {"folder", path("c")}});
        QVERIFY2(exported.find("takes its range from each batch") != std::string::npos, exported.c_str());
        changed["stages"].erase(1);
        QCOMPARE(refusal({{"stage", "evaluate"}, {"samples", 200}, {"integer", true}}), exported);
    }

    /// The engine is made up, the integer model is not: its numbers are in the log, beside the float model's.
    void integerModelsOnRequest() {
        json changed = document();
        changed["stages"][1]["integer"] = true;
        changed["stages"][1]["integer_samples"] = 20;
        const RecipeResult result = run(parsed(changed));
        QVERIFY(!result.variants[0].integer);  // float: nothing to deploy
        QVERIFY(rows()[0].metrics.count("integer_top1") == 0);
        const VariantResult& variant = result.variants[1];
        QVERIFY(variant.integer.has_value());
        QCOMPARE(variant.integer->integer.samples, std::int64_t{200});
        QCOMPARE(variant.integer->comparedImages, std::int64_t{20});
        const RunRecord row = m_bench->log->run(variant.run);
        QCOMPARE(row.metrics.at("float_top1").value, variant.floatEvaluation.top1Percent());
        QCOMPARE(row.metrics.at("integer_top1").samples, std::int64_t{200});
        QCOMPARE(row.metrics.at("integer_top1").value, variant.integer->integer.top1Percent());
        // Every output of every layer with a grid, 20 images.
        QCOMPARE(row.metrics.at("integer_codes_compared").value,
                 static_cast<double>(variant.integer->compared()));
        QVERIFY(variant.integer->compared() > 20 * 50'000);
        const auto statistics = m_bench->log->layerStatistics(variant.run);
        QVERIFY(std::any_of(statistics.begin(), statistics.end(), [](const LayerStatistic& statistic) {
            return statistic.name == "integer_codes_differing" && statistic.layer.str() == "stem.conv";
        }));
        // Read back, the report is the one that was measured.
        QVERIFY(!integerComparison(*m_bench->log, result.variants[0].run));
        const auto read = integerComparison(*m_bench->log, variant.run);
        QVERIFY(read.has_value());
        QCOMPARE(read->comparedImages, variant.integer->comparedImages);
        QCOMPARE(read->integer.value, variant.integer->integer.top1Percent());
        QCOMPARE(read->floating.value, variant.floatEvaluation.top1Percent());
        QCOMPARE(read->compared(), variant.integer->compared());
        QCOMPARE(read->differing(), variant.integer->differing());
        QCOMPARE(read->unexplained(), variant.integer->unexplained());
        QCOMPARE(read->layers.size(), variant.integer->layers.size());
        for (std::size_t i = 0; i < read->layers.size(); ++i) {
            const core::LayerAgreement& measured = variant.integer->layers[i];
            QVERIFY(read->layers[i].layer == measured.layer);
            QCOMPARE(read->layers[i].reason(), measured.reason());
            QCOMPARE(read->layers[i].accumulated, measured.accumulated);
            QCOMPARE(read->layers[i].largestDifference, measured.largestDifference);
        }
        // The same choice survives the way through the document.
        const Recipe again = Recipe::parse(parsed(changed).toJson());
        const auto& stage = std::get<EvaluateStage>(again.stages[1]);
        QVERIFY(stage.integer);
        QCOMPARE(stage.integerSamples, std::int64_t{20});
    }

    void integerModelOfAFloatSiteIsRefusedByName() {
        json changed = document();
        changed["stages"][1]["integer"] = true;
        changed["variants"][1]["config"].erase("input");
        try {
            run(parsed(changed));
            QFAIL("a float input cannot be deployed");
        } catch (const core::Error& error) {
            QVERIFY(std::string(error.what()).find("the graph input is float") != std::string::npos);
        }
        QCOMPARE(rows()[1].status, RunStatus::Failed);
    }

    void eachVariantIsARunWithItsNumbers() {
        std::vector<std::string> told;
        RecipeObserver observer;
        observer.onVariant = [&](const VariantResult& result) { told.push_back(result.name); };
        const RecipeResult result = run(recipe(), {}, observer);
        QVERIFY(told == std::vector<std::string>({"float", "W8A8", "W6A8"}));
        QCOMPARE(result.variants.size(), std::size_t{3});

        const auto logged = rows();
        QCOMPARE(logged.size(), std::size_t{3});
        for (std::size_t i = 0; i < 3; ++i) {
            const RunRecord row = m_bench->log->run(logged[i].id);
            QCOMPARE(row.status, RunStatus::Succeeded);
            QCOMPARE(row.what.name, result.variants[i].name);
            QVERIFY(row.id == result.variants[i].run);
            QCOMPARE(row.what.groupId, result.groupId);
            QCOMPARE(row.what.recipeName, std::string("test"));
            QCOMPARE(row.what.deviceId, std::string("stm32f411re"));
            QCOMPARE(row.what.modelPath, path("net.pt"));
            QCOMPARE(row.what.seed.value, std::uint64_t{5});
            QCOMPARE(row.what.modelHash.size(), std::size_t{64});
            QCOMPARE(row.what.dataHash.size(), std::size_t{64});
            QCOMPARE(row.what.environment.at("torch"), std::string("fake 1.0"));
            QVERIFY(!row.what.environment.at("bitlathe").empty());
            const core::Metric top1 = row.metrics.at("top1");
            QCOMPARE(top1.value, result.variants[i].evaluation.top1Percent());
            QCOMPARE(top1.samples, std::int64_t{200});
            QVERIFY(*top1.lower95 < top1.value && top1.value < *top1.upper95);
            QCOMPARE(row.metrics.at("rom_bytes").value,
                     static_cast<double>(result.variants[i].budget.romBytes));
            QCOMPARE(row.metrics.count("fits_device"), std::size_t{1});
            QVERIFY(!result.variants[i].verdict.empty());
        }
        QCOMPARE(logged[0].metrics.at("mean_weight_bits").value, 32.0);
        QCOMPARE(logged[1].metrics.at("mean_weight_bits").value, 8.0);
        QCOMPARE(logged[2].metrics.at("mean_weight_bits").value, 6.0);
        QVERIFY(logged[2].metrics.at("rom_bytes").value < logged[1].metrics.at("rom_bytes").value);
        QVERIFY(logged[2].metrics.at("top1").value < logged[1].metrics.at("top1").value);
        QVERIFY(logged[1].what.configHash != logged[2].what.configHash);
        QCOMPARE(m_bench->engine->calibrations, 1);  // one calibration serves every variant
    }

    void layerStatisticsTellEachSite() {
        run(recipe());
        const auto logged = rows();
        const auto count = [&](RunId id, const std::string& site, const std::string& name) {
            const auto statistics = m_bench->log->layerStatistics(id);
            return std::count_if(statistics.begin(), statistics.end(),
                                 [&](const LayerStatistic& s) { return s.site == site && s.name == name; });
        };
        const core::PreparedModel model = core::prepare(m_bench->engine->graph);
        const auto layers = static_cast<long>(model.layers.size());
        const auto weights = std::count_if(model.layers.begin(), model.layers.end(),
                                           [](const core::Layer& layer) { return layer.hasWeights(); });
        const auto quantizable = std::count_if(model.layers.begin(), model.layers.end(),
                                               [](const core::Layer& layer) { return layer.isQuantizable; });
        QCOMPARE(count(logged[1].id, "weight", "bits"), weights);
        QCOMPARE(count(logged[1].id, "weight", "sqnr_db"), weights);
        QCOMPARE(count(logged[1].id, "output", "bits"), quantizable + 1);  // and the graph input
        QCOMPARE(count(logged[1].id, "output", "range_upper"), quantizable + 1);
        QCOMPARE(count(logged[1].id, "output", "sqnr_db"), quantizable + 1);
        QCOMPARE(count(logged[1].id, "", "rom_bytes"), layers);
        QCOMPARE(count(logged[1].id, "output", "isolated_sqnr_db"), layers);
        QCOMPARE(count(logged[0].id, "weight", "bits"), 0L);  // float has none
        QCOMPARE(count(logged[0].id, "output", "isolated_sqnr_db"), 0L);
    }

    void calibrationComesFromTheCacheTheSecondTime() {
        run(recipe());
        run(recipe());
        QCOMPARE(m_bench->engine->calibrations, 1);
        json other = document();
        other["stages"][0]["samples"] = 32;
        run(parsed(other));
        QCOMPARE(m_bench->engine->calibrations, 2);
        other["threads"] = 2;  // may differ in the last bit: not the same statistics
        run(parsed(other));
        QCOMPARE(m_bench->engine->calibrations, 3);
    }

    void calibrationComesFromAFileAndGoesIntoOne() {
        json changed = document();
        changed["stages"][0]["save"] = path("a.stats");
        run(parsed(changed));
        QCOMPARE(m_bench->engine->calibrations, 1);
        m_bench->log = ExperimentLog::open(path("other.db"));  // no cache there
        changed["stages"][0].erase("save");
        changed["stages"][0]["load"] = "a.stats";  // beside the recipe
        const RecipeResult result = run(parsed(changed));
        QCOMPARE(m_bench->engine->calibrations, 1);
        QCOMPARE(result.variants.size(), std::size_t{3});

        m_bench->engine->graph = core::buildZooModel("resnet8", {{"size", 32}, {"channels", 1}}, {1});
        try {
            run(parsed(changed));
            QFAIL("took another model's statistics");
        } catch (const core::Error& error) {
            QVERIFY2(QString(error.what()).contains("was collected on another model"), error.what());
        }
    }

    void entropyStandsBesideThePlainSize() {
        run(recipe());
        const RunRecord quantized = m_bench->log->run(rows()[1].id);
        const double plain = quantized.metrics.at("weight_plain_bytes").value;
        QVERIFY(plain > 0);
        QVERIFY(quantized.metrics.at("weight_entropy_bits").value <=
                quantized.metrics.at("weight_huffman_bits").value);
        QVERIFY(quantized.metrics.at("weight_huffman_bits").value <= 8.0);
        // The four values of every activation: codes of a quarter each, or a half where two share one.
        QVERIFY(quantized.metrics.at("activation_entropy_bits").value <= 2.0);
        QVERIFY(m_bench->log->run(rows()[0].id).metrics.count("weight_plain_bytes") == 0);
    }

    void floatAloneNeedsNoCalibration() {
        json alone = document();
        alone["variants"].erase(2);
        alone["variants"].erase(1);
        run(parsed(alone));
        QCOMPARE(m_bench->engine->calibrations, 0);
        QCOMPARE(m_bench->engine->evaluations, 1);
    }

    void aStoredRecipeRepeatsItsRun() {
        run(recipe());
        const RunRecord first = m_bench->log->run(rows().at(2).id);
        const Recipe stored =
            Recipe::parse(json::parse(first.what.recipeJson));  // no folder: it must stand alone
        QCOMPARE(stored.variants.size(), std::size_t{1});
        const RecipeResult again = run(stored);
        const RunRecord second = m_bench->log->run(again.variants.at(0).run);
        QCOMPARE(second.what.name, first.what.name);
        QCOMPARE(second.what.configJson, first.what.configJson);
        QCOMPARE(second.what.recipeJson, first.what.recipeJson);
        QCOMPARE(second.what.configHash, first.what.configHash);
        QCOMPARE(second.what.dataHash, first.what.dataHash);
        QCOMPARE(second.metrics.at("top1").value, first.metrics.at("top1").value);
        QVERIFY(second.what.groupId != first.what.groupId);
    }

    void aFailureClosesItsRowAndKeepsTheOthers() {
        m_bench->engine->onStep = [this](const std::string& method, std::int64_t) {
            if (method == "evaluate" && m_bench->engine->evaluations == 2) {
                throw core::Error(core::ErrorCode::NonFiniteInput, "layer stem: NaN");
            }
        };
        QVERIFY_EXCEPTION_THROWN(run(recipe()), core::Error);
        const auto logged = rows();
        QCOMPARE(logged.size(), std::size_t{2});
        QCOMPARE(logged[0].status, RunStatus::Succeeded);
        QCOMPARE(logged[1].status, RunStatus::Failed);
        QCOMPARE(logged[1].error, std::string("layer stem: NaN"));
        QVERIFY(logged[1].metrics.count("rom_bytes") == 1);  // what was known stays
    }

    void cancellingClosesTheRowAsCancelled() {
        core::RunContext context;
        bool sawRunningRow = false;
        m_bench->engine->onStep = [&](const std::string& method, std::int64_t) {
            if (method == "calibrate") {
                // The row is there before the work, seen through another connection.
                const auto logged = ExperimentLog::open(path("log.db"))->runs({});
                sawRunningRow = logged.at(0).status == RunStatus::Running && logged.at(0).what.name == "W8A8";
                context.requestCancel();
            }
        };
        QVERIFY_EXCEPTION_THROWN(run(recipe(), context), core::Cancelled);
        QVERIFY(sawRunningRow);
        const auto logged = rows();
        QCOMPARE(logged.size(), std::size_t{2});
        QCOMPARE(logged[1].status, RunStatus::Cancelled);
        QVERIFY(logged[1].error.empty());
    }

    void progressNamesItsStage() {
        std::vector<std::string> stages;
        run(recipe(), core::RunContext([&](const core::Progress& progress) {
                if (stages.empty() || stages.back() != progress.stage) {
                    stages.push_back(progress.stage);
                }
                QVERIFY(progress.done <= progress.total);
            }));
        QVERIFY(stages ==
                std::vector<std::string>({"load model", "evaluate float", "calibrate", "evaluate W8A8",
                                          "layer errors W8A8", "evaluate W6A8", "layer errors W6A8"}));
    }

    void mistakesAreFoundBeforeAnyWork_data() {
        QTest::addColumn<QString>("pointer");
        QTest::addColumn<QString>("value");
        QTest::addColumn<QString>("expected");
        QTest::newRow("no such device") << "/device"
                                        << "\"stm32f411rx\""
                                        << "stm32f411re";
        QTest::newRow("no such file") << "/model/file"
                                      << "\"absent.pt\""
                                      << "absent.pt";
        QTest::newRow("rule without layer") << "/variants/2/config/rules"
                                            << R"([{"match": {"kind": "add"}, "set": {}}])"
                                            << "variants[2].config.rules[0].match: matches no layer";
        QTest::newRow("no padding") << "/data/pad"
                                    << "0"
                                    << "takes 1×32×32, the data gives 1×28×28";
        QTest::newRow("unknown format") << "/stages/2"
                                        << R"({"stage": "export", "format": "onix", "folder": "x"})"
                                        << "stages[2].format: unknown 'onix'";
        QTest::newRow("no such data") << "/data/root"
                                      << "\"/nowhere\""
                                      << "/nowhere";
        QTest::newRow("two channels") << "/data/mean"
                                      << "[1, 2]"
                                      << "mean";
    }
    void mistakesAreFoundBeforeAnyWork() {
        QFETCH(QString, pointer);
        QFETCH(QString, value);
        QFETCH(QString, expected);
        json changed = document();
        changed[json::json_pointer(pointer.toStdString())] = json::parse(value.toStdString());
        try {
            run(parsed(changed));
            QFAIL("ran");
        } catch (const core::Error& error) {
            QVERIFY2(QString(error.what()).contains(expected), error.what());
            QVERIFY(error.isBadInput());
        }
        QVERIFY(rows().empty());
        QCOMPARE(m_bench->engine->evaluations, 0);
    }

    void withoutCalibrationTheRunSaysSo() {
        json changed = document();
        changed["stages"].erase(0);
        try {
            run(parsed(changed));
            QFAIL("ran");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::NotCalibrated);
        }
        QCOMPARE(rows().at(1).status, RunStatus::Failed);
    }

    void trainingIsARunOfItsOwn() {
        const QString before = QDir::currentPath();
        QDir::setCurrent(QString::fromStdString(path(".")));
        json training = document();
        training["model"] = json::parse(
            R"({"zoo": {"name": "mobilenet_v1", "width": 0.25, "size": 32, "channels": 1, "classes": 10}})");
        training["variants"] = json::array();
        training["stages"] = json::parse(R"([{"stage": "train", "epochs": 3, "batch_size": 100}])");
        int epochs = 0;
        RecipeObserver observer;
        observer.onEpoch = [&](const core::EpochReport& report) {
            QCOMPARE(report.epoch, std::int64_t{++epochs});
        };
        const RecipeResult result = run(parsed(training), {}, observer);
        QDir::setCurrent(before);
        QCOMPARE(epochs, 3);
        QCOMPARE(result.variants.size(), std::size_t{1});
        const RunRecord row = m_bench->log->run(result.variants[0].run);
        QCOMPARE(row.status, RunStatus::Succeeded);
        QCOMPARE(row.what.name, std::string("training"));
        QCOMPARE(row.what.modelPath, std::string("zoo:mobilenet_v1"));
        QCOMPARE(row.metrics.at("top1").value, 75.0);  // the fake's third epoch
        QCOMPARE(row.metrics.at("epochs").value, 3.0);
        // Every epoch's point is kept: the fake's k-th is right for k of k + 1 images.
        std::map<std::string, std::vector<MetricStep>> series;
        for (const MetricStep& step : m_bench->log->metricSteps(row.id)) {
            series[step.name].push_back(step);
        }
        for (const char* name : {"train_loss", "top1", "loss", "learning_rate"}) {
            QCOMPARE(series[name].size(), std::size_t{3});
        }
        for (int epoch = 1; epoch <= 3; ++epoch) {
            const MetricStep& top1 = series["top1"][static_cast<std::size_t>(epoch - 1)];
            QCOMPARE(top1.step, static_cast<double>(epoch));
            QCOMPARE(std::round(top1.value), std::round(100.0 * epoch / (epoch + 1)));
        }
        QVERIFY(row.what.configJson.empty());
    }

    void heldOutImagesHaveTheirOwnSeries() {
        json training = document();
        training["variants"] = json::array();
        training["stages"] = json::parse(R"([{"stage": "train", "epochs": 2, "samples": 1000, "keep": "best",
                                              "validation_samples": 300}])");
        const RecipeResult result = run(parsed(training));
        const RunRecord row = m_bench->log->run(result.variants[0].run);
        // The fake's second epoch: two of three.
        QCOMPARE(row.metrics.at("validation_top1").samples, std::int64_t{300});
        QCOMPARE(row.metrics.at("validation_top1").value, 100.0 * 200 / 300);
        QCOMPARE(row.metrics.at("top1").samples, std::int64_t{10'000});
        QCOMPARE(row.metrics.at("train_loss").samples, std::int64_t{700});
        QCOMPARE(row.metrics.count("epoch_chosen_by_test"), std::size_t{0});
        std::map<std::string, int> points;
        for (const MetricStep& step : m_bench->log->metricSteps(row.id)) {
            ++points[step.name];
        }
        QCOMPARE(points["validation_top1"], 2);
        QCOMPARE(points["validation_loss"], 2);
        QCOMPARE(points.count("top1"), std::size_t{0});

        training["stages"][0]["validation_samples"] = 1000;
        try {
            run(parsed(training));
            QFAIL("trained on nothing");
        } catch (const core::Error& error) {
            QVERIFY2(QString(error.what()).contains("validation_samples = 1000 of 1000 training images"),
                     error.what());
        }
    }

    /// A resumed training that ends before its first own checkpoint goes on from where it was resumed itself.
    void resumingTwiceKeepsTheFirstCheckpoint() {
        json training = document();
        training["variants"] = json::array();
        training["stages"] = json::parse(R"([{"stage": "train", "epochs": 2, "samples": 500}])");
        m_bench->engine->onStep = [](const std::string& method, std::int64_t) {
            if (method == "train") {
                throw core::Error(core::ErrorCode::Io, "the machine went down");
            }
        };
        QVERIFY_EXCEPTION_THROWN(run(parsed(training)), core::Error);
        const RunId first = rows().back().id;
        const auto resume = [&](RunId id) {
            return resumeRun(id, *m_bench->engine, *m_bench->log, m_bench->devices, {});
        };

        QVERIFY_EXCEPTION_THROWN(resume(first), core::Error);  // no checkpoint at all: its own folder
        QCOMPARE(m_bench->engine->resumeFolder, runFolder(*m_bench->log, first));
        const RunId second = rows().back().id;
        QFile checkpoint(QString::fromStdString(runFolder(*m_bench->log, first)) + "/checkpoint.blck");
        QVERIFY(checkpoint.open(QIODevice::WriteOnly));
        QVERIFY_EXCEPTION_THROWN(resume(second), core::Error);
        QCOMPARE(m_bench->engine->resumeFolder, runFolder(*m_bench->log, first));

        const RunId third = rows().back().id;
        QCOMPARE(m_bench->log->run(third).metrics.at("resumed_run").value, static_cast<double>(second.value));
        m_bench->engine->onStep = nullptr;
        const RunRecord done = m_bench->log->run(resume(third).variants[0].run);
        QCOMPARE(m_bench->engine->resumeFolder, runFolder(*m_bench->log, first));
        QCOMPARE(done.metrics.at("resumed_run").value, static_cast<double>(third.value));
        QCOMPARE(done.metrics.at("resumed_step").value, 0.0);

        m_bench->log->removeRun(second);  // what it went on from can no longer be told
        resume(third);
        QCOMPARE(m_bench->engine->resumeFolder, runFolder(*m_bench->log, third));
    }

    void aModelInTheWorkingFolderIsFoundToo() {
        const QString before = QDir::currentPath();
        QTemporaryDir elsewhere;
        QDir::setCurrent(QString::fromStdString(path(".")));
        Recipe moved = recipe();
        moved.folder = elsewhere.path().toStdString();
        const RecipeResult result = run(moved);
        QDir::setCurrent(before);
        QCOMPARE(m_bench->log->run(result.variants[0].run).what.modelPath, path("net.pt"));
    }
};

QTEST_GUILESS_MAIN(TestRunRecipe)
#include "test_run_recipe.moc"
