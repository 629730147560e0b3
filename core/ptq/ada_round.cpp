#include "core/ptq/ada_round.h"

#include "core/ptq/layer_edits.h"

#include <vector>

namespace bitlathe::core {

void AdaRound::apply(PostTrainingState& state, const PostTrainingTools& tools) const {
    PostTrainingEngine& engine = tools.requireEngine(kName);
    const BatchSource& data = tools.requireData(kName);
    RoundingOptions options = m_options;
    options.seed = tools.seed;
    for (const Layer* const layer : correctableLayers(state, kName)) {
        const FloatTensor rounded =
            engine.learnRounding(state.model, state.plan, *layer, options, data, tools.context);
        setQuantizedWeights(state.model, *layer, state.plan.batchNormMode(layer->id), rounded.values());
    }
}

}  // namespace bitlathe::core
