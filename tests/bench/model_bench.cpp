#include "tests/bench/model_bench.h"

#include "engine/statistics_collector.h"
#include "tests/support/random_graph.h"

namespace bitlathe::bench {

core::Batch randomBatch(const core::Shape& inputShape, std::int64_t size) {
    core::Batch batch;
    batch.shape = {size, inputShape[1], inputShape[2], inputShape[3]};
    const core::FloatTensor images = tests::randomTensor(batch.shape, 1);
    batch.images.assign(images.values().begin(), images.values().end());
    batch.labels.assign(static_cast<std::size_t>(size), 0);
    return batch;
}

engine::GraphExecutor observingExecutor(const core::PreparedModel& model, core::Statistics& statistics) {
    engine::GraphExecutor executor(model.graph, engine::ExecutionMode::Inference);
    const auto observe = [&](core::NodeId node, const core::LayerId& layer) {
        executor.setHook(node, [&site = statistics.sites[{layer, core::SiteKind::Output}],
                                name = layer.str()](at::Tensor value) {
            site.merge(engine::collectStatistics(value, name, core::ChannelDetail::Extrema));
            return value;
        });
    };
    observe(0, core::kInputLayer);
    for (const core::Layer& layer : model.layers) {
        observe(layer.outputNode, layer.id);
    }
    return executor;
}

core::QuantConfig eightBitConfig(const core::PreparedModel& model, core::Granularity::Kind activations) {
    core::QuantConfig config;
    config.input.bits = core::BitWidth(8);
    for (const core::Layer& layer : model.layers) {
        core::LayerQuant& quant = config.layers[layer.id];
        if (layer.isQuantizable) {
            quant.output.bits = core::BitWidth(8);
            quant.output.granularity.kind = activations;
        }
        if (layer.hasWeights()) {
            quant.weight.bits = core::BitWidth(8);
            quant.weight.quantizer.name = "symmetric";
            quant.weight.granularity.kind = core::Granularity::Kind::Channel;
        }
    }
    return config;
}

core::QuantPlan eightBitPlan(const core::PreparedModel& model, const core::Statistics& statistics,
                             core::Granularity::Kind activations) {
    return core::resolvePlan(model, eightBitConfig(model, activations), statistics);
}

}  // namespace bitlathe::bench
