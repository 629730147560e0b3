#include "core/device/budget.h"
#include "core/device/tensor_lifetimes.h"
#include "core/graph/prepare.h"
#include "core/zoo/zoo.h"
#include "tests/core/device/budget_models.h"

#include <QtTest>

#include <QElapsedTimer>

using namespace bitlathe::core;
using namespace bitlathe::core::testing;

namespace {

FloatTensor zeros(const Shape& shape) {
    return FloatTensor(shape, std::vector<float>(static_cast<std::size_t>(elementCount(shape))));
}

Conv2dOp conv(std::int64_t out, std::int64_t in, std::int64_t kernel, std::int64_t padding = 0) {
    Conv2dOp op;
    op.weight = zeros({out, in, kernel, kernel});
    op.padding = {padding, padding, padding, padding};
    return op;
}

Graph graphWithInput() {
    Graph graph;
    graph.name = "hand";
    graph.append("input", InputOp{}, {});
    return graph;
}

PreparedModel finish(Graph& graph, NodeId output, const Shape& input) {
    graph.output = output;
    return prepare(graph, input);
}

const LayerBudget& entry(const Budget& budget, const char* layer) {
    for (const LayerBudget& candidate : budget.layers) {
        if (candidate.layer.str() == layer) {
            return candidate;
        }
    }
    throw std::runtime_error(std::string("no layer ") + layer);
}

PreparedModel mobileNet(double width, int size) {
    return prepare(buildZooModel("mobilenet_v1", {{"width", width}, {"size", double(size)}}, Seed{1}));
}

Device chip(std::int64_t rom, std::int64_t ram) {
    Device device;
    device.rom.emplace_back().sizeBytes = rom;
    device.ram.emplace_back().sizeBytes = ram;
    return device;
}

}  // namespace

class TestBudget : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void packsWholeBytes_data() {
        QTest::addColumn<int>("values");
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("bytes");
        QTest::newRow("5 values of 4 bits") << 5 << 4 << 3;
        QTest::newRow("3 values of 2 bits") << 3 << 2 << 1;
        QTest::newRow("3 values of 3 bits") << 3 << 3 << 2;
        QTest::newRow("8 values of 1 bit") << 8 << 1 << 1;
        QTest::newRow("9 values of 1 bit") << 9 << 1 << 2;
        QTest::newRow("3 values of 16 bits") << 3 << 16 << 6;
        QTest::newRow("3 floats") << 3 << 0 << 12;
    }
    void packsWholeBytes() {
        QFETCH(int, values);
        QFETCH(int, bits);
        QFETCH(int, bytes);
        const auto width = bits == 0 ? std::nullopt : std::optional(BitWidth(bits));
        QCOMPARE(packedBytes(values, width), bytes);
    }

    // Two convolutions 1x2x2 -> 3x2x2 -> 5x2x2, no bias: 1*3*9 = 27 and 3*5 = 15 weights.
    void romOfAChainByScheme_data() {
        QTest::addColumn<int>("scheme");
        QTest::addColumn<int>("hiddenBias");
        QTest::addColumn<int>("hiddenRequant");
        QTest::addColumn<int>("lastRequant");
        // Hidden c = 3: PL+FB 4c+20 = 32, PL+ICN 9c+12 = 39, PC+ICN 10c+8 = 38. Last c = 5: PL 4c+20 = 40, PC
        // 7c+4 = 39.
        QTest::newRow("PL+FB") << int(FoldScheme::PerLayerFolded) << 12 << 20 << 20;
        QTest::newRow("PL+ICN") << int(FoldScheme::PerLayerIcn) << 12 << 27 << 20;
        QTest::newRow("PC+ICN") << int(FoldScheme::PerChannelIcn) << 12 << 26 << 19;
    }
    void romOfAChainByScheme() {
        QFETCH(int, scheme);
        QFETCH(int, hiddenBias);
        QFETCH(int, hiddenRequant);
        QFETCH(int, lastRequant);
        Graph graph = graphWithInput();
        const NodeId first = graph.append("first", conv(3, 1, 3, 1), {0});
        const PreparedModel model = finish(graph, graph.append("last", conv(5, 3, 1), {first}), {1, 2, 2});
        const bool isPerChannel = scheme == int(FoldScheme::PerChannelIcn);
        QuantConfig config =
            uniformConfig(model, 4, 8, isPerChannel ? Granularity::Kind::Channel : Granularity::Kind::Tensor);
        if (scheme == int(FoldScheme::PerLayerIcn)) {
            for (auto& [id, quant] : config.layers) {
                quant.batchNorm = BatchNormMode::Icn;
            }
        }
        const Budget budget = computeBudget(model, config);
        QCOMPARE(int(foldScheme(config.layers.begin()->second)), scheme);
        QCOMPARE(budget.layers[0].weightBytes, 14);  // ceil(27 * 4 / 8)
        QCOMPARE(budget.layers[0].biasBytes, hiddenBias);
        QCOMPARE(budget.layers[0].requantBytes, hiddenRequant);
        QCOMPARE(budget.layers[1].weightBytes, 8);  // ceil(15 * 4 / 8)
        QCOMPARE(budget.layers[1].biasBytes, 20);
        QCOMPARE(budget.layers[1].requantBytes, lastRequant);
        QCOMPARE(budget.romBytes, 14 + hiddenBias + hiddenRequant + 8 + 20 + lastRequant);
    }

    void groupsCountLikeChannels() {
        LayerQuant quant;
        quant.weight.granularity = {Granularity::Kind::Group, 4};
        QCOMPARE(foldScheme(quant), FoldScheme::PerChannelIcn);
    }

    void floatModelCountsFourBytesAValue() {
        Graph graph = graphWithInput();
        Conv2dOp op = conv(3, 1, 3, 1);
        op.bias = zeros({3});
        const NodeId first = graph.append("first", op, {0});
        const PreparedModel model = finish(graph, graph.append("last", conv(5, 3, 1), {first}), {1, 2, 2});
        const Budget budget = computeBudget(model, QuantConfig{});
        QCOMPARE(entry(budget, "first").weightBytes, 108);
        QCOMPARE(entry(budget, "first").biasBytes, 12);
        QCOMPARE(entry(budget, "last").biasBytes, 0);
        QCOMPARE(budget.romBytes, 108 + 12 + 60);
        QCOMPARE(entry(budget, "first").inputBytes, 16);
        QCOMPARE(entry(budget, "first").outputBytes, 48);
        QCOMPARE(budget.peakRamBytes, 48 + 80);
        QCOMPARE(budget.peakLayer, 1);
    }

    void floatWeightsWithQuantizedOutput() {
        Graph graph = graphWithInput();
        const PreparedModel model = finish(graph, graph.append("only", conv(3, 1, 3, 1), {0}), {1, 2, 2});
        const Budget budget = computeBudget(model, uniformConfig(model, std::nullopt, 8));
        QCOMPARE(budget.layers[0].weightBytes, 108);
        QCOMPARE(budget.layers[0].requantBytes, 8);  // scale and zero point of the output
        QCOMPARE(budget.peakRamBytes, 4 + 12);
    }

    // 5 values of 4 bits take 3 bytes, input and output each on their own.
    void ramRoundsEachTensorUp() {
        const PreparedModel model = chainModel({{1, 1, 5, 5}});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 4));
        QCOMPARE(budget.layers[0].inputBytes, 3);
        QCOMPARE(budget.layers[0].outputBytes, 3);
        QCOMPARE(budget.peakRamBytes, 6);
    }

    // input(4) -> a(12) -> b(12) -> add(a, b)(12), 8 bits: a stays alive while b is computed.
    void residualBlockKeepsTheShortcut() {
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(3, 1, 1), {0});
        const NodeId b = graph.append("b", conv(3, 3, 1), {a});
        const NodeId c = graph.append("c", conv(2, 3, 1), {b});
        const NodeId d = graph.append("d", conv(3, 2, 1), {c});
        const PreparedModel model = finish(graph, graph.append("sum", AddOp{}, {a, d}), {1, 2, 2});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 8));
        QCOMPARE(entry(budget, "a").liveBytes, 0);
        QCOMPARE(entry(budget, "b").liveBytes, 0);  // a is b's own input
        QCOMPARE(entry(budget, "b").ramBytes(), 24);
        QCOMPARE(entry(budget, "c").liveBytes, 12);
        QCOMPARE(entry(budget, "c").ramBytes(), 12 + 8 + 12);
        QCOMPARE(entry(budget, "d").ramBytes(), 8 + 12 + 12);
        QCOMPARE(entry(budget, "sum").inputBytes, 24);
        QCOMPARE(entry(budget, "sum").ramBytes(), 36);
        QCOMPARE(entry(budget, "sum").requantBytes, 28);  // 12 k + 4, two inputs
        QCOMPARE(budget.peakRamBytes, 36);
        QCOMPARE(budget.layers[size_t(budget.peakLayer)].layer.str(), std::string("sum"));
    }

    void sameTensorTwiceCountsOnce() {
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(3, 1, 1), {0});
        const PreparedModel model = finish(graph, graph.append("twice", AddOp{}, {a, a}), {1, 2, 2});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 8));
        QCOMPARE(entry(budget, "twice").inputBytes, 12);
        QCOMPARE(entry(budget, "twice").ramBytes(), 24);
    }

    // Three branches of one tensor, concatenated; each waits for the others.
    void concatHoldsEveryBranch() {
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(1, 1, 1), {0});
        const NodeId b = graph.append("b", conv(2, 1, 1), {0});
        const NodeId c = graph.append("c", conv(3, 1, 1), {0});
        const PreparedModel model = finish(graph, graph.append("cat", ConcatOp{1}, {a, b, c}), {1, 2, 2});
        QuantConfig config = uniformConfig(model, 8, 8);
        config.layers.at(LayerId("b")).output.bits = BitWidth(4);  // 8 values: 4 bytes
        const Budget budget = computeBudget(model, config);
        QCOMPARE(entry(budget, "a").ramBytes(), 4 + 4);
        QCOMPARE(entry(budget, "b").ramBytes(), 4 + 4 + 4);
        QCOMPARE(entry(budget, "b").liveBytes, 4);
        QCOMPARE(entry(budget, "c").ramBytes(), 4 + 12 + 4 + 4);
        QCOMPARE(entry(budget, "cat").inputBytes, 4 + 4 + 12);
        QCOMPARE(entry(budget, "cat").outputBytes, 24);
        QCOMPARE(entry(budget, "cat").requantBytes, 12 * 3 + 4);
        QCOMPARE(budget.peakRamBytes, 44);
    }

    void maxPoolSharesItsInput_data() {
        QTest::addColumn<int>("kernel");
        QTest::addColumn<int>("stride");
        QTest::addColumn<int>("padding");
        QTest::addColumn<bool>("isReadAgain");
        QTest::addColumn<bool>("isShared");
        QTest::newRow("2x2 stride 2") << 2 << 2 << 0 << false << true;
        QTest::newRow("3x3 stride 2 padded") << 3 << 2 << 1 << false << true;
        QTest::newRow("windows overlap fully") << 3 << 1 << 1 << false << false;
        QTest::newRow("input is needed later") << 2 << 2 << 0 << true << false;
    }
    void maxPoolSharesItsInput() {
        QFETCH(int, kernel);
        QFETCH(int, stride);
        QFETCH(int, padding);
        QFETCH(bool, isReadAgain);
        QFETCH(bool, isShared);
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(3, 1, 1), {0});
        Pool2dOp op;
        op.kernel = {kernel, kernel};
        op.stride = {stride, stride};
        op.padding = {padding, padding, padding, padding};
        const NodeId pool = graph.append("pool", op, {a});
        NodeId last = graph.append("b", conv(1, 3, 1), {pool});
        if (isReadAgain) {
            Conv2dOp halve = conv(1, 3, 2);
            halve.stride = {2, 2};
            last = graph.append("sum", AddOp{}, {last, graph.append("again", halve, {a})});
        }
        const PreparedModel model = finish(graph, last, {1, 4, 4});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 4));
        const LayerBudget& pooled = entry(budget, "pool");
        const std::int64_t poolBytes = 3 * (stride == 2 ? 4 : 16) / 2;  // at its input's 4 bits
        QCOMPARE(pooled.inputBytes, 24);
        QCOMPARE(pooled.outputBytes, isShared ? 0 : poolBytes);
        QCOMPARE(pooled.liveBytes, 0);
        QCOMPARE(pooled.romBytes(), 0);
        QCOMPARE(entry(budget, "b").inputBytes, poolBytes);
        QCOMPARE(entry(budget, "b").liveBytes, isReadAgain ? 24 : 0);
    }

    void flattenIsAView() {
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(3, 1, 1), {0});
        const NodeId flat = graph.append("flatten", FlattenOp{}, {a});
        LinearOp linear;
        linear.weight = zeros({2, 12});
        const PreparedModel model = finish(graph, graph.append("linear", linear, {flat}), {1, 2, 2});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 2));
        QCOMPARE(budget.layers.size(), std::size_t(2));
        QCOMPARE(entry(budget, "linear").inputBytes, 3);  // 12 values of 2 bits
        QCOMPARE(entry(budget, "linear").ramBytes(), 3 + 1);
    }

    void globalAveragePoolCountsBothTensors() {
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(3, 1, 1), {0});
        const PreparedModel model =
            finish(graph, graph.append("pool", GlobalAveragePoolOp{}, {a}), {1, 2, 2});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 8));
        QCOMPARE(entry(budget, "pool").ramBytes(), 12 + 3);
        QCOMPARE(entry(budget, "pool").requantBytes, 16);
    }

    void activationTables() {
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(3, 1, 1), {0});
        const NodeId swish = graph.append("swish", UnaryOp{UnaryKind::HardSwish}, {a});
        const NodeId pool = graph.append("pool", GlobalAveragePoolOp{}, {swish});
        const NodeId gate = graph.append("gate", UnaryOp{UnaryKind::Sigmoid}, {pool});
        const PreparedModel model = finish(graph, graph.append("scale", MulOp{}, {swish, gate}), {1, 2, 2});
        QuantConfig config = uniformConfig(model, 8, 8);
        config.layers.at(LayerId("pool")).output.bits = BitWidth(4);
        const Budget budget = computeBudget(model, config);
        QCOMPARE(entry(budget, "a").requantBytes, 20 + 256);  // PL+FB and the fused hard swish
        QCOMPARE(entry(budget, "gate").requantBytes, 16);     // a table of 2^4 bytes
        QCOMPARE(entry(budget, "scale").requantBytes, 20);    // 4 k + 12, two inputs
        QCOMPARE(entry(budget, "gate").liveBytes, 12);        // what the product needs later
    }

    void softmaxStaysFloatAndKeepsTheLogitLayer() {
        Graph graph = graphWithInput();
        const NodeId flat = graph.append("flatten", FlattenOp{}, {0});
        LinearOp linear;
        linear.weight = zeros({10, 4});
        const NodeId logits = graph.append("linear", linear, {flat});
        const PreparedModel model = finish(graph, graph.append("softmax", SoftmaxOp{1}, {logits}), {1, 2, 2});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 8, Granularity::Kind::Channel));
        QCOMPARE(entry(budget, "linear").romBytes(), 40 + 7 * 10 + 4);
        QCOMPARE(entry(budget, "softmax").romBytes(), 0);
        QCOMPARE(entry(budget, "softmax").outputBytes, 40);
    }

    // Published sums: 8-bit MobileNetV1 (arXiv:1905.13082), all weights, biases and parameters.
    void mobileNetRom_data() {
        QTest::addColumn<double>("width");
        QTest::addColumn<int>("perLayer");
        QTest::addColumn<int>("perChannel");
        QTest::newRow("0.25") << 0.25 << 479104 << 498180;
        QTest::newRow("0.5") << 0.5 << 1346096 << 1381588;
        QTest::newRow("0.75") << 0.75 << 2605536 << 2657444;
        QTest::newRow("1.0") << 1.0 << 4257424 << 4325748;
    }
    void mobileNetRom() {
        QFETCH(double, width);
        QFETCH(int, perLayer);
        QFETCH(int, perChannel);
        const PreparedModel model = mobileNet(width, 128);
        QuantConfig config = uniformConfig(model, 8, 8);
        // The reference counts no parameters for the average pool; ours gets four words when it has a grid of
        // its own.
        QCOMPARE(computeBudget(model, config).romBytes, perLayer + 16);
        config.layers.at(LayerId("pool")).output.bits.reset();
        QCOMPARE(computeBudget(model, config).romBytes, perLayer);
        config = uniformConfig(model, 8, 8, Granularity::Kind::Channel);
        QCOMPARE(computeBudget(model, config).romBytes, perChannel + 16);
    }

    // Published: the peak at 8 bits is the first pointwise convolution, 24 * width * resolution^2 bytes.
    void mobileNetPeakRam_data() {
        QTest::addColumn<double>("width");
        QTest::addColumn<int>("size");
        for (const double width : {0.25, 0.5, 1.0}) {
            for (const int size : {128, 160, 192, 224}) {
                QTest::addRow("%g_%d", width, size) << width << size;
            }
        }
    }
    void mobileNetPeakRam() {
        QFETCH(double, width);
        QFETCH(int, size);
        const PreparedModel model = mobileNet(width, size);
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 8));
        QCOMPARE(budget.peakRamBytes, std::int64_t(24 * width * size * size));
        QCOMPARE(budget.layers[size_t(budget.peakLayer)].layer.str(), std::string("blocks.1.pointwise.conv"));
    }

    void footprintsOfTheReference_data() {
        QTest::addColumn<int>("index");
        const auto cases = memoryDrivenCases();
        QVERIFY(cases.size() >= 25);
        for (std::size_t i = 0; i < cases.size(); ++i) {
            if (cases[i].isFeasible) {  // the others have no assignment to count
                QTest::newRow(cases[i].name.c_str()) << int(i);
            }
        }
    }
    void footprintsOfTheReference() {
        QFETCH(int, index);
        const MemoryDrivenCase golden = memoryDrivenCases()[size_t(index)];
        const PreparedModel model = chainModel(golden.layers);
        QuantConfig config = uniformConfig(model, 8, 8);
        for (std::size_t i = 0; i < golden.layers.size(); ++i) {
            LayerQuant& quant = config.layers.at(LayerId("layer" + std::to_string(i)));
            quant.weight.bits = BitWidth(golden.weightBits[i]);
            quant.output.bits = BitWidth(golden.outputBits[i]);
            quant.weight.granularity.kind =
                golden.quantTypes[i] == "PC" ? Granularity::Kind::Channel : Granularity::Kind::Tensor;
            quant.batchNorm = golden.foldTypes[i] == "ICN" ? BatchNormMode::Icn : BatchNormMode::Folded;
            const auto pool = config.layers.find(LayerId("pool" + std::to_string(i)));
            if (pool != config.layers.end()) {  // the pooled tensor has the bits of what it pools
                pool->second.output.bits = BitWidth(golden.inputBits[i]);
            }
        }
        const Budget budget = computeBudget(model, config);
        std::int64_t weightedRom = 0;
        for (std::size_t i = 0; i < golden.layers.size(); ++i) {
            const LayerBudget& layer = entry(budget, ("layer" + std::to_string(i)).c_str());
            weightedRom += layer.romBytes();
            // The reference keeps fractions of a byte; we round each tensor up.
            QCOMPARE(double(layer.weightBytes), std::ceil(golden.weightBytes[i]));
            QCOMPARE(double(layer.biasBytes + layer.requantBytes), golden.overheadBytes[i]);
            const double ram = double(layer.ramBytes());
            QVERIFY(ram >= golden.ramBytes[i] && ram < golden.ramBytes[i] + 2);
        }
        QVERIFY(double(weightedRom) >= golden.romBytes &&
                double(weightedRom) < golden.romBytes + double(golden.layers.size()));
        QVERIFY(double(budget.peakRamBytes) >= golden.peakRamBytes &&
                double(budget.peakRamBytes) < golden.peakRamBytes + 2);
    }

    void verdictSaysWhatIsOver() {
        const PreparedModel model = chainModel({{100, 10, 60, 40}});
        const Budget budget = computeBudget(model, uniformConfig(model, 8, 8));
        QCOMPARE(budget.romBytes, 160);  // 100 + 4 * 10 + 20
        QCOMPARE(budget.verdict(chip(160, 100)), std::string("ROM 160 of 160 B, RAM 100 of 100 B: fits"));
        QVERIFY(budget.fits(chip(160, 100)));
        QCOMPARE(budget.verdict(chip(150, 100)),
                 std::string("ROM 160 of 150 B (10 B over), RAM 100 of 100 B: does not fit"));
        QCOMPARE(budget.verdict(chip(160, 99)),
                 std::string(
                     "ROM 160 of 160 B, RAM 100 of 99 B (1 B over): does not fit; RAM is highest in layer0 "
                     "(input 60 + output 40 + held for later layers 0 B)"));
        QVERIFY(!budget.fits(chip(160, 99)));
    }

    void lifetimesEndWithTheLastReader() {
        Graph graph = graphWithInput();
        const NodeId a = graph.append("a", conv(3, 1, 1), {0});
        const NodeId b = graph.append("b", conv(3, 3, 1), {a});
        const PreparedModel model = finish(graph, graph.append("sum", AddOp{}, {a, b}), {1, 2, 2});
        const TensorLifetimes lifetimes = tensorLifetimes(model);
        QCOMPARE(lifetimes.tensors.size(), std::size_t(4));
        QCOMPARE(lifetimes.tensors[0].producer, -1);  // the input
        QCOMPARE(lifetimes.tensors[0].lastLayer, 0);
        QCOMPARE(lifetimes.tensors[1].producer, 0);
        QCOMPARE(lifetimes.tensors[1].lastLayer, 2);
        QCOMPARE(lifetimes.tensors[3].lastLayer, 2);  // the graph's output, to the end
        QCOMPARE(lifetimes.layers[2].inputs, (std::vector<int>{1, 2}));
    }

    // No limit is asserted: machines differ. The figure is there to be read.
    void costOfOneCall() {
        const PreparedModel model = mobileNet(1.0, 224);
        const QuantConfig config = uniformConfig(model, 8, 8);
        constexpr int kCalls = 1000;
        QElapsedTimer timer;
        timer.start();
        std::int64_t sum = 0;
        for (int i = 0; i < kCalls; ++i) {
            sum += computeBudget(model, config).romBytes;
        }
        qInfo("%zu layers: %.1f us a call", model.layers.size(), double(timer.nsecsElapsed()) / 1e3 / kCalls);
        QCOMPARE(sum, kCalls * (4257424LL + 16));
    }
};

QTEST_GUILESS_MAIN(TestBudget)
#include "test_budget.moc"
