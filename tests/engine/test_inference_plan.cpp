#include "engine/graph_executor.h"
#include "engine/tensor_bridge.h"

#include "core/graph/prepare.h"
#include "core/zoo/zoo.h"
#include "tests/support/random_graph.h"
#include "tests/support/tensor_compare.h"

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <c10/core/InferenceMode.h>

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe;
using tests::compareTensors;
using tests::randomTensor;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Every operator by itself, in order: what fusing must not change.
at::Tensor oneByOne(const engine::GraphExecutor& executor, const at::Tensor& images) {
    engine::Execution execution(executor, images);
    for (core::NodeId id = 0; id <= executor.graph().output; ++id) {
        execution.step(id);
    }
    return execution.take(executor.graph().output);
}

core::Conv2dOp pointwise(std::int64_t in, std::int64_t out, unsigned seed) {
    core::Conv2dOp op;
    op.weight = randomTensor({out, in, 1, 1}, seed, 0.5F);
    op.bias = randomTensor({out}, seed + 1, 0.3F);
    return op;
}

/// input -> a -> relu -> b -> add(relu) -> relu6 -> c: sums into a value with readers before and behind it.
core::Graph residual() {
    core::Graph graph;
    graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 4, 9, 9}});
    const core::NodeId a = graph.append("a", pointwise(4, 8, 1), {0});
    const core::NodeId positive = graph.append("relu", core::ClampOp{0, kInfinity}, {a});
    const core::NodeId b = graph.append("b", pointwise(8, 8, 3), {positive});
    const core::NodeId sum = graph.append("sum", core::AddOp{}, {positive, b});
    const core::NodeId clamped = graph.append("relu6", core::ClampOp{0, 6}, {sum});
    const core::NodeId c = graph.append("c", pointwise(8, 8, 5), {clamped});
    graph.output = graph.append("all", core::AddOp{}, {c, positive});
    core::inferShapes(graph, {1, 4, 9, 9});
    return graph;
}

}  // namespace

class TestInferencePlan : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { at::set_num_threads(1); }

    void netsEqualTheirOperatorsOneByOne_data() {
        QTest::addColumn<QString>("net");
        QTest::addColumn<int>("batch");
        for (const int batch : {1, 5, 40}) {
            for (const char* const net : {"resnet8", "mobilenet_v1", "mobilenet_v2"}) {
                QTest::addRow("%s %d", net, batch) << QString(net) << batch;
            }
        }
    }
    void netsEqualTheirOperatorsOneByOne() {
        QFETCH(QString, net);
        QFETCH(int, batch);
        core::ParamValues params{{"size", 32}, {"channels", 3}, {"classes", 10}};
        const core::Graph graph =
            core::prepare(core::buildZooModel(net.toStdString(), params, core::Seed(7))).graph;
        const c10::InferenceMode inference;
        engine::GraphExecutor executor(graph, engine::ExecutionMode::Inference);
        const core::FloatTensor x = randomTensor({batch, 3, 32, 32}, 8);
        const at::Tensor expected = oneByOne(executor, engine::wrap(x));
        const at::Tensor actual = executor.run(engine::wrap(x));
        // Some dozen layers, each with sums of up to a thousand products in another order.
        compareTensors(actual, expected, 1e-5 * expected.abs().max().item().toDouble(), 1e-4);
        // Threads get whole pieces: they cannot change a bit. Nor can running twice.
        QVERIFY(at::equal(executor.run(engine::wrap(x)), actual));
        at::set_num_threads(2);
        QVERIFY(batch == 1 || at::equal(executor.run(engine::wrap(x)), actual));
    }

    void sumsLeaveOtherReadersAlone() {
        const c10::InferenceMode inference;
        const engine::GraphExecutor executor(residual(), engine::ExecutionMode::Inference);
        const core::FloatTensor x = randomTensor({3, 4, 9, 9}, 9);
        compareTensors(executor.run(engine::wrap(x)), oneByOne(executor, engine::wrap(x)), 1e-4);
    }

    void everyValueCanBeAskedFor() {
        const c10::InferenceMode inference;
        const engine::GraphExecutor executor(residual(), engine::ExecutionMode::Inference);
        const core::FloatTensor x = randomTensor({2, 4, 9, 9}, 10);
        engine::Execution execution(executor, engine::wrap(x));
        for (core::NodeId id = 0; id < executor.graph().output; ++id) {
            execution.step(id);
            const at::Tensor expected = execution.value(id).clone();
            compareTensors(executor.run(engine::wrap(x), id), expected, 1e-4);
        }
    }

    void hooksAndGridsSeeTheirOwnValue() {
        const c10::InferenceMode inference;
        engine::GraphExecutor executor(residual(), engine::ExecutionMode::Inference);
        const core::FloatTensor x = randomTensor({2, 4, 9, 9}, 11);
        const at::Tensor b = executor.run(engine::wrap(x), 3);
        at::Tensor seen;
        executor.setHook(3, [&](at::Tensor value) {
            seen = value.clone();
            return value;
        });
        const at::Tensor plain = executor.run(engine::wrap(x)).clone();
        compareTensors(seen, b, 0);
        core::QParams coarse;
        coarse.scale = {0.5F};
        coarse.zeroPoint = {0};
        coarse.quantMin = -8;
        coarse.quantMax = 7;
        executor.setGrid(3, coarse);
        QVERIFY(!at::equal(executor.run(engine::wrap(x)), plain));
        // A grid comes in front of the hook.
        QVERIFY(at::equal(seen.mul(2), seen.mul(2).round()));
    }

    void changedWeightsAreSeen() {
        const c10::InferenceMode inference;
        engine::GraphExecutor executor(residual(), engine::ExecutionMode::Inference);
        const core::FloatTensor x = randomTensor({2, 4, 9, 9}, 12);
        const at::Tensor before = executor.run(engine::wrap(x)).clone();
        executor.tensors(1).weight = engine::wrap(randomTensor({8, 4, 1, 1}, 13));
        QVERIFY(!at::equal(executor.run(engine::wrap(x)), before));
        compareTensors(executor.run(engine::wrap(x)), oneByOne(executor, engine::wrap(x)), 1e-4);
    }

    void nanIsNotClampedAway() {
        const c10::InferenceMode inference;
        core::Graph graph = residual();
        core::FloatTensor x = randomTensor({1, 4, 9, 9}, 14);
        std::vector<float> values(x.values().begin(), x.values().end());
        values[5] = std::numeric_limits<float>::quiet_NaN();
        const engine::GraphExecutor sound(graph, engine::ExecutionMode::Inference);
        QVERIFY(std::isnan(sound.run(engine::wrap({{1, 4, 9, 9}, values})).sum().item().toDouble()));
        std::get<core::Conv2dOp>(graph.node(1).op).bias =
            core::FloatTensor({8}, std::vector<float>(8, std::numeric_limits<float>::quiet_NaN()));
        const engine::GraphExecutor broken(graph, engine::ExecutionMode::Inference);
        QVERIFY(std::isnan(broken.run(engine::wrap(x)).sum().item().toDouble()));
    }
};

QTEST_GUILESS_MAIN(TestInferencePlan)
#include "test_inference_plan.moc"
