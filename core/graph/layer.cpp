#include "core/graph/layer.h"

#include <algorithm>

namespace bitlathe::core {

std::string_view layerKindName(LayerKind kind) noexcept {
    switch (kind) {
    case LayerKind::Conv:
        return "conv";
    case LayerKind::DepthwiseConv:
        return "depthwise_conv";
    case LayerKind::PointwiseConv:
        return "pointwise_conv";
    case LayerKind::Linear:
        return "linear";
    case LayerKind::Add:
        return "add";
    case LayerKind::Mul:
        return "mul";
    case LayerKind::Concat:
        return "concat";
    case LayerKind::MaxPool:
        return "max_pool";
    case LayerKind::AveragePool:
        return "average_pool";
    case LayerKind::Other:
        break;
    }
    return "other";
}

const Layer* PreparedModel::findLayer(const LayerId& id) const {
    const auto found =
        std::find_if(layers.begin(), layers.end(), [&](const Layer& layer) { return layer.id == id; });
    return found == layers.end() ? nullptr : &*found;
}

std::optional<SiteId> PreparedModel::siteOfTensor(NodeId node) const {
    while (true) {
        const Node& current = graph.node(node);
        if (std::holds_alternative<InputOp>(current.op)) {
            return SiteId{kInputLayer, SiteKind::Output};
        }
        const auto layer = std::find_if(layers.begin(), layers.end(),
                                        [&](const Layer& candidate) { return candidate.outputNode == node; });
        if (layer != layers.end() && layer->isQuantizable) {
            return SiteId{layer->id, SiteKind::Output};
        }
        const auto* pool = std::get_if<Pool2dOp>(&current.op);
        const bool keepsValues =
            std::holds_alternative<FlattenOp>(current.op) || (pool != nullptr && pool->kind == PoolKind::Max);
        if (!keepsValues) {
            return std::nullopt;
        }
        node = current.inputs.front();
    }
}

}  // namespace bitlathe::core
