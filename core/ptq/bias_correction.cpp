#include "core/ptq/bias_correction.h"

#include "core/graph/batch_norm.h"
#include "core/plan/executed_layer.h"
#include "core/ptq/expected_input.h"
#include "core/ptq/layer_edits.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace bitlathe::core {

namespace {

void correctFromData(PostTrainingState& state, const PostTrainingTools& tools,
                     const std::vector<const Layer*>& layers) {
    PostTrainingEngine& engine = tools.requireEngine(BiasCorrection::kName);
    const BatchSource& data = tools.requireData(BiasCorrection::kName);
    std::vector<NodeId> nodes;
    for (const Layer* const layer : layers) {
        nodes.push_back(preActivationNode(*layer));
    }
    const auto exact = engine.channelMoments(floatModel(state.model), {}, nodes, data, tools.context);
    for (const Layer* const layer : layers) {
        const NodeId node = preActivationNode(*layer);
        const auto now = engine.channelMoments(state.model, state.plan, {node}, data, tools.context);
        std::vector<double> delta = exact.at(node).mean;
        for (std::size_t c = 0; c < delta.size(); ++c) {
            delta[c] -= now.at(node).mean[c];
        }
        addBeforeActivation(state.model, *layer, delta);
    }
}

/// Scale from the layer's own output to what stands before its activation.
std::vector<double> normScale(const PostTrainingState& state, const Layer& layer) {
    const BatchNormMode mode = state.plan.batchNormMode(layer.id);
    if (mode == BatchNormMode::Icn || mode == BatchNormMode::NotFolded) {
        return channelAffine(std::get<BatchNormOp>(state.model.graph.node(layer.batchNorm).op)).scale;
    }
    return std::vector<double>(static_cast<std::size_t>(layer.weightShape[0]), 1.0);
}

void correctFromMeans(PostTrainingState& state, const Layer& layer, const std::vector<double>& inputMean) {
    const FloatTensor exact =
        weightsToQuantize(floatModel(state.model), layer, state.plan.batchNormMode(layer.id));
    const std::vector<float> used = quantizedWeights(state.model, layer, state.plan);
    std::vector<double> difference(used.size());
    for (std::size_t i = 0; i < used.size(); ++i) {
        difference[i] = static_cast<double>(used[i]) - static_cast<double>(exact.values()[i]);
    }
    std::vector<double> delta = outputShift(state.model.graph, layer, difference, inputMean);
    const std::vector<double> scale = normScale(state, layer);
    for (std::size_t c = 0; c < delta.size(); ++c) {
        delta[c] *= -scale[c];
    }
    addBeforeActivation(state.model, layer, delta);
}

void correctFromWeights(PostTrainingState& state, const PostTrainingTools& tools,
                        const std::vector<const Layer*>& layers, bool prefersBatchNorm) {
    std::map<NodeId, std::vector<double>> means;
    std::vector<NodeId> measured;
    for (const Layer* const layer : layers) {
        const NodeId input = layer->inputNodes.front();
        auto known = prefersBatchNorm ? expectedValue(state, input) : std::nullopt;
        if (known) {
            means.emplace(input, std::move(*known));
        } else {
            measured.push_back(input);
        }
    }
    if (!measured.empty()) {
        PostTrainingEngine& engine = tools.requireEngine(BiasCorrection::kName);
        const BatchSource& data = tools.requireData(BiasCorrection::kName);
        for (auto& [node, moments] :
             engine.channelMoments(floatModel(state.model), {}, measured, data, tools.context)) {
            means.emplace(node, moments.mean);
        }
    }
    for (const Layer* const layer : layers) {
        correctFromMeans(state, *layer, means.at(layer->inputNodes.front()));
    }
}

}  // namespace

void BiasCorrection::apply(PostTrainingState& state, const PostTrainingTools& tools) const {
    const std::vector<const Layer*> layers = correctableLayers(state, kName);
    if (m_form == Form::Empirical) {
        correctFromData(state, tools, layers);
    } else {
        correctFromWeights(state, tools, layers, m_form == Form::BatchNorm);
    }
}

void AdvancedCalibration::apply(PostTrainingState& state, const PostTrainingTools& tools) const {
    PostTrainingEngine& engine = tools.requireEngine(kName);
    const BatchSource& data = tools.requireData(kName);
    std::vector<LayerId> ids;
    for (const Layer* const layer : correctableLayers(state, kName)) {
        ids.push_back(layer->id);
    }
    for (const auto& [id, delta] :
         engine.adjustBiases(state.model, state.plan, ids, m_options, data, tools.context)) {
        addBeforeActivation(state.model, *state.model.findLayer(id), delta);
    }
}

}  // namespace bitlathe::core
