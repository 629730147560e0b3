#include "core/plan/executed_layer.h"

#include "core/graph/batch_norm.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <cmath>
#include <limits>
#include <utility>

namespace bitlathe::core {

namespace {

std::vector<float> accumulatorScales(const QParams& input, const QParams& weight, std::size_t channels) {
    const std::vector<float> none(channels, 0.0F);
    QuantizedBias grid = quantizedBias(none, input, weight);
    grid.scale.resize(channels, grid.scale.front());
    return grid.scale;
}

FloatTensor onAccumulatorGrid(const FloatTensor& bias, const QParams& input, const QParams& weight) {
    const QuantizedBias quantized = quantizedBias(bias.values(), input, weight);
    std::vector<float> values(quantized.codes.size());
    for (std::size_t c = 0; c < values.size(); ++c) {
        values[c] = quantized.value(c);
    }
    return {bias.shape(), std::move(values)};
}

FloatTensor vectorOf(std::vector<float> values) {
    const auto size = static_cast<std::int64_t>(values.size());
    return {{size}, std::move(values)};
}

/// README eq. 47: bias and shift on the accumulator's grid, the batch norm's mean taken out.
void applyIcn(const BatchNormOp& norm, const QParams& input, const QParams& weight, ExecutedLayer& layer) {
    const ChannelAffine affine = channelAffine(norm);
    const std::size_t channels = affine.scale.size();
    const std::vector<float> scales = accumulatorScales(input, weight, channels);
    std::vector<float> bias(channels);
    std::vector<float> gamma(channels);
    std::vector<float> beta(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        const double own = layer.bias.defined() ? static_cast<double>(layer.bias.values()[c]) : 0.0;
        const double step = static_cast<double>(scales[c]);
        const double code = roundTo((own + affine.shift[c] / affine.scale[c]) / step, Rounding::HalfEven);
        // Written so that a scale of zero (an infinite or undefined code) is a constant channel too.
        if (std::fabs(code) <= static_cast<double>(std::numeric_limits<std::int32_t>::max())) {
            bias[c] = static_cast<float>(code * step);
            gamma[c] = norm.gamma.defined() ? norm.gamma.values()[c] : 1.0F;
        } else {
            beta[c] = static_cast<float>(affine.scale[c] * own + affine.shift[c]);
        }
    }
    layer.bias = vectorOf(std::move(bias));
    layer.batchNorm = norm;
    layer.batchNorm->gamma = vectorOf(std::move(gamma));
    layer.batchNorm->beta = vectorOf(std::move(beta));
    layer.batchNorm->mean = vectorOf(std::vector<float>(channels, 0.0F));
}

}  // namespace

const QParams* accumulatorInput(const PreparedModel& model, const Layer& layer, const QuantPlan& plan) {
    const QParams* const weight = plan.find({layer.id, SiteKind::Weight});
    const std::optional<SiteId> site = model.siteOfTensor(layer.inputNodes.front());
    const QParams* const input = site ? plan.find(*site) : nullptr;
    const bool hasCodes = input != nullptr && weight != nullptr && !input->isPerChannel() &&
                          input->isUniform() && weight->isUniform();
    return hasCodes ? input : nullptr;
}

std::vector<float> quantizedWeights(const PreparedModel& model, const Layer& layer, const QuantPlan& plan) {
    const FloatTensor weights = weightsToQuantize(model, layer, plan.batchNormMode(layer.id));
    std::vector<float> values(weights.values().begin(), weights.values().end());
    const QParams* const grid = plan.find({layer.id, SiteKind::Weight});
    if (grid == nullptr) {
        return values;
    }
    const std::int64_t channels = weights.shape().front();
    const std::int64_t perChannel = weights.size() / channels;
    fakeQuantizeTensor(weights.values(), values, *grid, 1, channels, perChannel);
    if (const auto affine = plan.weightAffine.find(layer.id); affine != plan.weightAffine.end()) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t c = i / static_cast<std::size_t>(perChannel);
            values[i] = values[i] * affine->second.gain[c] + affine->second.shift[c];
        }
    }
    return values;
}

ExecutedLayer executedLayer(const PreparedModel& model, const Layer& layer, const QuantPlan& plan) {
    const BatchNormMode mode = plan.batchNormMode(layer.id);
    const auto* const norm =
        layer.batchNorm < 0 ? nullptr : std::get_if<BatchNormOp>(&model.graph.node(layer.batchNorm).op);
    const QParams* const weight = plan.find({layer.id, SiteKind::Weight});
    ExecutedLayer executed;
    if (norm != nullptr) {
        executed.batchNorm = *norm;
    }
    if (weight == nullptr) {
        executed.weight = layerWeights(model, layer);
        executed.bias = layerBias(model, layer);
        return executed;
    }
    if (!layer.hasWeights()) {
        throw Error(ErrorCode::InvalidConfig, "the configuration quantizes the weights of layer '" +
                                                  layer.id.str() + "', which has none");
    }
    executed.weight = {layer.weightShape, quantizedWeights(model, layer, plan)};
    executed.bias = biasToQuantize(model, layer, mode);
    if (norm != nullptr && mode == BatchNormMode::FakeBn) {
        executed.batchNorm.reset();
    }
    const QParams* const input = accumulatorInput(model, layer, plan);
    if (input == nullptr) {
        return executed;
    }
    if (norm != nullptr && mode == BatchNormMode::Icn) {
        applyIcn(*norm, *input, *weight, executed);
    } else if (executed.bias.defined()) {
        executed.bias = onAccumulatorGrid(executed.bias, *input, *weight);
    }
    return executed;
}

}  // namespace bitlathe::core
