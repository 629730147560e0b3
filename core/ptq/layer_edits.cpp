#include "core/ptq/layer_edits.h"

#include "core/graph/batch_norm.h"
#include "core/types/error.h"

#include <algorithm>
#include <string>
#include <utility>

namespace bitlathe::core {

namespace {

Layer& editable(PreparedModel& model, const Layer& layer) {
    return model.layers[static_cast<std::size_t>(layer.index)];
}

FloatTensor& weightSlot(Node& node) {
    if (auto* const conv = std::get_if<Conv2dOp>(&node.op)) {
        return conv->weight;
    }
    return std::get<LinearOp>(node.op).weight;
}

FloatTensor& biasSlot(Node& node) {
    if (auto* const conv = std::get_if<Conv2dOp>(&node.op)) {
        return conv->bias;
    }
    return std::get<LinearOp>(node.op).bias;
}

}  // namespace

PreparedModel floatModel(const PreparedModel& model) {
    PreparedModel exact = model;
    exact.graph = model.floatGraph();
    exact.reference.reset();
    return exact;
}

bool takesPostTraining(const QuantConfig& config, const LayerId& id) {
    const auto found = config.layers.find(id);
    return found != config.layers.end() && found->second.takesPostTraining;
}

std::vector<const Layer*> correctableLayers(const PostTrainingState& state, std::string_view method) {
    std::vector<const Layer*> layers;
    for (const Layer& layer : state.model.layers) {
        if (layer.hasWeights() && takesPostTraining(state.config, layer.id) &&
            !state.config.layers.at(layer.id).weight.isFloat()) {
            layers.push_back(&layer);
        }
    }
    if (layers.empty()) {
        throw Error(ErrorCode::InvalidConfig,
                    "'" + std::string(method) +
                        "' works on quantized weights, and no layer that takes it has any; give layers "
                        "weight bits or leave the method out");
    }
    return layers;
}

void setLayerWeights(PreparedModel& model, const Layer& layer, std::vector<float> values) {
    FloatTensor& weight = weightSlot(model.graph.node(layer.node));
    weight = FloatTensor(weight.shape(), std::move(values));
}

void setQuantizedWeights(PreparedModel& model, const Layer& layer, BatchNormMode mode,
                         std::span<const float> values) {
    std::vector<float> own(values.begin(), values.end());
    if (mode == BatchNormMode::FakeBn && layer.batchNorm >= 0) {
        const ChannelAffine affine =
            channelAffine(std::get<BatchNormOp>(model.graph.node(layer.batchNorm).op));
        const FloatTensor before = layerWeights(model, layer);
        const std::size_t perChannel = own.size() / affine.scale.size();
        for (std::size_t i = 0; i < own.size(); ++i) {
            const double scale = affine.scale[i / perChannel];
            own[i] = scale == 0 ? before.values()[i] : static_cast<float>(own[i] / scale);
        }
    }
    setLayerWeights(model, layer, std::move(own));
}

void setLayerBias(PreparedModel& model, const Layer& layer, std::vector<float> values) {
    const auto channels = static_cast<std::int64_t>(values.size());
    biasSlot(model.graph.node(layer.node)) = FloatTensor({channels}, std::move(values));
    editable(model, layer).hasBias = true;
}

void addBeforeActivation(PreparedModel& model, const Layer& layer, std::span<const double> delta) {
    auto* const norm =
        layer.batchNorm < 0 ? nullptr : std::get_if<BatchNormOp>(&model.graph.node(layer.batchNorm).op);
    const FloatTensor before = norm == nullptr ? layerBias(model, layer) : norm->beta;
    std::vector<float> values(delta.size());
    for (std::size_t c = 0; c < values.size(); ++c) {
        const double value = before.defined() ? static_cast<double>(before.values()[c]) : 0.0;
        values[c] = static_cast<float>(value + delta[c]);
    }
    if (norm == nullptr) {
        setLayerBias(model, layer, std::move(values));
    } else {
        const auto channels = static_cast<std::int64_t>(values.size());
        norm->beta = FloatTensor({channels}, std::move(values));
    }
}

}  // namespace bitlathe::core
