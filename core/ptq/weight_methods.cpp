#include "core/ptq/weight_methods.h"

#include "core/plan/executed_layer.h"
#include "core/ptq/layer_edits.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace bitlathe::core {

void WeightClipping::apply(PostTrainingState& state, const PostTrainingTools& /*tools*/) const {
    for (const Layer* const layer : correctableLayers(state, kName)) {
        const FloatTensor weights = layerWeights(state.model, *layer);
        std::vector<float> values(weights.values().begin(), weights.values().end());
        constrainWeights(values, m_ratio, m_value);
        setLayerWeights(state.model, *layer, std::move(values));
    }
}

namespace {

/// Gives the grid a slice for each output channel, each with its scale (or its levels) times its gain.
void scaleSlices(QParams& grid, std::span<const double> gain) {
    if (!grid.isPerChannel()) {
        grid.scale.resize(gain.size(), grid.scale.front());
        grid.zeroPoint.resize(gain.size(), grid.zeroPoint.front());
        if (!grid.isUniform()) {
            grid.tables.resize(gain.size(), grid.tables.front());
        }
        grid.axis = 0;
    }
    const auto scaled = [](float value, double factor) {
        return static_cast<float>(static_cast<double>(value) * factor);
    };
    for (std::size_t c = 0; c < gain.size(); ++c) {
        grid.scale[c] = scaled(grid.scale[c], gain[c]);
        if (!grid.isUniform()) {
            for (float& level : grid.tables[c].levels) {
                level = scaled(level, gain[c]);
            }
            for (float& threshold : grid.tables[c].thresholds) {
                threshold = scaled(threshold, gain[c]);
            }
        }
    }
}

/// Puts weights that lay on the grid before its slices were scaled on the same codes of the scaled one.
void onGrid(const QParams& grid, std::span<const double> gain, std::span<float> weights) {
    const std::size_t perChannel = weights.size() / gain.size();
    for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] = static_cast<float>(static_cast<double>(weights[i]) * gain[i / perChannel]);
    }
    fakeQuantizeTensor(weights, weights, grid, 1, static_cast<std::int64_t>(gain.size()),
                       static_cast<std::int64_t>(perChannel));
}

}  // namespace

WeightStatisticsCorrection::WeightStatisticsCorrection(const WeightCorrection& correction)
    : m_correction(correction) {
    if (!correction.mean && !correction.deviation) {
        throw Error(ErrorCode::InvalidConfig,
                    "'weight_correction' with neither mean nor deviation does nothing; switch one on");
    }
}

void WeightStatisticsCorrection::apply(PostTrainingState& state, const PostTrainingTools& /*tools*/) const {
    for (const Layer* const layer : correctableLayers(state, kName)) {
        const BatchNormMode mode = state.plan.batchNormMode(layer->id);
        const FloatTensor weights = weightsToQuantize(state.model, *layer, mode);
        std::vector<float> quantized = quantizedWeights(state.model, *layer, state.plan);
        const auto channels = static_cast<std::size_t>(weights.shape().front());
        const std::size_t perChannel = quantized.size() / channels;
        std::vector<double> gain;
        std::vector<float> shift;
        for (std::size_t c = 0; c < channels; ++c) {
            const auto exact = weights.values().subspan(c * perChannel, perChannel);
            const auto now = std::span<const float>(quantized).subspan(c * perChannel, perChannel);
            const ChannelCorrection terms = channelCorrection(exact, now, m_correction);
            gain.push_back(terms.gain);
            shift.push_back(static_cast<float>(terms.shift));
        }
        if (m_correction.deviation) {
            QParams& grid = state.plan.sites.at({layer->id, SiteKind::Weight});
            scaleSlices(grid, gain);
            onGrid(grid, gain, quantized);
            setQuantizedWeights(state.model, *layer, mode, quantized);
        }
        if (std::any_of(shift.begin(), shift.end(), [](float x) { return x != 0; })) {
            state.plan.weightAffine[layer->id] = {std::vector<float>(channels, 1.0F), std::move(shift)};
        }
    }
}

}  // namespace bitlathe::core
