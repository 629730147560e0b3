#pragma once

#include "core/graph/graph.h"
#include "core/types/layer_id.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::core {

/// The unit a person quantizes.
enum class LayerKind {
    Conv,
    DepthwiseConv,
    PointwiseConv,
    Linear,
    Add,
    Mul,
    Concat,
    MaxPool,
    AveragePool,
    Other
};

/// A convolution or linear with what was folded into it (batch norm, activation), or another operator that needs a
/// scale of its own. Its `output` site is the tensor of `outputNode`.
struct Layer {
    LayerId id;  ///< name of `node`
    LayerKind kind = LayerKind::Other;
    int index = 0;           ///< position in PreparedModel::layers
    NodeId node = -1;        ///< the operator itself
    NodeId batchNorm = -1;   ///< batch norm kept between `node` and the activation; -1: folded, or none
    NodeId outputNode = -1;  ///< last node of the layer: the activation, the batch norm, or `node`
    std::vector<NodeId> inputNodes;  ///< nodes whose tensors the layer reads: `node`'s inputs
    std::string operation;           ///< for people: "conv 3×3 /2", "dw 3×3", "linear"
    Shape weightShape;               ///< empty: no weights
    Shape outputShape;               ///< batch 1
    std::int64_t weightCount = 0;    ///< weights without bias
    std::int64_t outputChannels = 0;
    std::int64_t macs = 0;            ///< multiply-accumulates for one sample
    std::int64_t inputElements = 0;   ///< sum over the inputs, one sample
    std::int64_t outputElements = 0;  ///< one sample
    bool hasBias = false;
    bool hasBatchNorm = false;  ///< the imported layer has one, folded or kept
    bool isQuantizable = true;  ///< false where input and output must share one grid (max pool, flatten)

    bool hasWeights() const noexcept { return weightCount > 0; }
};

/// A graph ready for quantization: batch norm folded where it is not kept on purpose, identities gone, shapes known,
/// layers named.
struct PreparedModel {
    Graph graph;
    std::vector<Layer> layers;  ///< execution order
    std::string hash;           ///< graphHash(graph)

    /// What prepare() was given, so that another batch-norm mode needs no file; null for models put together
    /// otherwise.
    std::shared_ptr<const Graph> imported;
    /// The float model that quantization is measured against, where post-training methods put other weights or
    /// biases into `graph`; null: `graph` itself. Same nodes.
    std::shared_ptr<const Graph> reference;

    const Layer* findLayer(const LayerId& id) const;
    const Graph& floatGraph() const noexcept { return reference ? *reference : graph; }
    /// Site whose quantizer the tensor of `node` carries: follows max pools and flattens back to the layer (or the graph
    /// input) that made the values. Empty when nothing on the way can be quantized.
    std::optional<SiteId> siteOfTensor(NodeId node) const;
};

/// Stable lower-case name: "depthwise_conv"; what recipes match by "kind".
std::string_view layerKindName(LayerKind kind) noexcept;

}  // namespace bitlathe::core
