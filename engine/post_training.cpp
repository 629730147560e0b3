#include "engine/post_training.h"

#include "core/plan/executed_layer.h"
#include "engine/ada_round.h"
#include "engine/error_boundary.h"
#include "engine/evaluator.h"
#include "engine/fake_quantize_op.h"
#include "engine/quantized_executor.h"
#include "engine/tensor_bridge.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

namespace bitlathe::engine {

namespace {

/// Everything but the channels.
std::vector<std::int64_t> otherDimensions(const at::Tensor& value) {
    std::vector<std::int64_t> dimensions{0};
    for (std::int64_t d = 2; d < value.dim(); ++d) {
        dimensions.push_back(d);
    }
    return dimensions;
}

std::vector<double> toVector(const at::Tensor& tensor) {
    const at::Tensor wide = tensor.to(at::kDouble).contiguous();
    return {wide.data_ptr<double>(), wide.data_ptr<double>() + wide.numel()};
}

/// Sums over batches, each batch counted by its samples.
struct Accumulator {
    double weight = 0;
    std::vector<double> mean, square, absolute, lower, upper;

    void add(const at::Tensor& value) {
        const std::vector<std::int64_t> others = otherDimensions(value);
        const at::Tensor wide = value.to(at::kDouble);
        const at::Tensor centre = wide.mean(others, /*keepdim=*/true);
        const auto samples = static_cast<double>(value.size(0));
        accumulate(mean, toVector(centre), samples);
        accumulate(square, toVector(wide.square().mean(others)), samples);
        accumulate(absolute, toVector((wide - centre).abs().mean(others)), samples);
        extend(toVector(wide.amin(others)), toVector(wide.amax(others)));
        weight += samples;
    }

    core::ChannelMoments moments() const {
        core::ChannelMoments result;
        for (std::size_t c = 0; c < mean.size(); ++c) {
            const double m = mean[c] / weight;
            result.mean.push_back(m);
            result.deviation.push_back(std::sqrt(std::max(0.0, square[c] / weight - m * m)));
            result.absoluteDeviation.push_back(absolute[c] / weight);
            result.range.push_back({lower[c], upper[c]});
        }
        return result;
    }

private:
    static void accumulate(std::vector<double>& sum, const std::vector<double>& batch, double samples) {
        sum.resize(batch.size(), 0.0);
        for (std::size_t c = 0; c < batch.size(); ++c) {
            sum[c] += batch[c] * samples;
        }
    }
    void extend(const std::vector<double>& low, const std::vector<double>& high) {
        if (lower.empty()) {
            lower = low;
            upper = high;
        }
        for (std::size_t c = 0; c < low.size(); ++c) {
            lower[c] = std::min(lower[c], low[c]);
            upper[c] = std::max(upper[c], high[c]);
        }
    }
};

at::Tensor alongChannels(const std::vector<double>& values, const at::Tensor& like) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(like.dim()), 1);
    shape[1] = static_cast<std::int64_t>(values.size());
    return at::tensor(values, at::kDouble).to(at::kFloat).reshape(shape);
}

std::map<core::NodeId, core::ChannelMoments> momentsOf(const core::PreparedModel& model,
                                                       const core::QuantPlan& plan,
                                                       const std::vector<core::NodeId>& nodes,
                                                       const core::BatchSource& data,
                                                       const core::RunContext& context) {
    const c10::InferenceMode inference;
    std::map<core::NodeId, Accumulator> sums;
    for (const core::NodeId node : nodes) {
        sums[node];
    }
    if (sums.empty()) {
        return {};
    }
    const core::NodeId last = sums.rbegin()->first;
    const GraphExecutor executor = makeQuantizedExecutor(model, plan);
    core::Batch batch;
    for (std::int64_t i = 0; i < data.batchCount(); ++i) {
        context.checkpoint(i, data.batchCount(), "moments of batch " + std::to_string(i + 1));
        data.read(i, batch);
        requireInputShape(model.graph, batch.shape);
        Execution execution(executor, wrapImages(batch));
        for (core::NodeId id = 0; id <= last; ++id) {
            execution.step(id);
            if (const auto found = sums.find(id); found != sums.end()) {
                found->second.add(execution.value(id));
            }
        }
    }
    std::map<core::NodeId, core::ChannelMoments> moments;
    for (const auto& [node, sum] : sums) {
        moments.emplace(node, sum.moments());
    }
    return moments;
}

/// README eq. 53 at one layer.
struct Adjusted {
    std::vector<double> target;  ///< the float model's mean on the batch at hand
    std::vector<double> delta;   ///< added so far

    at::Tensor apply(const at::Tensor& value, double factor) {
        const at::Tensor moved = value + alongChannels(delta, value);
        const std::vector<double> mean = toVector(moved.to(at::kDouble).mean(otherDimensions(moved)));
        std::vector<double> step(mean.size());
        for (std::size_t c = 0; c < mean.size(); ++c) {
            step[c] = factor * (target[c] - mean[c]);
            delta[c] += step[c];
        }
        return moved + alongChannels(step, value);
    }
};

std::map<core::LayerId, std::vector<double>>
adjust(const core::PreparedModel& model, const core::QuantPlan& plan,
       const std::vector<core::LayerId>& layers, const core::BiasAdjustment& options,
       const core::BatchSource& data, const core::RunContext& context) {
    const c10::InferenceMode inference;
    const GraphExecutor exact(model.floatGraph(), ExecutionMode::Inference);
    GraphExecutor quantized = makeQuantizedExecutor(model, plan);
    std::map<core::NodeId, Adjusted> adjusted;
    double factor = options.factor;
    for (const core::LayerId& id : layers) {
        const core::Layer& layer = *model.findLayer(id);
        const core::NodeId node = core::preActivationNode(layer);
        Adjusted& entry = adjusted[node];
        entry.delta.assign(static_cast<std::size_t>(layer.outputChannels), 0.0);
        // The layer's own grid, where nothing stands between, comes after the adjustment.
        quantized.setHook(node, [&entry, &factor, grid = quantized.takeGrid(node),
                                 online = quantized.takeHook(node)](const at::Tensor& value) {
            at::Tensor moved = entry.apply(value, factor);
            if (grid) {
                return fakeQuantize(std::move(moved), *grid);
            }
            return online ? online(std::move(moved)) : moved;
        });
    }
    core::Batch batch;
    const std::int64_t total = options.passes * data.batchCount();
    for (std::int64_t i = 0; i < total; ++i) {
        context.checkpoint(i, total, "adjusting biases");
        data.read(i % data.batchCount(), batch);
        requireInputShape(model.graph, batch.shape);
        factor = options.factor * std::pow(options.decay, static_cast<double>(i / data.batchCount()));
        Execution reference(exact, wrapImages(batch));
        for (core::NodeId node = 0; node <= model.graph.output; ++node) {
            reference.step(node);
            if (const auto found = adjusted.find(node); found != adjusted.end()) {
                const at::Tensor& value = reference.value(node);
                found->second.target = toVector(value.to(at::kDouble).mean(otherDimensions(value)));
            }
        }
        quantized.run(wrapImages(batch));
    }
    std::map<core::LayerId, std::vector<double>> result;
    for (const core::LayerId& id : layers) {
        result.emplace(id, adjusted.at(core::preActivationNode(*model.findLayer(id))).delta);
    }
    return result;
}

}  // namespace

std::map<core::NodeId, core::ChannelMoments>
TorchPostTraining::channelMoments(const core::PreparedModel& model, const core::QuantPlan& plan,
                                  const std::vector<core::NodeId>& nodes, const core::BatchSource& data,
                                  const core::RunContext& context) {
    return atBoundary("measuring channels", [&] { return momentsOf(model, plan, nodes, data, context); });
}

std::map<core::LayerId, std::vector<double>>
TorchPostTraining::adjustBiases(const core::PreparedModel& model, const core::QuantPlan& plan,
                                const std::vector<core::LayerId>& layers, const core::BiasAdjustment& options,
                                const core::BatchSource& data, const core::RunContext& context) {
    return atBoundary("adjusting biases",
                      [&] { return adjust(model, plan, layers, options, data, context); });
}

core::FloatTensor TorchPostTraining::learnRounding(const core::PreparedModel& model,
                                                   const core::QuantPlan& plan, const core::Layer& layer,
                                                   const core::RoundingOptions& options,
                                                   const core::BatchSource& data,
                                                   const core::RunContext& context) {
    return atBoundary("learning to round",
                      [&] { return engine::learnRounding(model, plan, layer, options, data, context); });
}

}  // namespace bitlathe::engine
