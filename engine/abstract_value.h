#pragma once

#include "core/graph/graph.h"

#include <ATen/core/ivalue.h>

#include <array>
#include <memory>
#include <variant>
#include <vector>

namespace bitlathe::engine {

/// A tensor the graph will compute. In-place operators (relu_) move `node` on, and every name of the tensor
/// sees it: that is what sharing the cell means.
struct TensorCell {
    core::NodeId node = -1;
    /// Constant border put around it and not yet taken up by a convolution or pool: top, left, bottom, right.
    std::array<std::int64_t, 4> border{0, 0, 0, 0};
    double borderValue = 0;
    /// True when a softmax in logarithms was left out behind it; nothing may follow but the model's output.
    bool isLogarithmLeftOut = false;

    bool hasBorder() const noexcept { return border != std::array<std::int64_t, 4>{0, 0, 0, 0}; }
};

struct AbstractValue;
/// A list or tuple that holds tensors; shared, because Python lists are.
using AbstractList = std::shared_ptr<std::vector<AbstractValue>>;

/// A value inside TorchScript as the importer knows it: concrete (numbers, flags, weights, modules), a tensor
/// of the graph, a list of those, or the result of an operator that cannot be imported.
struct AbstractValue {
    struct Unknown {};
    std::variant<c10::IValue, std::shared_ptr<TensorCell>, AbstractList, Unknown> content;

    bool isConcrete() const { return std::holds_alternative<c10::IValue>(content); }
    bool isTensor() const { return std::holds_alternative<std::shared_ptr<TensorCell>>(content); }
    bool isList() const { return std::holds_alternative<AbstractList>(content); }
    bool isUnknown() const { return std::holds_alternative<Unknown>(content); }

    const c10::IValue& concrete() const { return std::get<c10::IValue>(content); }
    TensorCell& tensor() const { return *std::get<std::shared_ptr<TensorCell>>(content); }
    std::vector<AbstractValue>& list() const { return *std::get<AbstractList>(content); }
};

inline AbstractValue concreteValue(c10::IValue value) {
    return {std::move(value)};
}
inline AbstractValue tensorValue(core::NodeId node) {
    TensorCell cell;
    cell.node = node;
    return {std::make_shared<TensorCell>(cell)};
}

}  // namespace bitlathe::engine
