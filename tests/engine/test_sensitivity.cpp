#include "engine/sensitivity_meter.h"

#include "core/graph/prepare.h"
#include "core/plan/quant_plan.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "engine/evaluator.h"
#include "engine/quantized_executor.h"
#include "engine/statistics_collector.h"

#include <QtTest>

#include <cmath>

using namespace bitlathe;

namespace {

/// A few made-up images of ten classes.
class Noise final : public core::Dataset {
public:
    std::string name() const override { return "noise"; }
    std::int64_t size() const override { return 24; }
    core::Shape sampleShape() const override { return {3, 32, 32}; }
    std::vector<std::string> classNames() const override { return std::vector<std::string>(10, "class"); }
    int label(std::int64_t index) const override { return static_cast<int>(index % 10); }
    void pixels(std::int64_t index, std::span<std::uint8_t> out) const override {
        std::uint32_t state = static_cast<std::uint32_t>(index) * 2654435761U + 1;
        for (std::uint8_t& pixel : out) {
            state = state * 1664525U + 1013904223U;
            pixel = static_cast<std::uint8_t>(state >> 24);
        }
    }
    const std::string& hash() const override { return m_hash; }

private:
    std::string m_hash = "noise";
};

core::BatchSource noise() {
    core::BatchSource::Options options;
    options.batchSize = 16;  // the second batch is not full
    core::DataSpec spec;
    spec.mean = {128, 128, 128};
    spec.scale = {64, 64, 64};
    return core::BatchSource(std::make_shared<Noise>(), spec, options);
}

core::QuantConfig eightBits(const core::PreparedModel& model) {
    core::QuantConfig config;
    config.input.bits = core::BitWidth(8);
    for (const core::Layer& layer : model.layers) {
        config.layers[layer.id].weight.bits = core::BitWidth(8);
        config.layers[layer.id].output.bits = core::BitWidth(8);
    }
    return config;
}

}  // namespace

class TestSensitivity : public QObject {
    Q_OBJECT

private:
    core::PreparedModel m_model;
    std::vector<core::SensitivityProbe> m_probes;

private Q_SLOTS:
    void initTestCase() {
        m_model =
            core::prepare(core::buildZooModel("resnet8", {{"channels", 3}, {"size", 32}}, core::Seed{3}));
        const core::Statistics statistics =
            engine::calibrateModel(m_model, noise(), core::ChannelDetail::Extrema, {});
        const std::vector<int> widths{8, 2};
        m_probes = core::sensitivityProbes(m_model, eightBits(m_model), statistics, widths, widths);
        // Input, and of each layer the output, and weights where it has some.
        std::size_t sites = 1;
        for (const core::Layer& layer : m_model.layers) {
            sites += (layer.isQuantizable ? 1U : 0U) + (layer.hasWeights() ? 1U : 0U);
        }
        QCOMPARE(m_probes.size(), 2 * sites);
    }

    // A probe is what the whole model answers with that one site quantized, branches and all.
    void aProbeIsAOneSitePlan() {
        const core::BatchSource data = noise();
        const core::SensitivityTable table = engine::measureSensitivity(m_model, m_probes, data, {});
        QCOMPARE(table.samples, 24);
        const core::EvaluationResult reference =
            engine::evaluateClassifier(engine::makeQuantizedExecutor(m_model, {}), data, {});
        QVERIFY(std::abs(table.floatLoss - reference.meanLoss) < 1e-5 * reference.meanLoss);
        QCOMPARE(table.floatCorrect, reference.correct);
        for (const core::SensitivityProbe& probe : m_probes) {
            core::QuantPlan plan;
            plan.sites.emplace(probe.site, probe.grid);
            const core::EvaluationResult whole =
                engine::evaluateClassifier(engine::makeQuantizedExecutor(m_model, plan), data, {});
            const core::Sensitivity* const entry = table.find(probe.site, probe.bits);
            QVERIFY(entry != nullptr);
            // Float sums in another order (fused or not, one batch or another): some 1e-6 of the logits, and
            // now and then a value on the edge of two codes.
            QVERIFY2(std::abs(entry->loss - whole.meanLoss) < 2e-3 * std::max(1.0, whole.meanLoss),
                     qPrintable(QString("%1 at %2 bits: %3, whole %4")
                                    .arg(probe.site.layer.str().c_str())
                                    .arg(probe.bits)
                                    .arg(entry->loss)
                                    .arg(whole.meanLoss)));
            QVERIFY(entry->klDivergence >= -1e-12);
        }
    }

    void fewerBitsCostMore() {
        const core::SensitivityTable table = engine::measureSensitivity(m_model, m_probes, noise(), {});
        for (const core::Layer& layer : m_model.layers) {
            if (layer.hasWeights()) {
                const core::SiteId site{layer.id, core::SiteKind::Weight};
                QVERIFY(table.cost(site, 2, core::SensitivityMeasure::KlDivergence) >
                        table.cost(site, 8, core::SensitivityMeasure::KlDivergence));
                QVERIFY(table.find(site, 2)->sqnrDb < table.find(site, 8)->sqnrDb);
            }
        }
        QVERIFY_EXCEPTION_THROWN(
            table.cost({core::LayerId("nobody"), core::SiteKind::Output}, 8, core::SensitivityMeasure::Loss),
            core::Error);
    }

    void stopsAndRefuses() {
        core::RunContext context;
        context.requestCancel();
        QVERIFY_EXCEPTION_THROWN(engine::measureSensitivity(m_model, m_probes, noise(), context),
                                 core::Cancelled);
        std::vector<core::SensitivityProbe> foreign{m_probes.back()};
        foreign[0].site.layer = core::LayerId("nobody");
        QVERIFY_EXCEPTION_THROWN(engine::measureSensitivity(m_model, foreign, noise(), {}), core::Error);
    }
};

QTEST_GUILESS_MAIN(TestSensitivity)
#include "test_sensitivity.moc"
