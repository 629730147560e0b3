#include "core/ptq/weight_methods.h"

#include "core/plan/executed_layer.h"
#include "core/ptq/layer_edits.h"
#include "core/quantizers/weight_normalisation.h"
#include "core/types/error.h"

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

WeightStatisticsCorrection::WeightStatisticsCorrection(const WeightCorrection& correction)
    : m_correction(correction) {
    if (!correction.mean && !correction.deviation) {
        throw Error(ErrorCode::InvalidConfig,
                    "'weight_correction' with neither mean nor deviation does nothing; switch one on");
    }
}

void WeightStatisticsCorrection::apply(PostTrainingState& state, const PostTrainingTools& /*tools*/) const {
    for (const Layer* const layer : correctableLayers(state, kName)) {
        const FloatTensor weights =
            weightsToQuantize(state.model, *layer, state.plan.batchNormMode(layer->id));
        const std::vector<float> quantized = quantizedWeights(state.model, *layer, state.plan);
        const auto channels = static_cast<std::size_t>(weights.shape().front());
        const std::size_t perChannel = quantized.size() / channels;
        WeightAffine affine;
        for (std::size_t c = 0; c < channels; ++c) {
            const auto exact = weights.values().subspan(c * perChannel, perChannel);
            const auto now = std::span<const float>(quantized).subspan(c * perChannel, perChannel);
            const ChannelCorrection terms = channelCorrection(exact, now, m_correction);
            affine.gain.push_back(static_cast<float>(terms.gain));
            affine.shift.push_back(static_cast<float>(terms.shift));
        }
        state.plan.weightAffine[layer->id] = std::move(affine);
    }
}

}  // namespace bitlathe::core
