#include "core/deploy/lower.h"
#include "core/exporters/target_budget.h"
#include "core/graph/prepare.h"
#include "core/ptq/post_training.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "tests/support/random_model.h"

#include <QtTest>

#include <numeric>

using namespace bitlathe::core;
using namespace bitlathe::tests;

namespace {

Device device(std::int64_t rom, std::int64_t ram) {
    Device device;
    device.name = "chip";
    device.rom = {{"flash", rom}};
    device.ram = {{"SRAM", ram}};
    device.reservedRomBytes = 1000;
    return device;
}

PreparedModel mobileNet() {
    return prepare(
        buildZooModel("mobilenet_v1", {{"width", 0.25}, {"size", 32}, {"channels", 1}, {"classes", 10}}, {}));
}

QuantConfig uniform(const PreparedModel& model, int weights, int outputs, Granularity::Kind granularity) {
    QuantConfig config;
    config.input.bits = BitWidth(8);
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        quant.weight.bits = BitWidth(weights);
        quant.weight.quantizer.name = "affine";
        quant.weight.granularity.kind = granularity;
        quant.output.bits = BitWidth(outputs);
        if (layer.outputNode == model.graph.output) {
            quant.output.bits.reset();  // raw accumulators
        }
    }
    return config;
}

std::int64_t aligned(std::int64_t bytes) {
    return (bytes + 3) / 4 * 4;
}

}  // namespace

/// The budget as the formulas have it and as the C exporter lays it out. That the latter equals the linked program's
/// sections is test_c_on_cortex_m's proof.
class TestTargetBudget : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void layersByHand_data() {
        QTest::addColumn<bool>("isPerChannel");
        QTest::newRow("one factor a layer: 4c + 20") << false;
        QTest::newRow("factors and zero points a channel: 10c + 8") << true;
    }
    /// A weighted layer's exported parameters are the formulas', each table rounded up to words.
    void layersByHand() {
        QFETCH(bool, isPerChannel);
        const PreparedModel model = mobileNet();
        const auto granularity = isPerChannel ? Granularity::Kind::Channel : Granularity::Kind::Tensor;
        const TargetBudget budget =
            targetBudget(model, uniform(model, 4, 8, granularity), device(1 << 20, 1 << 20));
        QVERIFY2(budget.exported, budget.refusal.c_str());
        QVERIFY(!budget.isCalibrated);
        std::size_t checked = 0;
        for (const CLayerBudget& layer : budget.exported->layers) {
            const Layer* const source = model.findLayer(layer.layer);
            const bool isLogits = source->outputNode == model.graph.output;
            if (!source->hasWeights() || isLogits) {
                continue;
            }
            const std::int64_t c = source->outputChannels;
            QCOMPARE(layer.requantBytes,
                     isPerChannel ? 4 * (2 * c + 2) + aligned(2 * c) : 4 * (c + 3) + aligned(4 + 1));
            QVERIFY(layer.weightBytes >= (source->weightCount * 4 + 7) / 8);
            QCOMPARE(layer.constantBytes, std::int64_t{0});
            ++checked;
        }
        QCOMPARE(checked, std::size_t{27});
    }

    void totalsAreTheLayersSums() {
        for (unsigned seed = 1; seed <= 6; ++seed) {
            const PreparedModel model = randomModel(seed);
            QuantConfig config = uniform(model, 5, 6, Granularity::Kind::Channel);
            const TargetBudget budget = targetBudget(model, config, device(1 << 20, 1 << 20));
            if (!budget.exported) {
                continue;  // an accumulator beyond 32 bits and the like
            }
            const CBudget& exported = *budget.exported;
            std::int64_t rom = 0;
            for (const CLayerBudget& layer : exported.layers) {
                rom += layer.romBytes();
            }
            QCOMPARE(rom, exported.sizes.romBytes());
            const RomSplit& split = budget.exportedSplit;
            QCOMPARE(split.weightBytes + split.requantBytes + split.tableBytes, exported.romBytes());
            QCOMPARE(split.codeBytes, std::int64_t{1000});
            const CLayerBudget& peak = exported.layers[static_cast<std::size_t>(exported.peakLayer())];
            QVERIFY(peak.aliveBytes() >= exported.arena.lowerBoundBytes);
            QVERIFY(exported.sizes.arenaBytes >= exported.arena.lowerBoundBytes);
            for (std::size_t i = 0; i < exported.layers.size(); ++i) {
                const int step = static_cast<int>(i);
                std::int64_t alive = 0;
                for (const ArenaBuffer& buffer : exported.buffers) {
                    alive += buffer.first <= step && step <= buffer.last ? aligned(buffer.bytes) : 0;
                }
                QVERIFY(exported.layers[i].aliveBytes() >= alive);
            }
        }
    }

    void peakIsAFormula() {
        const PreparedModel model = mobileNet();
        const TargetBudget budget =
            targetBudget(model, uniform(model, 8, 8, Granularity::Kind::Channel), device(1 << 20, 1 << 20));
        QVERIFY(budget.exported);
        const CBudget& exported = *budget.exported;
        const QString text = QString::fromStdString(exported.peakText());
        // "layer: input a + output b + scratch c + held for later layers d - written over ... e = n B"
        static const QRegularExpression kFormula(
            "^(\\S+): input (\\d+) \\+ output (\\d+) \\+ scratch (\\d+) \\+ held for later layers (\\d+)"
            "(?: - written over input already read (\\d+))? = (\\d+) B$");
        const QRegularExpressionMatch match = kFormula.match(text);
        QVERIFY2(match.hasMatch(), qPrintable(text));
        const auto number = [&](int i) { return match.captured(i).toLongLong(); };
        QCOMPARE(number(2) + number(3) + number(4) + number(5) - number(6), number(7));
        QCOMPARE(number(7), exported.sizes.arenaBytes);
        QVERIFY(model.findLayer(LayerId(match.captured(1).toStdString())) != nullptr);
    }

    void weightsDoNotChangeTheLayout() {
        // Nominal ranges and calibrated ones that begin at zero, as they do behind a relu: the same bytes.
        const PreparedModel model = mobileNet();
        const QuantConfig config = uniform(model, 4, 8, Granularity::Kind::Channel);
        const Device chip = device(1 << 20, 1 << 20);
        QuantConfig other = config;
        other.input.manualRange = Range{-0.3, 2.1};
        for (auto& [id, quant] : other.layers) {
            quant.output.manualRange = Range{0, 1.9};
        }
        const QuantPlan plan = resolvePlan(model, other, {});
        TargetOptions options;
        options.plan = &plan;
        const TargetBudget calibrated = targetBudget(model, config, chip, options);
        const TargetBudget nominal = targetBudget(model, config, chip);
        QVERIFY(calibrated.exported && nominal.exported);
        QVERIFY(calibrated.isCalibrated && !nominal.isCalibrated);
        QCOMPARE(calibrated.exported->sizes.romBytes(), nominal.exported->sizes.romBytes());
        QCOMPARE(calibrated.exported->sizes.arenaBytes, nominal.exported->sizes.arenaBytes);
    }

    void keptBatchNormIsPrepared() {
        const PreparedModel model = mobileNet();
        QuantConfig config = uniform(model, 4, 8, Granularity::Kind::Tensor);
        for (auto& [id, quant] : config.layers) {
            quant.batchNorm = BatchNormMode::Icn;
        }
        const TargetBudget budget = targetBudget(model, config, device(1 << 20, 1 << 20));
        QVERIFY2(budget.exported, budget.refusal.c_str());
        const CLayerBudget& stem = budget.exported->layers.front();
        const std::int64_t c = model.layers.front().outputChannels;
        // 9c + 12, in words: a factor per channel although the fresh network's batch norms are all alike.
        QCOMPARE(stem.requantBytes, 4 * (2 * c + 2) + aligned(c + 1));
    }

    void floatIsRefusedByName() {
        const PreparedModel model = mobileNet();
        QuantConfig config = uniform(model, 4, 8, Granularity::Kind::Tensor);
        const LayerId layer = model.layers[3].id;
        config.layers[layer].weight.bits.reset();
        const TargetBudget budget = targetBudget(model, config, device(1 << 20, 1 << 20));
        QVERIFY(!budget.exported);
        QVERIFY2(budget.refusal.find(layer.str()) != std::string::npos, budget.refusal.c_str());
        QVERIFY(budget.formulas.romBytes > 0);
        QVERIFY(!budget.fitsExported(device(1 << 20, 1 << 20)));
        QVERIFY(budget.exportedVerdict(device(1 << 20, 1 << 20)).starts_with("not as C: "));
    }

    /// What no export holds is refused in the export's words.
    void onlineRangesAreRefusedAsExportsAre() {
        const PreparedModel model = mobileNet();
        const QuantConfig config = uniform(model, 8, 8, Granularity::Kind::Tensor);
        QuantPlan plan = nominalPlan(model, config);
        const SiteId site{model.layers.front().id, SiteKind::Output};
        plan.online.emplace(site, config.site(site));
        TargetOptions options;
        options.plan = &plan;
        const TargetBudget budget = targetBudget(model, config, device(1'000'000, 1'000'000), options);
        QVERIFY(!budget.exported);
        try {
            deployable(model, plan);
            QFAIL("took ranges of each batch");
        } catch (const Error& error) {
            QCOMPARE(budget.refusal, std::string(error.what()));
        }
    }

    void verdictOfATightChip() {
        const PreparedModel model = mobileNet();
        const QuantConfig config = uniform(model, 8, 8, Granularity::Kind::Channel);
        const TargetBudget roomy = targetBudget(model, config, device(1 << 20, 1 << 20));
        const std::int64_t ram = roomy.exported->ramBytes();
        const std::int64_t rom = roomy.exported->romBytes() + 1000;  // what the device reserves
        QVERIFY(roomy.fitsExported(device(rom, ram)));
        QVERIFY(!roomy.fitsExported(device(rom - 1, ram)));
        QVERIFY(!roomy.fitsExported(device(rom, ram - 1)));
        const std::string text = roomy.exportedVerdict(device(rom, ram - 1));
        QVERIFY2(text.find("1 B over") != std::string::npos &&
                     text.find(roomy.exported->peakText()) != std::string::npos,
                 text.c_str());
    }
};

QTEST_GUILESS_MAIN(TestTargetBudget)
#include "test_target_budget.moc"
