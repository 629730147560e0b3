#include "engine/operators.h"

#include "engine/pooling.h"

#include "core/types/error.h"

#include <ATen/ops/add.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/flatten.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <utility>

namespace bitlathe::engine {

namespace {

/// One overload per operator of core::Operator.
struct Apply {
    const NodeTensors& tensors;
    std::vector<at::Tensor>& inputs;
    ExecutionMode mode;

    /// The i-th input, given away.
    at::Tensor take(std::size_t i) const { return std::move(inputs[i]); }
    bool mayOverwrite(const at::Tensor& tensor) const {
        return mode == ExecutionMode::Inference && isSoleOwner(tensor);
    }

    at::Tensor operator()(const core::InputOp&) const { return take(0); }

    at::Tensor operator()(const core::Conv2dOp& op) const {
        at::Tensor x = take(0);
        const auto [top, left, bottom, right] = op.padding;
        std::array<std::int64_t, 2> padding{top, left};
        if (tensors.padding.defined()) {
            const at::Tensor value = tensors.padding.reshape({1, -1, 1, 1});
            const at::Tensor inside = at::constant_pad_nd(at::ones_like(x), {left, right, top, bottom}, 0);
            x = at::where(inside.to(at::kBool), at::constant_pad_nd(x, {left, right, top, bottom}, 0), value);
            padding = {0, 0};
        } else if (top != bottom || left != right) {
            x = at::constant_pad_nd(x, {left, right, top, bottom}, 0);
            padding = {0, 0};
        }
        return at::conv2d(x, tensors.weight, tensors.bias, op.stride, padding, op.dilation, op.groups);
    }

    at::Tensor operator()(const core::LinearOp&) const {
        return at::linear(take(0), tensors.weight, tensors.bias);
    }

    at::Tensor operator()(const core::BatchNormOp& op) const {
        return at::batch_norm(take(0), tensors.gamma, tensors.beta, tensors.mean, tensors.variance,
                              mode == ExecutionMode::Training, op.momentum, op.epsilon,
                              /*cudnn_enabled=*/false);
    }

    at::Tensor operator()(const core::ClampOp& op) const {
        if (op.isPerChannel()) {
            return clampedByChannel(op);
        }
        at::Tensor x = take(0);
        if (mode == ExecutionMode::Training) {
            // These two have backward passes of their own, which need no mask.
            if (op.lower == 0 && std::isinf(op.upper)) {
                return at::relu(x);
            }
            return std::isinf(op.upper) ? at::clamp_min(x, op.lower) : at::hardtanh(x, op.lower, op.upper);
        }
        if (std::isinf(op.upper)) {
            return mayOverwrite(x) ? at::clamp_min_(x, op.lower) : at::clamp_min(x, op.lower);
        }
        return mayOverwrite(x) ? at::clamp_(x, op.lower, op.upper) : at::clamp(x, op.lower, op.upper);
    }

    at::Tensor clampedByChannel(const core::ClampOp& op) const {
        const at::Tensor x = take(0);
        std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
        shape[1] = static_cast<std::int64_t>(op.channelUpper.size());
        const at::Tensor upper = at::tensor(op.channelUpper, at::kDouble).to(x.scalar_type()).reshape(shape);
        return at::minimum(at::clamp_min(x, op.lower), upper.to(x.device()));
    }

    at::Tensor operator()(const core::UnaryOp& op) const {
        const at::Tensor x = take(0);
        switch (op.kind) {
        case core::UnaryKind::Sigmoid:
            return at::sigmoid(x);
        case core::UnaryKind::Tanh:
            return at::tanh(x);
        case core::UnaryKind::HardSigmoid:
            return at::hardsigmoid(x);
        case core::UnaryKind::HardSwish:
            return at::hardswish(x);
        case core::UnaryKind::Silu:
            return at::silu(x);
        case core::UnaryKind::Gelu:
            return at::gelu(x);
        }
        throw core::Error(core::ErrorCode::UnsupportedOperator, "unknown elementwise function");
    }

    at::Tensor operator()(const core::LeakyReluOp& op) const { return at::leaky_relu(take(0), op.slope); }

    at::Tensor operator()(const core::AddOp&) const {
        at::Tensor a = take(0);
        at::Tensor b = take(1);
        if (mayOverwrite(a)) {
            return a.add_(b);
        }
        return mayOverwrite(b) ? b.add_(a) : at::add(a, b);
    }

    at::Tensor operator()(const core::MulOp&) const {
        at::Tensor a = take(0);
        const at::Tensor b = take(1);
        return mayOverwrite(a) && a.sizes() == b.sizes() ? a.mul_(b) : at::mul(a, b);
    }

    at::Tensor operator()(const core::ConcatOp& op) const { return at::cat(inputs, op.axis); }
    at::Tensor operator()(const core::Pool2dOp& op) const { return pool2d(take(0), op); }
    at::Tensor operator()(const core::GlobalAveragePoolOp&) const {
        return at::mean(take(0), at::IntArrayRef{2, 3}, /*keepdim=*/true);
    }
    at::Tensor operator()(const core::FlattenOp&) const { return at::flatten(take(0), 1); }
    at::Tensor operator()(const core::SoftmaxOp& op) const { return at::softmax(take(0), op.axis); }
};

}  // namespace

bool isSoleOwner(const at::Tensor& tensor) {
    // Memory LibTorch did not allocate (weights and images are views of core's) has storage that cannot be
    // resized.
    return tensor.use_count() == 1 && tensor.storage().use_count() == 1 && tensor.storage().resizable();
}

at::Tensor applyOperator(const core::Node& node, const NodeTensors& tensors, std::vector<at::Tensor> inputs,
                         ExecutionMode mode) {
    return std::visit(Apply{tensors, inputs, mode}, node.op);
}

}  // namespace bitlathe::engine
