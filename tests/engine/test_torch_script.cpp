#include "engine/graph_executor.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_script_importer.h"
#include "engine/torch_script_writer.h"

#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "tests/support/random_graph.h"
#include "tests/support/tensor_compare.h"

#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <QtTest>

#include <fstream>
#include <limits>

using namespace bitlathe;
using tests::compareTensors;
using tests::randomTensor;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Every operator the writer knows, in one graph.
core::Graph everyOperator() {
    core::Graph graph;
    graph.name = "every_operator";
    graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 3, 16, 16}});
    const auto vector = [](unsigned seed) { return randomTensor({6}, seed, 0.3F); };
    core::Conv2dOp conv;
    conv.weight = randomTensor({6, 3, 3, 3}, 1, 0.3F);
    conv.bias = vector(2);
    conv.stride = {2, 2};
    conv.padding = {0, 0, 1, 1};
    core::NodeId x = graph.append("stem.conv", conv, {0});
    const core::FloatTensor variance{{6}, {1, 2, 0.5, 1, 3, 1}};
    x = graph.append("stem.bn", core::BatchNormOp{vector(3), vector(4), vector(5), variance, 1e-3, 0.05},
                     {x});
    x = graph.append("stem.act", core::ClampOp{0, 6}, {x});
    core::Conv2dOp depthwise;
    depthwise.weight = randomTensor({6, 1, 3, 3}, 6, 0.3F);
    depthwise.padding = {1, 1, 1, 1};
    depthwise.groups = 6;
    const core::NodeId d = graph.append("blocks.1.depthwise", depthwise, {x});
    core::NodeId sum = graph.append("blocks.1.add", core::AddOp{}, {d, x});
    sum = graph.append("blocks.1.add.act", core::ClampOp{0, kInfinity}, {sum});
    std::vector<core::NodeId> branches;
    for (const auto kind : {core::UnaryKind::Sigmoid, core::UnaryKind::Tanh, core::UnaryKind::HardSigmoid,
                            core::UnaryKind::HardSwish, core::UnaryKind::Silu, core::UnaryKind::Gelu}) {
        branches.push_back(graph.append("blocks.2.function", core::UnaryOp{kind}, {sum}));
    }
    branches.push_back(graph.append("leaky", core::LeakyReluOp{0.1}, {sum}));
    const std::vector<double> ends{0.5, 0.25, 1.5, 2, 0.75, 1};
    branches.push_back(graph.append("capped", core::ClampOp{-kInfinity, 2, ends}, {branches.back()}));
    branches.push_back(graph.append("each", core::ClampOp{0.125, 2, ends}, {sum}));
    branches.push_back(graph.append("low", core::ClampOp{-0.25, kInfinity}, {sum}));
    branches.push_back(graph.append("high", core::ClampOp{-kInfinity, 1.5}, {sum}));
    x = graph.append("weird name.3:x", core::ConcatOp{1}, branches);
    const core::NodeId gate = graph.append("gate", core::GlobalAveragePoolOp{}, {x});
    x = graph.append("gated", core::MulOp{}, {x, gate});
    core::Pool2dOp pool;
    pool.kernel = {3, 3};
    pool.padding = {0, 0, 1, 1};
    x = graph.append("max", pool, {x});
    core::Pool2dOp average;
    average.kind = core::PoolKind::Average;
    average.kernel = {2, 2};
    average.stride = {1, 1};
    average.padding = {1, 1, 1, 1};
    average.ceilMode = true;
    average.countIncludePad = false;
    x = graph.append("average", average, {x});
    x = graph.append("flatten", core::FlattenOp{}, {x});
    core::inferShapes(graph, {1, 3, 16, 16});
    x = graph.append(
        "head",
        core::LinearOp{randomTensor({4, graph.node(x).outputShape[1]}, 7, 0.05F), randomTensor({4}, 8)}, {x});
    graph.output = graph.append("softmax", core::SoftmaxOp{1}, {x});
    core::inferShapes(graph, {1, 3, 16, 16});
    return graph;
}

std::string readAll(const QString& path) {
    std::ifstream file(path.toStdString(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void writeAll(const QString& path, const std::string& bytes) {
    std::ofstream(path.toStdString(), std::ios::binary) << bytes;
}

}  // namespace

class TestTorchScript : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    QString path(const QString& name) const { return m_folder.filePath(name); }

    void expectRefused(const QString& file, core::ErrorCode code, const QStringList& words) {
        try {
            engine::importTorchScript(path(file).toStdString(), {1, 8, 8});
            QFAIL("imported");
        } catch (const core::Error& error) {
            const QString text = QString::fromUtf8(error.what());
            QVERIFY2(error.code() == code, qPrintable(text));
            QVERIFY2(text.contains(file), qPrintable(text));
            for (const QString& word : words) {
                QVERIFY2(text.contains(word), qPrintable(text));
            }
        }
    }

private Q_SLOTS:
    void roundTripKeepsTheHash_data() {
        QTest::addColumn<QString>("model");
        for (const char* model : {"every", "mobilenet_v1", "mobilenet_v2", "resnet8", "resnet18"}) {
            QTest::newRow(model) << model;
        }
    }
    void roundTripKeepsTheHash() {
        QFETCH(QString, model);
        const core::Graph graph =
            model == "every"
                ? everyOperator()
                : core::buildZooModel(model.toStdString(), {{"classes", 10}, {"channels", 3}, {"size", 64}},
                                      core::Seed{3});
        const std::string file = path(model + ".pt").toStdString();
        engine::writeTorchScript(graph, file);
        const core::Graph back = engine::importTorchScript(file, {});
        QCOMPARE(back.name, graph.name);
        QCOMPARE(back.nodes.size(), graph.nodes.size());
        for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
            QCOMPARE(back.nodes[i].name, graph.nodes[i].name);
        }
        QCOMPARE(core::graphHash(back), core::graphHash(graph));
    }

    void libTorchRunsTheFileWithEqualOutputs() {
        const core::Graph graph = everyOperator();
        engine::writeTorchScript(graph, path("run.pt").toStdString());
        auto module = torch::jit::load(path("run.pt").toStdString());
        const core::FloatTensor x = randomTensor({5, 3, 16, 16}, 9);
        const c10::InferenceMode inference;
        const at::Tensor theirs = module.forward({engine::wrap(x)}).toTensor();
        const at::Tensor ours =
            engine::GraphExecutor(graph, engine::ExecutionMode::Inference).run(engine::wrap(x));
        // Probabilities; the layouts differ, so sums are added in other orders.
        compareTensors(ours, theirs, 1e-6);
        QCOMPARE(module.attr("stem").toModule().attr("bn").toModule().attr("running_mean").toTensor().size(0),
                 std::int64_t{6});
    }

    void theSameGraphGivesTheSameBytes() {
        engine::writeTorchScript(everyOperator(), path("a.pt").toStdString());
        engine::writeTorchScript(everyOperator(), path("another name.pt").toStdString());
        QVERIFY(readAll(path("a.pt")) == readAll(path("another name.pt")));
    }

    void anUnwritableFolderIsNamed() {
        try {
            engine::writeTorchScript(everyOperator(), path("missing/m.pt").toStdString());
            QFAIL("written");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::Io);
            QVERIFY(QString(error.what()).contains("missing/m.pt"));
        }
    }

    void theGivenInputShapeIsChecked() {
        engine::writeTorchScript(everyOperator(), path("shape.pt").toStdString());
        const std::string file = path("shape.pt").toStdString();
        QVERIFY_EXCEPTION_THROWN(engine::importTorchScript(file, {1, 16, 16}),
                                 core::Error);  // 1 channel for 3
        QVERIFY_EXCEPTION_THROWN(engine::importTorchScript(file, {3, 64, 64}),
                                 core::Error);  // head does not fit
        QVERIFY_EXCEPTION_THROWN(engine::importTorchScript(file, {3, 16}), core::Error);
        QCOMPARE(engine::importTorchScript(file, {3, 16, 16}).nodes.size(), everyOperator().nodes.size());
    }

    void badFilesAreNamed() {
        expectRefused("absent.pt", core::ErrorCode::Io, {"does not exist"});
        writeAll(path("empty.pt"), "");
        expectRefused("empty.pt", core::ErrorCode::ModelFormat, {"empty"});
        writeAll(path("text.pt"), "hello, I am no model");
        expectRefused("text.pt", core::ErrorCode::ModelFormat, {"no zip"});
        writeAll(path("keras.pt"), std::string("\x89HDF\r\n\x1a\n", 8) + std::string(100, 'x'));
        expectRefused("keras.pt", core::ErrorCode::ModelFormat, {"HDF5"});
        writeAll(path("lite.pt"), std::string("\x1c\0\0\0TFL3", 8) + std::string(100, 'x'));
        expectRefused("lite.pt", core::ErrorCode::ModelFormat, {"TensorFlow Lite"});
        writeAll(path("old.pth"), std::string("\x80\x02\x8a\x0a", 4) + std::string(100, 'x'));
        expectRefused("old.pth", core::ErrorCode::ModelFormat, {"torch.save", "torch.jit.save"});
        QVERIFY(QDir(m_folder.path()).mkdir("folder.pt"));
        expectRefused("folder.pt", core::ErrorCode::Io, {"folder"});
    }

    void aTruncatedFileIsNamedWhereverItEnds() {
        engine::writeTorchScript(everyOperator(), path("whole.pt").toStdString());
        const std::string bytes = readAll(path("whole.pt"));
        for (const std::size_t length :
             {std::size_t{4}, std::size_t{100}, bytes.size() / 2, bytes.size() - 1}) {
            writeAll(path("cut.pt"), bytes.substr(0, length));
            expectRefused("cut.pt", core::ErrorCode::ModelFormat, {});
        }
    }

    void flippedBytesNeverCrash() {
        engine::writeTorchScript(everyOperator(), path("whole.pt").toStdString());
        const std::string bytes = readAll(path("whole.pt"));
        for (std::size_t at = 50; at < bytes.size(); at += bytes.size() / 40) {
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
            writeAll(path("damaged.pt"), damaged);
            try {
                // A byte of padding between entries may well do no harm.
                QCOMPARE(core::graphHash(engine::importTorchScript(path("damaged.pt").toStdString(), {})),
                         core::graphHash(everyOperator()));
            } catch (const core::Error& error) {
                QVERIFY2(error.code() == core::ErrorCode::ModelFormat, error.what());
            }
        }
    }

    void aStateDictGetsItsOwnAdvice() {
        c10::Dict<std::string, at::Tensor> weights;
        weights.insert("conv.weight", at::ones({3}));
        // torch.save's archive: pickled data without code. pickle_save writes exactly that.
        const std::vector<char> bytes = torch::jit::pickle_save(weights);
        writeAll(path("weights.pth"), {bytes.begin(), bytes.end()});
        expectRefused("weights.pth", core::ErrorCode::ModelFormat, {"state dict", "torch.jit.save"});
    }

    void theBundledModelsOpen_data() {
        QTest::addColumn<QString>("file");
        QTest::addColumn<int>("parameters");
        QTest::newRow("mobilenet") << "mobilenet_v1_025_fmnist.pt" << 215498;
        QTest::newRow("resnet") << "resnet8_fmnist.pt" << 77754;
    }
    void theBundledModelsOpen() {
        QFETCH(QString, file);
        QFETCH(int, parameters);
        const QString whole = QStringLiteral(BITLATHE_SOURCE_DIR "/resources/models/") + file;
        QVERIFY(QFileInfo(whole).size() < 1'500'000);
        const core::Graph graph = engine::importTorchScript(whole.toStdString(), {});
        QCOMPARE(graph.parameterCount(), std::int64_t{parameters});
        QCOMPARE(graph.inputShape(), (core::Shape{1, 1, 32, 32}));
        const bool hasBatchNorm =
            std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const core::Node& node) {
                return std::holds_alternative<core::BatchNormOp>(node.op);
            });
        QVERIFY(hasBatchNorm);
        // Written again it is the same file.
        engine::writeTorchScript(graph, path(file).toStdString());
        QVERIFY(readAll(path(file)) == readAll(whole));
    }
};

QTEST_GUILESS_MAIN(TestTorchScript)
#include "test_torch_script.moc"
