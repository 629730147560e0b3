#include "core/search/bit_search.h"
#include "core/types/error.h"
#include "tests/support/recipe_bench.h"

#include <QtTest>

#include <algorithm>

using namespace bitlathe;
using namespace bitlathe::experiments;
using bitlathe::tests::RecipeBench;
using nlohmann::json;

/// The search stage of a recipe: what it measures, keeps, runs and writes down. The engine is made up: each missing bit
/// costs 0.01 nats (weights 0.02), a whole point of accuracy in an evaluation.
class TestSearchStage : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<RecipeBench> m_bench;

    static json document(const json& search) {
        json stage{
            {"stage", "search"}, {"base", "W8A8"}, {"split", "test"}, {"samples", 64}, {"batch_size", 32}};
        stage.update(search);
        json recipe = json::parse(R"({
            "schema_version": 1, "name": "test", "seed": 5,
            "model": {"file": "net.pt"}, "data": {"pad": 2}, "device": "stm32f411re",
            "variants": [
                {"name": "W8A8", "config": {"input": {"bits": 8}, "defaults": {"weight": {"bits": 8, "quantizer": "symmetric", "granularity": "channel"}, "output": {"bits": 8}}}}],
            "stages": [{"stage": "calibrate", "split": "test", "samples": 64}, {"stage": "evaluate", "samples": 200}]})");
        recipe["stages"].push_back(stage);
        return recipe;
    }
    RecipeResult run(const json& recipe) { return m_bench->run(m_bench->parsed(recipe)); }
    double metric(RunId run, const char* name) const { return m_bench->metric(run, name); }

private Q_SLOTS:
    void init() { m_bench = std::make_unique<RecipeBench>(); }
    void cleanup() { m_bench.reset(); }

    void anEvaluationStandsBesideTheEstimate_data() {
        QTest::addColumn<QString>("method");
        QTest::newRow("ilp") << "ilp";
        QTest::newRow("greedy") << "greedy";
    }
    /// The found bits run as a variant of their own; its row holds estimate, measurement and their difference.
    void anEvaluationStandsBesideTheEstimate() {
        QFETCH(QString, method);
        const RecipeResult result = run(document(
            {{"name", "small"}, {"method", method.toStdString()}, {"rom", 130'000}, {"ram", 15'000}}));
        QCOMPARE(result.variants.size(), std::size_t{2});
        const VariantResult& found = result.variants.back();
        QCOMPARE(found.name, std::string("small"));
        const RunRecord row = m_bench->log->run(found.run);
        QCOMPARE(row.status, RunStatus::Succeeded);
        QVERIFY(metric(found.run, "rom_bytes") <= 130'000);
        QVERIFY(metric(found.run, "ram_bytes") <= 15'000);
        const double estimated = metric(found.run, "estimated_loss");
        const double measured = metric(found.run, "search_loss");
        QVERIFY(estimated > 1.0);  // the float model's 1 and what bits cost
        QVERIFY(estimated != measured);
        QCOMPARE(metric(found.run, "estimate_error_loss"), estimated - measured);
        QCOMPARE(metric(found.run, "estimate_error_top1"),
                 metric(found.run, "estimated_top1") - metric(found.run, "search_top1"));
        QCOMPARE(row.metrics.at("search_top1").samples, std::int64_t{64});
        QVERIFY(metric(found.run, "search_cost") > 0);
        QVERIFY(metric(found.run, "bit_operations") > 0);
        // And the real evaluation of the evaluate stage, as for every variant.
        QVERIFY(row.metrics.contains("top1"));
        QCOMPARE(row.metrics.at("top1").samples, std::int64_t{200});
    }

    void whatWasMeasuredIsMeasuredOnce() {
        const json first = document({{"rom", 130'000}, {"ram", 15'000}});
        run(first);
        const int asked = m_bench->engine->sensitivityProbes;
        QVERIFY(asked > 100);  // 28 weights and 29 activations at two or three widths
        run(first);
        QCOMPARE(m_bench->engine->sensitivityProbes, asked);
        run(document({{"rom", 100'000}, {"ram", 15'000}}));  // other limits ask nothing new
        QCOMPARE(m_bench->engine->sensitivityProbes, asked);
        run(document({{"rom", 130'000}, {"ram", 15'000}, {"weight_bits", {8, 4, 3, 2}}}));
        QCOMPARE(m_bench->engine->sensitivityProbes, asked + 28);  // the new width alone
    }

    void rulesMeasureNothing_data() {
        QTest::addColumn<QString>("method");
        QTest::newRow("mix_pl") << "mix_pl";
        QTest::newRow("mix_pc") << "mix_pc";
    }
    void rulesMeasureNothing() {
        QFETCH(QString, method);
        const RecipeResult result =
            run(document({{"method", method.toStdString()}, {"rom", 130'000}, {"ram", 15'000}}));
        QCOMPARE(m_bench->engine->sensitivityProbes, 0);
        QVERIFY(metric(result.variants.back().run, "rom_bytes") <= 130'000);
        QVERIFY(!m_bench->log->run(result.variants.back().run).metrics.contains("estimated_loss"));
    }

    void nothingFitsNamesTheLayer() {
        try {
            run(document({{"name", "tiny"}, {"rom", 20'000}, {"ram", 15'000}}));
            QFAIL("20,000 bytes hold no 210,016 weights");
        } catch (const core::Error& error) {
            const std::string text = error.what();
            QVERIFY2(text.find("search 'tiny'") != std::string::npos &&
                         text.find("blocks.13.pointwise.conv") != std::string::npos,
                     text.c_str());
        }
    }

    void limitsAreTheDevicesByDefault() {
        const RecipeResult result = run(document({{"method", "mix_pl"}}));
        const core::Device& device = m_bench->devices.find("stm32f411re");
        QVERIFY(metric(result.variants.back().run, "rom_bytes") <= double(device.romLimitBytes()));
        QVERIFY(metric(result.variants.back().run, "ram_bytes") <= double(device.ramLimitBytes()));
        json nowhere = document({{"method", "mix_pl"}});
        nowhere.erase("device");
        QVERIFY_THROWS_EXCEPTION(core::Error, run(nowhere));
    }

    void documentsKeepTheStage() {
        const json search{{"name", "small"},      {"method", "greedy"},           {"rom", 130'000},
                          {"ram", 15'000},        {"weight_bits", {7, 5, 3}},     {"activation_bits", {8, 6}},
                          {"ram_model", "arena"}, {"bit_operations", 50'000'000}, {"measure", "sqnr"}};
        const Recipe once = Recipe::parse(document(search));
        const Recipe twice = Recipe::parse(once.toJson());
        const auto& stage = std::get<SearchStage>(twice.stages.back());
        QCOMPARE(stage.name, std::string("small"));
        QCOMPARE(int(stage.method), int(core::FitMethod::Greedy));
        QCOMPARE(stage.bits.weights, (std::vector<int>{7, 5, 3}));
        QCOMPARE(stage.bits.activations, (std::vector<int>{8, 6}));
        QCOMPARE(int(stage.ramModel), int(core::RamModel::Arena));
        QCOMPARE(int(stage.measure), int(core::SensitivityMeasure::Sqnr));
        QCOMPARE(stage.bitOperations, std::optional<std::int64_t>(50'000'000));
    }

    void badStages_data() {
        QTest::addColumn<QByteArray>("change");
        QTest::newRow("9 bits") << QByteArray(R"({"weight_bits": [9]})");
        QTest::newRow("no bits") << QByteArray(R"({"weight_bits": []})");
        QTest::newRow("no such method") << QByteArray(R"({"method": "luck"})");
        QTest::newRow("no such base") << QByteArray(R"({"base": "W9"})");
        QTest::newRow("less than nothing") << QByteArray(R"({"rom": -1})");
    }
    void badStages() {
        QFETCH(QByteArray, change);
        QVERIFY_THROWS_EXCEPTION(core::Error, run(document(json::parse(change.toStdString()))));
    }
};

QTEST_GUILESS_MAIN(TestSearchStage)
#include "test_search_stage.moc"
