#include "engine/graph_executor.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_script_importer.h"

#include "core/types/error.h"
#include "tests/support/random_graph.h"
#include "tests/support/tensor_compare.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <QtTest>

#include <functional>

using namespace bitlathe;
using tests::compareTensors;
using tests::randomTensor;
using torch::jit::Module;

namespace {

at::Tensor random(core::Shape shape, unsigned seed, float deviation = 0.3F) {
    return engine::wrap(randomTensor(std::move(shape), seed, deviation)).clone();
}

/// A module of a compilation unit of its own, as TorchScript's compiler makes them.
class ModuleMaker {
public:
    Module make(const std::string& name) {
        Module module(c10::QualifiedName("__torch__." + name), m_unit);
        module.register_attribute("training", c10::BoolType::get(), false);
        return module;
    }
    Module conv(const std::string& name, const at::Tensor& weight, const std::string& arguments) {
        Module module = make(name);
        module.register_parameter("weight", weight, false);
        module.define("def forward(self, x):\n    return torch.conv2d(x, self.weight, None, " + arguments +
                      ")\n");
        return module;
    }
    /// As torch.nn.BatchNorm2d scripts: a check on the dimensions and a branch on training.
    Module batchNorm(const std::string& name, std::int64_t channels) {
        Module module = make(name);
        module.register_parameter("weight", random({channels}, 31), false);
        module.register_parameter("bias", random({channels}, 32), false);
        module.register_buffer("running_mean", random({channels}, 33));
        module.register_buffer("running_var", random({channels}, 34).abs().add(0.5));
        module.register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
        module.define(R"(
def forward(self, x):
    assert x.dim() == 4, "expected 4D input"
    momentum = 0.1
    if self.training:
        self.num_batches_tracked = self.num_batches_tracked + 1
    return torch.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, self.training, momentum, 1e-5, True)
)");
        return module;
    }

private:
    std::shared_ptr<torch::jit::CompilationUnit> m_unit = std::make_shared<torch::jit::CompilationUnit>();
};

}  // namespace

class TestTorchScriptImport : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    std::string save(const Module& module) {
        const std::string path = m_folder.filePath("model.pt").toStdString();
        module.save(path);
        return path;
    }

    core::Graph import(const Module& module, const core::Shape& shape) {
        return engine::importTorchScript(save(module), shape);
    }

    /// Imports and compares outputs with LibTorch's own.
    void compareWithLibTorch(Module module, const core::Shape& shape, core::Graph& graph,
                             std::int64_t batch = 3) {
        graph = import(module, shape);
        const at::Tensor x = random({batch, shape[0], shape[1], shape[2]}, 99, 1);
        const c10::InferenceMode inference;
        const at::Tensor expected = module.forward({x.clone()}).toTensor();
        compareTensors(engine::GraphExecutor(graph, engine::ExecutionMode::Inference).run(x), expected, 1e-5);
    }

    /// A module whose forward method is `source`, with one weight.
    static Module plain(const std::string& source, const at::Tensor& weight = {}) {
        Module module = ModuleMaker().make("Plain");
        if (weight.defined()) {
            module.register_parameter("weight", weight, false);
        }
        module.define(source);
        return module;
    }

    void expectUnsupported(const Module& module, const core::Shape& shape, const QStringList& words) {
        try {
            import(module, shape);
            QFAIL("imported");
        } catch (const core::Error& error) {
            const QString text = QString::fromUtf8(error.what());
            QVERIFY2(error.code() == core::ErrorCode::UnsupportedOperator, qPrintable(text));
            for (const QString& word : words) {
                QVERIFY2(text.contains(word), qPrintable(text + "\nlacks: " + word));
            }
        }
    }

    static QStringList names(const core::Graph& graph) {
        QStringList list;
        for (const core::Node& node : graph.nodes) {
            list << QString::fromStdString(node.name);
        }
        return list;
    }

private Q_SLOTS:
    void aScriptedResidualNet() {
        ModuleMaker maker;
        Module block = maker.make("Block");
        block.register_module("conv",
                              maker.conv("Conv1", random({4, 4, 3, 3}, 1), "[1, 1], [1, 1], [1, 1], 1"));
        block.register_module("bn", maker.batchNorm("Norm", 4));
        block.define(R"(
def forward(self, x):
    y = self.bn.forward(self.conv.forward(x))
    y += x
    return torch.relu_(y)
)");
        Module root = maker.make("Net");
        root.register_module("stem",
                             maker.conv("Stem", random({4, 3, 3, 3}, 2), "[2, 2], [1, 1], [1, 1], 1"));
        root.register_module("block", block);
        root.register_parameter("weight", random({5, 4}, 3), false);
        root.register_parameter("bias", random({5}, 4), false);
        root.define(R"(
def forward(self, x):
    x = torch.hardtanh_(self.stem.forward(x), 0., 6.)
    x = torch.dropout(self.block.forward(x), 0.5, self.training)
    x = x.mean([2, 3])
    return torch.linear(x.view([x.size(0), -1]), self.weight, self.bias)
)");
        core::Graph graph;
        compareWithLibTorch(root, {3, 10, 10}, graph);
        QCOMPARE(names(graph), (QStringList{"input", "stem", "hardtanh", "block.conv", "block.bn",
                                            "block.add", "block.relu", "mean", "mean.flatten", "linear"}));
        QCOMPARE(graph.name, std::string("model"));
        const auto& clamp = std::get<core::ClampOp>(graph.nodes[2].op);
        QCOMPARE(clamp.upper, 6.0);
        QVERIFY(std::holds_alternative<core::BatchNormOp>(graph.nodes[4].op));
    }

    void listsAndLoopsAreUnrolled() {
        Module module = plain(R"(
def forward(self, x):
    parts = [x]
    for i in range(3):
        parts.append(torch.relu(torch.cat(parts, 1)))
    last = parts[-1]
    if len(parts) > 3 and last.size(1) == 4:
        return torch.flatten(torch.sigmoid(last), 1)
    return x
)");
        core::Graph graph;
        compareWithLibTorch(module, {1, 4, 4}, graph);
        QCOMPARE(graph.nodes.size(), std::size_t{9});
    }

    void inPlaceOperatorsReachEveryName() {
        // y is another name of x's convolution, so the sum sees the rectified values twice.
        Module module = plain(R"(
def forward(self, x):
    y = torch.conv2d(x, self.weight)
    z = y
    torch.relu_(y)
    return torch.flatten(torch.add(z, y), 1)
)",
                              random({2, 2, 1, 1}, 5));
        core::Graph graph;
        compareWithLibTorch(module, {2, 3, 3}, graph);
    }

    void linearLayersOfEveryKind_data() {
        QTest::addColumn<QString>("expression");
        QTest::newRow("addmm") << "torch.addmm(self.bias, x, torch.t(self.weight))";
        QTest::newRow("matmul add") << "torch.add(torch.matmul(x, torch.t(self.weight)), self.bias)";
        QTest::newRow("bias first") << "torch.add(self.bias, torch.mm(x, torch.t(self.weight)))";
        QTest::newRow("linear") << "torch.linear(x, self.weight, self.bias)";
    }
    void linearLayersOfEveryKind() {
        QFETCH(QString, expression);
        Module module = ModuleMaker().make("Linear");
        module.register_parameter("weight", random({3, 18}, 6), false);
        module.register_parameter("bias", random({3}, 7), false);
        module.define("def forward(self, x):\n    x = torch.reshape(x, [-1, 18])\n    return " +
                      expression.toStdString() + "\n");
        core::Graph graph;
        compareWithLibTorch(module, {2, 3, 3}, graph);
        QCOMPARE(graph.nodes.size(), std::size_t{3});
        QVERIFY(std::get<core::LinearOp>(graph.nodes[2].op).bias.defined());
    }

    void functionsAndPools_data() {
        QTest::addColumn<QString>("expression");
        for (const char* expression :
             {"torch.relu6(x)",
              "torch.clamp(x, -0.5, 0.5)",
              "torch.clamp(x, 0.1, None)",
              "torch.clamp_min(x, -0.2)",
              "torch.clamp_max(x, 0.2)",
              "torch.leaky_relu(x, 0.2)",
              "torch.tanh(x)",
              "torch.hardsigmoid(x)",
              "torch.hardswish(x)",
              "torch.silu_(torch.relu(x))",
              "torch.gelu(x)",
              "torch.mul(torch.adaptive_avg_pool2d(x, [1, 1]), x)",
              "torch.max_pool2d(x, [3], [2], [1], [1], True)",
              "torch.max_pool2d(x, [2, 2])",
              "torch.avg_pool2d(x, [3, 3], [2, 2], [1, 1], False, False, None)",
              "torch.adaptive_avg_pool2d(x, [2, 3])",
              "torch.adaptive_avg_pool2d(x, [8, 6])",
              "torch.mean(x, [-1, -2], True)",
              "torch.softmax(x, -3)",
              "torch.max_pool2d(torch.constant_pad_nd(x, [0, 1, 0, 1], float('-inf')), [2, 2], [2, 2])",
              "torch.avg_pool2d(torch.constant_pad_nd(x, [1, 0, 0, 1], 0.), [3, 3], [2, 2])",
              "torch.contiguous(x).detach().clone().sigmoid()"}) {
            QTest::newRow(expression) << expression;
        }
    }
    void functionsAndPools() {
        QFETCH(QString, expression);
        core::Graph graph;
        compareWithLibTorch(
            plain("def forward(self, x):\n    x = torch.hardtanh(x, -9., 9.)\n    return torch.flatten(" +
                  expression.toStdString() + ", 1)\n"),
            {2, 8, 6}, graph);
    }

    void aTracedNet() {
        const at::Tensor w1 = random({6, 2, 3, 3}, 8);
        const at::Tensor b1 = random({6}, 9);
        const at::Tensor w2 = random({6, 1, 3, 3}, 10);
        const at::Tensor w3 = random({4, 6}, 11);
        const auto net = [&](const at::Tensor& x) {
            at::Tensor y = at::conv2d(x, w1, b1, 2, 1);
            y = at::hardtanh_(y, 0, 6);
            y = at::conv2d(at::constant_pad_nd(y, {0, 1, 0, 1}, 0), w2, at::Tensor(), at::IntArrayRef{1, 1},
                           at::IntArrayRef{0, 0}, at::IntArrayRef{1, 1}, 6);
            y = at::relu_(y).add(y);
            y = at::adaptive_avg_pool2d(y, {1, 1});
            return at::linear(y.view({y.size(0), y.size(1)}), w3);
        };
        Module module = ModuleMaker().make("Traced");
        const auto trace = torch::jit::tracer::trace(
            {random({1, 2, 9, 9}, 12)},
            [&](torch::jit::Stack inputs) { return torch::jit::Stack{net(inputs[0].toTensor())}; },
            [](const at::Tensor&) { return std::string(); }, true, false, &module);
        module.type()->addMethod(module._ivalue()->compilation_unit()->create_function(
            c10::QualifiedName(*module.type()->name(), "forward"), trace.first->graph));
        bool hasTracedKind = false;
        for (const auto* node : module.get_method("forward").graph()->nodes()) {
            hasTracedKind = hasTracedKind || std::string(node->kind().toQualString()) == "aten::_convolution";
        }
        QVERIFY(hasTracedKind);
        core::Graph graph;
        compareWithLibTorch(module, {2, 9, 9}, graph,
                            1);  // the trace's own view holds the batch it was made with
        QCOMPARE(std::get<core::Conv2dOp>(graph.nodes[3].op).padding,
                 (std::array<std::int64_t, 4>{0, 0, 1, 1}));
    }

    void halfPrecisionWeightsBecomeFloat() {
        const at::Tensor weight = random({2, 1, 1, 1}, 13).to(at::kHalf);
        const core::Graph graph = import(
            plain("def forward(self, x):\n    return torch.conv2d(x, self.weight)\n", weight), {1, 4, 4});
        compareTensors(engine::wrap(std::get<core::Conv2dOp>(graph.nodes[1].op).weight),
                       weight.to(at::kFloat), 0);
    }

    void everythingUnsupportedIsListedOnce() {
        ModuleMaker maker;
        Module part = maker.make("Part");
        part.define("def forward(self, x):\n    return torch.roll(x, [1], [2])\n");
        Module root = maker.make("Root");
        root.register_module("part", part);
        root.define(R"(
def forward(self, x):
    x = torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False)
    y = self.part.forward(x)
    z = self.part.forward(torch.relu(y))
    return torch.upsample_nearest2d(torch.relu(x), [8, 8], None)
)");
        // Reading goes on behind an unsupported operator, so that one message names all of them.
        expectUnsupported(root, {1, 4, 4},
                          {"aten::instance_norm in the top module",
                           "aten::roll, 2 times, first in module 'part'",
                           "aten::upsample_nearest2d in the top module"});
        Module second = maker.make("Second");
        second.register_module("part", part);
        second.define(R"(
def forward(self, x):
    y = self.part.forward(x)
    return torch.add(y, torch.upsample_nearest2d(torch.relu(x), [8, 8], None))
)");
        expectUnsupported(second, {1, 4, 4},
                          {"aten::roll in module 'part'", "aten::upsample_nearest2d in the top module"});
    }

    void unsupportedUsesSayWhy_data() {
        QTest::addColumn<QString>("expression");
        QTest::addColumn<QString>("reason");
        QTest::newRow("dropout on") << "torch.dropout(x, 0.5, True)"
                                    << "eval()";
        QTest::newRow("batch norm on")
            << "torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False)"
            << "eval()";
        QTest::newRow("transposed") << "torch.conv_transpose2d(x, self.weight)"
                                    << "conv_transpose2d";
        QTest::newRow("scaled add") << "torch.add(x, x, alpha=2)"
                                    << "factor";
        QTest::newRow("scalar") << "torch.mul(x, 2.)"
                                << "mul";
        QTest::newRow("mean") << "torch.mean(x, [1])"
                              << "rows and columns";
        QTest::newRow("adaptive") << "torch.adaptive_avg_pool2d(x, [3, 3])"
                                  << "different sizes";
        QTest::newRow("dilated pool") << "torch.max_pool2d(x, [2, 2], [1, 1], [0, 0], [2, 2])"
                                      << "dilated";
        QTest::newRow("padded relu") << "torch.relu(torch.constant_pad_nd(x, [1, 1, 1, 1], 0.))"
                                     << "padding";
        QTest::newRow("log softmax inside") << "torch.relu(torch.log_softmax(x, 1))"
                                            << "log_softmax";
        QTest::newRow("reshape") << "torch.reshape(x, [-1, 2, 16])"
                                 << "everything else";
        QTest::newRow("data branch") << "self.pick(x)"
                                     << "depends on the input's values";
    }
    void unsupportedUsesSayWhy() {
        QFETCH(QString, expression);
        QFETCH(QString, reason);
        Module module = ModuleMaker().make("Use");
        module.register_parameter("weight", random({2, 2, 1, 1}, 14), false);
        module.define(R"(
def pick(self, x):
    if bool(x):
        return torch.relu(x)
    return x
)");
        module.define("def forward(self, x):\n    return " + expression.toStdString() + "\n");
        expectUnsupported(module, {2, 4, 4}, {reason});
    }

    void logSoftmaxAtTheEndIsLeftOut() {
        const core::Graph graph = import(
            plain(
                "def forward(self, x):\n    return torch.log_softmax(torch.flatten(torch.relu(x), 1), 1)\n"),
            {1, 2, 2});
        QVERIFY(std::holds_alternative<core::FlattenOp>(graph.node(graph.output).op));
    }

    void formsThatAreNoClassifierAreRefused_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("word");
        QTest::newRow("two inputs") << "def forward(self, x, y):\n    return torch.add(x, y)\n"
                                    << "2 inputs";
        QTest::newRow("tuple") << "def forward(self, x):\n    return (torch.relu(x), x)\n"
                               << "one tensor";
        QTest::newRow("constant") << "def forward(self, x):\n    return torch.ones([2])\n"
                                  << "one tensor";
    }
    void formsThatAreNoClassifierAreRefused() {
        QFETCH(QString, source);
        QFETCH(QString, word);
        try {
            import(plain(source.toStdString()), {1, 4, 4});
            QFAIL("imported");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::ModelFormat);
            QVERIFY2(QString(error.what()).contains(word), error.what());
        }
    }

    void aForeignFileNeedsItsInputShape() {
        try {
            import(plain("def forward(self, x):\n    return torch.relu(x)\n"), {});
            QFAIL("imported without a shape");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::ModelFormat);
            QVERIFY2(QString(error.what()).contains("input shape"), error.what());
        }
    }

    void aWrongInputShapeNamesTheLayer() {
        try {
            import(plain("def forward(self, x):\n    return torch.conv2d(x, self.weight)\n",
                         random({2, 3, 1, 1}, 15)),
                   {1, 4, 4});
            QFAIL("one channel for three");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::ShapeMismatch);
            QVERIFY2(QString(error.what()).contains("conv2d"), error.what());
        }
    }
};

QTEST_GUILESS_MAIN(TestTorchScriptImport)
#include "test_torch_script_import.moc"
