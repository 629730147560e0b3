#pragma once

#include "core/graph/prepare.h"
#include "core/plan/quant_plan.h"
#include "engine/torch_engine.h"
#include "tests/support/random_graph.h"

#include <limits>
#include <string>

namespace bitlathe::tests {

inline core::FloatTensor filled(std::int64_t count, float value) {
    return {{count}, std::vector<float>(static_cast<std::size_t>(count), value)};
}

/// conv - batch norm - relu - depthwise - batch norm - relu - linear for bars of 12×12.
inline core::Graph barNet() {
    core::Graph graph;
    graph.name = "bar_net";
    graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 1, 12, 12}});
    const auto norm = [] {
        return core::BatchNormOp{filled(8, 1), filled(8, 0), filled(8, 0), filled(8, 1), 1e-5, 0.1};
    };
    core::Conv2dOp conv;
    conv.weight = randomTensor({8, 1, 5, 5}, 1, 0.3F);
    conv.stride = {2, 2};
    core::NodeId x = graph.append("conv", conv, {0});
    x = graph.append("bn", norm(), {x});
    x = graph.append("act", core::ClampOp{0, std::numeric_limits<double>::infinity()}, {x});
    core::Conv2dOp depthwise;
    depthwise.weight = randomTensor({8, 1, 3, 3}, 3, 0.4F);
    depthwise.padding = {1, 1, 1, 1};
    depthwise.groups = 8;
    x = graph.append("dw", depthwise, {x});
    x = graph.append("dw_bn", norm(), {x});
    x = graph.append("dw_act", core::ClampOp{0, std::numeric_limits<double>::infinity()}, {x});
    x = graph.append("flatten", core::FlattenOp{}, {x});
    graph.output = graph.append("head", core::LinearOp{randomTensor({3, 128}, 2, 0.05F), filled(3, 0)}, {x});
    core::inferShapes(graph, {1, 1, 12, 12});
    return graph;
}

inline core::BatchSource trainBatches() {
    core::BatchSource::Options options;
    options.batchSize = 16;
    options.shuffle = core::Seed{5};
    options.augmentation = {true, 1};
    return barBatches(96, options);
}

inline core::BatchSource testBatches() {
    return barBatches(60, {});
}

/// Everything a quantized training of seconds is given, kept alive together.
struct Bench {
    engine::TorchEngine engine;
    core::Graph graph;
    core::QuantConfig config;
    core::Statistics statistics;
    core::BatchSource train = trainBatches();
    core::BatchSource test = testBatches();
    core::TrainOptions options;
    core::QatOptions qat;
    std::string folder;

    Bench() {
        engine.setThreads(1);
        graph = floatTrained();
        options.epochs = 3;
        options.learningRate = 0.02;
        options.schedule.method = {"cosine", {}};
        setConfig(2, 4, "symmetric", "min_max", core::BatchNormMode::Folded);
    }

    core::Graph floatTrained() {
        const core::Graph start = barNet();
        core::TrainTask task;
        task.graph = &start;
        task.trainData = &train;
        task.testData = &test;
        task.options.epochs = 6;
        task.options.learningRate = 0.05;
        return engine.train(task, {}, {}).graph;
    }

    void setConfig(int weightBits, int outputBits, const std::string& quantizer, const std::string& observer,
                   core::BatchNormMode mode) {
        config = {};
        core::LayerQuant quant;
        quant.weight.bits = core::BitWidth(weightBits);
        quant.weight.quantizer = {quantizer == "affine" ? "symmetric" : quantizer, {}};
        quant.output.bits = core::BitWidth(outputBits);
        quant.output.quantizer = {quantizer, {}};
        quant.output.observer = {observer, {}};
        quant.batchNorm = mode;
        for (const core::Layer& layer : core::prepare(graph).layers) {
            config.layers[layer.id] = quant;
        }
        config.input = quant.output;
        config.input.bits = core::BitWidth(8);
        statistics = engine.calibrate(prepared(), test, core::ChannelDetail::Histograms, {});
    }

    core::PreparedModel prepared() const { return core::preparedFor(core::prepare(graph), config); }

    core::TrainTask task() {
        core::TrainTask task;
        task.graph = &graph;
        task.trainData = &train;
        task.testData = &test;
        task.options = options;
        task.quantization = core::QuantizedTraining{&config, &statistics, nullptr, qat};
        task.checkpointFolder = folder;
        return task;
    }
    core::TrainResult run(const core::RunContext& context = {}, const core::TrainObserver& observer = {}) {
        return engine.train(task(), context, observer);
    }
    double startTop1() {
        const core::PreparedModel model = prepared();
        return engine.evaluate(model, core::resolvePlan(model, config, statistics), test, {}).top1Percent();
    }
};

inline bool isSamePlan(const core::QuantPlan& a, const core::QuantPlan& b) {
    return a.sites == b.sites && a.batchNorm == b.batchNorm;
}

}  // namespace bitlathe::tests
