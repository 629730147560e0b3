#pragma once

#include "core/graph/layer.h"

#include <cstdint>
#include <vector>

namespace bitlathe::core {

/// One piece of activation memory and how long it holds values somebody still needs.
struct StoredTensor {
    NodeId node = -1;           ///< whose output it holds
    int producer = -1;          ///< index of the layer that makes it; -1: the graph input
    int lastLayer = -1;         ///< last layer that reads it; the model's last layer for the graph's output
    std::int64_t elements = 0;  ///< one sample
};

/// Where every layer reads and writes, by index into `tensors`.
struct LayerTensors {
    std::vector<int> inputs;  ///< distinct; a layer that reads one tensor twice lists it once
    int output = -1;
    bool isOutputShared = false;  ///< the output takes the place of the (only) input: no memory of its own
};

/// Memory of a model's activations on a device that runs one layer after another.
struct TensorLifetimes {
    std::vector<StoredTensor> tensors;
    std::vector<LayerTensors> layers;  ///< by layer index
};

/// Which tensors exist and from which layer to which they are alive. Batch 1. Independent of bits.
///  - A layer's activation is fused: the layer makes one tensor, that of its outputNode.
///  - flatten is a view: no layer, no memory; it keeps its input alive.
///  - max pool without requantization runs in place where that is safe: nobody reads its input later, the
///    stride is at least 2 in rows and columns and the padding below the stride, so that a written value is
///    never read again.
///  - The graph's input is alive until its last reader, the graph's output until the end.
/// Cost: linear in layers and their inputs.
TensorLifetimes tensorLifetimes(const PreparedModel& model);

}  // namespace bitlathe::core
