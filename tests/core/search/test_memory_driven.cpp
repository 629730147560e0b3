#include "core/search/memory_driven.h"

#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "tests/core/device/budget_models.h"

#include <QtTest>

#include <QElapsedTimer>
#include <QRandomGenerator>

#include <limits>

using namespace bitlathe::core;

namespace {

using Golden = bitlathe::core::testing::MemoryDrivenCase;
using Mode = MemoryDrivenOptions::Mode;

std::vector<ChainLayer> chainOfCase(const Golden& golden) {
    std::vector<ChainLayer> chain;
    for (const auto& layer : golden.layers) {
        chain.push_back({LayerId("layer" + std::to_string(chain.size())), layer.weights, layer.outChannels,
                         layer.inElements, layer.outElements});
    }
    return chain;
}

MemoryDrivenOptions limits(std::int64_t rom, std::int64_t ram, Mode mode = Mode::MixPL) {
    MemoryDrivenOptions options;
    options.romLimitBytes = rom;
    options.ramLimitBytes = ram;
    options.mode = mode;
    return options;
}

/// Three layers; every tensor of `elements` values, `weights` weights each, one channel.
std::vector<ChainLayer> threeLayers(std::int64_t weights, std::int64_t elements) {
    std::vector<ChainLayer> chain;
    for (const char* name : {"a", "b", "c"}) {
        chain.push_back({LayerId(name), weights, 1, elements, elements});
    }
    return chain;
}

constexpr std::int64_t kPlenty = 1'000'000'000;

std::vector<int> weightBits(const MemoryDrivenResult& result) {
    std::vector<int> bits;
    for (const auto& layer : result.layers) {
        bits.push_back(layer.weightBits);
    }
    return bits;
}

std::vector<int> outputBits(const MemoryDrivenResult& result) {
    std::vector<int> bits;
    for (const auto& layer : result.layers) {
        bits.push_back(layer.outputBits);
    }
    return bits;
}

}  // namespace

class TestMemoryDriven : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void reference_data() {
        QTest::addColumn<int>("index");
        const auto cases = testing::memoryDrivenCases();
        QCOMPARE(cases.size(), std::size_t(25));
        for (std::size_t i = 0; i < cases.size(); ++i) {
            QTest::newRow(cases[i].name.c_str()) << int(i);
        }
    }
    void reference() {
        QFETCH(int, index);
        const Golden golden = testing::memoryDrivenCases()[std::size_t(index)];
        const MemoryDrivenResult result =
            memoryDrivenBits(chainOfCase(golden), limits(golden.romLimit, golden.ramLimit,
                                                         golden.mode == "MixPC" ? Mode::MixPC : Mode::MixPL));
        QCOMPARE(result.isFeasible, golden.isFeasible);
        if (!golden.isFeasible) {
            return;
        }
        QCOMPARE(weightBits(result), golden.weightBits);
        QCOMPARE(outputBits(result), golden.outputBits);
        for (std::size_t i = 0; i < golden.layers.size(); ++i) {
            QCOMPARE(result.layers[i].inputBits, golden.inputBits[i]);
            const bool isPerChannel = golden.quantTypes[i] == "PC";
            const bool isFolded = golden.foldTypes[i] == "FB";
            QCOMPARE(result.layers[i].scheme, isPerChannel ? FoldScheme::PerChannelIcn
                                              : isFolded   ? FoldScheme::PerLayerFolded
                                                           : FoldScheme::PerLayerIcn);
        }
        QCOMPARE(result.weightCuts, golden.weightCuts);
        QCOMPARE(result.romBytes, golden.romBytes);
        QCOMPARE(result.peakRamBytes, golden.peakRamBytes);
        QVERIFY(result.verdict.starts_with("fits: "));
    }

    void infeasibleRamNamesTheLayer() {
        // The last layer reads the image (8 bits for ever) in a chain of one.
        const std::vector<ChainLayer> one{{LayerId("only"), 10, 1, 100, 50}};
        const MemoryDrivenResult result = memoryDrivenBits(one, limits(kPlenty, 149));
        QVERIFY(!result.isFeasible);
        QCOMPARE(result.brokenLimit, std::optional(MemoryDrivenResult::Limit::Ram));
        QCOMPARE(result.bindingLayer, 0);
        QVERIFY2(result.verdict.find("layer only needs 150 B of RAM") != std::string::npos,
                 result.verdict.c_str());
        QVERIFY2(result.verdict.find("1 B over the limit of 149 B") != std::string::npos,
                 result.verdict.c_str());
        QVERIFY(memoryDrivenBits(one, limits(kPlenty, 150)).isFeasible);
    }

    void infeasibleMiddleLayer() {
        // At 2 bits everywhere inside: a (8 + 2) * 80 / 8 = 100, b (2 + 2) * 80 / 8 = 40, c 100.
        const MemoryDrivenResult fits = memoryDrivenBits(threeLayers(10, 80), limits(kPlenty, 100));
        QVERIFY(fits.isFeasible);
        QCOMPARE(outputBits(fits), (std::vector<int>{2, 2, 8}));
        const MemoryDrivenResult broken = memoryDrivenBits(threeLayers(10, 80), limits(kPlenty, 99));
        QVERIFY(!broken.isFeasible);
        QCOMPARE(broken.bindingLayer, 0);
        // Between two tensors of 8000 values, 2 bits each, 4000 B: the middle one binds, its neighbours need
        // 2080 B.
        std::vector<ChainLayer> wide = threeLayers(10, 80);
        wide[0].outputElements = wide[1].inputElements = 8000;
        wide[1].outputElements = wide[2].inputElements = 8000;
        QVERIFY(memoryDrivenBits(wide, limits(kPlenty, 4000)).isFeasible);
        QCOMPARE(memoryDrivenBits(wide, limits(kPlenty, 3999)).bindingLayer, 1);
    }

    void infeasibleRomNamesTheHeaviest() {
        std::vector<ChainLayer> chain = threeLayers(100, 1);
        chain[1].weights = 1000;
        // 1200 weights of 2 bits are 300 B. PL+ICN 9 + 12 twice, the last layer 4 + 20: 66 B.
        const MemoryDrivenResult broken = memoryDrivenBits(chain, limits(365, kPlenty));
        QVERIFY(!broken.isFeasible);
        QCOMPARE(broken.brokenLimit, std::optional(MemoryDrivenResult::Limit::Rom));
        QCOMPARE(broken.bindingLayer, 1);
        QCOMPARE(broken.romBytes, 366.0);
        QVERIFY2(broken.verdict.find("1 B over the limit of 365 B; most of it in layer b (250 B)") !=
                     std::string::npos,
                 broken.verdict.c_str());
        QVERIFY(memoryDrivenBits(chain, limits(366, kPlenty)).isFeasible);
    }

    void weightsAreCutFromTheFirstOfTheLargest() {
        // Shares 0.34, 0.36, 0.30: the first within 0.05 of the largest goes, not the largest.
        std::vector<ChainLayer> chain = threeLayers(0, 1);
        chain[0].weights = 340;
        chain[1].weights = 360;
        chain[2].weights = 300;
        // 1000 B of weights, 24 B a layer; one cut saves 170 B.
        MemoryDrivenOptions options = limits(1000 + 72 - 1, kPlenty);
        const MemoryDrivenResult result = memoryDrivenBits(chain, options);
        QCOMPARE(result.weightCuts, std::vector<int>{0});
        QCOMPARE(weightBits(result), (std::vector<int>{4, 8, 8}));
        QCOMPARE(result.layers[0].scheme, FoldScheme::PerLayerIcn);
        QCOMPARE(result.layers[1].scheme, FoldScheme::PerLayerFolded);
        options.delta = 0.01;
        QCOMPARE(memoryDrivenBits(chain, options).weightCuts, std::vector<int>{1});
        options.delta = 0;  // the largest alone
        QCOMPARE(memoryDrivenBits(chain, options).weightCuts, std::vector<int>{1});
    }

    void exactlyAtTheLimitsNothingIsCut() {
        const MemoryDrivenResult result = memoryDrivenBits(threeLayers(100, 50), limits(300 + 72, 100));
        QVERIFY(result.isFeasible);
        QCOMPARE(weightBits(result), (std::vector<int>{8, 8, 8}));
        QCOMPARE(outputBits(result), (std::vector<int>{8, 8, 8}));
        QCOMPARE(result.romBytes, 372.0);
        QCOMPARE(result.peakRamBytes, 100.0);
    }

    void emptyChainFits() { QVERIFY(memoryDrivenBits(std::vector<ChainLayer>{}, limits(0, 0)).isFeasible); }

    /// Limits beyond what counts in bits are none.
    void limitsWithoutEndAreKept() {
        constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
        const MemoryDrivenResult result = memoryDrivenBits(threeLayers(100, 50), limits(kMost, kMost));
        QVERIFY2(result.isFeasible, result.verdict.c_str());
        QCOMPARE(weightBits(result), (std::vector<int>{8, 8, 8}));
    }

    void refusesNonsense_data() {
        QTest::addColumn<qint64>("rom");
        QTest::addColumn<std::vector<int>>("widths");
        QTest::addColumn<double>("delta");
        const std::vector<int> usual{8, 4, 2};
        QTest::newRow("negative limit") << qint64(-1) << usual << 0.05;
        QTest::newRow("too many bits") << qint64(1) << std::vector<int>{17, 8} << 0.05;
        QTest::newRow("one bit") << qint64(1) << std::vector<int>{8, 1} << 0.05;
        QTest::newRow("no choice") << qint64(1) << std::vector<int>{} << 0.05;
        QTest::newRow("negative delta") << qint64(1) << usual << -0.1;
        QTest::newRow("NaN") << qint64(1) << usual << std::numeric_limits<double>::quiet_NaN();
    }
    void refusesNonsense() {
        QFETCH(qint64, rom);
        QFETCH(std::vector<int>, widths);
        QFETCH(double, delta);
        MemoryDrivenOptions options = limits(rom, 100);
        options.bits.weights = options.bits.activations = widths;
        options.delta = delta;
        QVERIFY_EXCEPTION_THROWN(memoryDrivenBits(threeLayers(1, 1), options), Error);
    }

    void freeChoiceOfBits() {
        // 8 to 6 saves a quarter of 1000 B: enough, where halving would have taken half.
        std::vector<ChainLayer> chain = threeLayers(0, 80);
        chain[1].weights = 1000;
        MemoryDrivenOptions options = limits(1000 + 72 - 1, 150);
        options.bits.weights = options.bits.activations = {3, 8, 6};  // in any order
        const MemoryDrivenResult result = memoryDrivenBits(chain, options);
        QVERIFY2(result.isFeasible, result.verdict.c_str());
        QCOMPARE(weightBits(result), (std::vector<int>{8, 6, 8}));
        // (8 + 6) * 80 / 8 = 140 at both ends, b between them (6 + 6) * 10 = 120.
        QCOMPARE(outputBits(result), (std::vector<int>{6, 6, 8}));
        QCOMPARE(result.activationCuts.size(), std::size_t(2));
        QCOMPARE(result.activationCuts[0].site.layer, LayerId("a"));
        QCOMPARE(result.activationCuts[0].bits, 6);
    }

    void paperCountsIcnWhereverBitsAreCut() {
        // Nothing to cut in the weights: only the paper's rule charges for a's output of 4 bits.
        MemoryDrivenOptions options = limits(kPlenty, 130);
        const std::vector<ChainLayer> chain = threeLayers(10, 80);
        const MemoryDrivenResult code = memoryDrivenBits(chain, options);
        QCOMPARE(outputBits(code).front(), 4);
        QCOMPARE(code.layers[0].scheme, FoldScheme::PerLayerFolded);
        options.icnRule = MemoryDrivenOptions::IcnRule::Paper;
        const MemoryDrivenResult paper = memoryDrivenBits(chain, options);
        QCOMPARE(paper.layers[0].scheme, FoldScheme::PerLayerIcn);
        QVERIFY(paper.romBytes < code.romBytes);  // one channel: 21 B instead of 24
    }

    // Any chain, any limits: it ends, keeps its limits when it says so, and hands on tensors at one width.
    void randomChains() {
        const quint32 seed = qEnvironmentVariableIntValue("BITLATHE_TEST_SEED") != 0
                                 ? quint32(qEnvironmentVariableIntValue("BITLATHE_TEST_SEED"))
                                 : 20261121U;
        qInfo("seed %u (set BITLATHE_TEST_SEED for another)", seed);
        QRandomGenerator random(seed);
        int feasible = 0;
        for (int round = 0; round < 2000; ++round) {
            std::vector<ChainLayer> chain;
            std::int64_t elements = 1 + random.bounded(5000);
            const int layers = 1 + random.bounded(12);
            for (int i = 0; i < layers; ++i) {
                const std::int64_t out = 1 + random.bounded(5000);
                chain.push_back({LayerId(std::to_string(i)), 1 + random.bounded(20000),
                                 1 + random.bounded(64), elements, out});
                elements = out;
            }
            const auto options = limits(random.bounded(120'000), random.bounded(10'000),
                                        random.bounded(2) == 0 ? Mode::MixPL : Mode::MixPC);
            const MemoryDrivenResult result = memoryDrivenBits(chain, options);
            feasible += result.isFeasible ? 1 : 0;
            QCOMPARE(result.isFeasible, !result.brokenLimit.has_value());
            QCOMPARE(result.isFeasible, result.bindingLayer < 0);
            QCOMPARE(result.layers.front().inputBits, 8);
            QCOMPARE(result.layers.back().outputBits, 8);
            for (std::size_t i = 1; i < result.layers.size(); ++i) {
                QCOMPARE(result.layers[i].inputBits, result.layers[i - 1].outputBits);
            }
            if (result.isFeasible) {
                QVERIFY(result.romBytes <= double(options.romLimitBytes));
                QVERIFY(result.peakRamBytes <= double(options.ramLimitBytes));
            } else {
                QVERIFY(result.brokenLimit == MemoryDrivenResult::Limit::Ram
                            ? result.peakRamBytes > double(options.ramLimitBytes)
                            : result.romBytes > double(options.romLimitBytes));
            }
        }
        QVERIFY(feasible > 200 && feasible < 1800);
    }

    // From a model to a configuration that the budget confirms: MobileNetV1 1.0 at 224 in 2048000 B and
    // 512000 B.
    void aModelIntoItsLimits_data() {
        QTest::addColumn<bool>("isPerChannel");
        QTest::addColumn<int>("rom");
        QTest::newRow("MixPL") << false << 1939504;
        QTest::newRow("MixPC") << true << 1984884;
    }
    void aModelIntoItsLimits() {
        QFETCH(bool, isPerChannel);
        QFETCH(int, rom);
        const PreparedModel model =
            prepare(buildZooModel("mobilenet_v1", {{"width", 1}, {"size", 224}}, Seed{1}));
        const auto chain = chainOf(model);
        QCOMPARE(chain.size(), std::size_t(28));
        QElapsedTimer timer;
        timer.start();
        const MemoryDrivenResult result =
            memoryDrivenBits(chain, limits(2048000, 512000, isPerChannel ? Mode::MixPC : Mode::MixPL));
        qInfo("%.1f us", double(timer.nsecsElapsed()) / 1e3);
        QVERIFY2(result.isFeasible, result.verdict.c_str());
        QuantConfig config;
        applyBits(result, model, config);
        const Budget budget = computeBudget(model, config);
        QCOMPARE(budget.romBytes, rom + 16);  // the average pool's own parameters, which the paper leaves out
        QCOMPARE(budget.peakRamBytes, 401408);
        QCOMPARE(config.input.bits, std::optional(BitWidth(8)));
    }

    void branchesAreNoChain() {
        const PreparedModel model = prepare(buildZooModel("resnet8", {}, Seed{1}));
        try {
            chainOf(model);
            QFAIL("took a residual network for a chain");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::UnsupportedOperator);
            QVERIFY2(std::string(error.what()).find("is read by 2 others") != std::string::npos,
                     error.what());
        }
    }

    // On a chain the rules for graphs are the paper's: the same bits for the same limits.
    void graphRulesEqualTheChains_data() {
        QTest::addColumn<double>("width");
        QTest::addColumn<int>("size");
        QTest::addColumn<bool>("isPerChannel");
        for (const double width : {0.25, 0.5, 0.75, 1.0}) {
            for (const int size : {128, 224}) {
                for (const bool isPerChannel : {false, true}) {
                    QTest::addRow("%g_%d %s", width, size, isPerChannel ? "MixPC" : "MixPL")
                        << width << size << isPerChannel;
                }
            }
        }
    }
    void graphRulesEqualTheChains() {
        QFETCH(double, width);
        QFETCH(int, size);
        QFETCH(bool, isPerChannel);
        const PreparedModel model =
            prepare(buildZooModel("mobilenet_v1", {{"width", width}, {"size", double(size)}}, Seed{1}));
        for (const int ram : {512000, 300000}) {
            const auto options = limits(2048000, ram, isPerChannel ? Mode::MixPC : Mode::MixPL);
            const MemoryDrivenResult chain = memoryDrivenBits(chainOf(model), options);
            const MemoryDrivenResult graph = memoryDrivenBits(model, options);
            QCOMPARE(graph.isFeasible, chain.isFeasible);
            QCOMPARE(weightBits(graph), weightBits(chain));
            QCOMPARE(outputBits(graph), outputBits(chain));
            QCOMPARE(graph.weightCuts, chain.weightCuts);
            QCOMPARE(graph.romBytes, chain.romBytes + 16);  // the average pool's own parameters
            QCOMPARE(graph.peakRamBytes, chain.peakRamBytes);
        }
    }

    // A residual network: whatever fits by the rules fits by the budget; what does not says which layer and why.
    void aResidualNetwork_data() {
        QTest::addColumn<bool>("isPerChannel");
        QTest::addColumn<RamModel>("ramModel");
        for (const bool isPerChannel : {false, true}) {
            for (const RamModel ramModel : {RamModel::InOut, RamModel::Lifetimes, RamModel::Arena}) {
                QTest::addRow("%s %s", isPerChannel ? "MixPC" : "MixPL",
                              std::string(ramModelName(ramModel)).c_str())
                    << isPerChannel << ramModel;
            }
        }
    }
    void aResidualNetwork() {
        QFETCH(bool, isPerChannel);
        QFETCH(RamModel, ramModel);
        const PreparedModel model = prepare(buildZooModel("resnet8", {}, Seed{1}));
        int feasible = 0;
        for (const int percent : {100, 80, 60, 50, 40, 30, 20, 10}) {
            const auto options = limits(90000 * percent / 100, 50000 * percent / 100,
                                        isPerChannel ? Mode::MixPC : Mode::MixPL);
            const MemoryDrivenResult result = memoryDrivenBits(model, options, ramModel);
            QVERIFY(!result.verdict.empty());
            QCOMPARE(result.isFeasible, result.bindingLayer < 0);
            if (!result.isFeasible) {
                QVERIFY(result.bindingLayer < int(model.layers.size()));
                continue;
            }
            ++feasible;
            QuantConfig config;
            applyBits(result, model, config);
            const Budget budget = computeBudget(model, config);
            QCOMPARE(double(budget.romBytes), result.romBytes);
            QVERIFY(budget.romBytes <= options.romLimitBytes);
            if (ramModel == RamModel::Lifetimes) {
                QCOMPARE(double(budget.peakRamBytes), result.peakRamBytes);
                QVERIFY(budget.peakRamBytes <= options.ramLimitBytes);
            }
            QCOMPARE(config.input.bits, std::optional(BitWidth(8)));
        }
        QVERIFY2(feasible >= 2 && feasible < 8, qPrintable(QString::number(feasible)));
    }
};

QTEST_GUILESS_MAIN(TestMemoryDriven)
#include "test_memory_driven.moc"
