#include "engine/pooling.h"

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <limits>

namespace bitlathe::engine {

namespace {

at::Tensor padded(const at::Tensor& x, const std::array<std::int64_t, 4>& padding, double value) {
    const auto [top, left, bottom, right] = padding;
    return at::constant_pad_nd(x, {left, right, top, bottom}, value);
}

/// Sum over each window; windows cut off at the edge sum what is there.
at::Tensor windowSums(const at::Tensor& x, const core::Pool2dOp& op) {
    return at::avg_pool2d(x, op.kernel, op.stride, 0, op.ceilMode, true, /*divisor_override=*/1);
}

/// Drops windows that begin behind the image and its leading padding: once the padding is part of the tensor,
/// LibTorch's ceil mode no longer knows where the image ended.
at::Tensor withinImage(const at::Tensor& pooled, const at::Tensor& x, const core::Pool2dOp& op) {
    const auto most = [&](std::int64_t dim, std::int64_t before, std::int64_t stride) {
        return std::min(pooled.size(dim), (x.size(dim) + before + stride - 1) / stride);
    };
    return pooled.narrow(2, 0, most(2, op.padding[0], op.stride[0]))
        .narrow(3, 0, most(3, op.padding[1], op.stride[1]));
}

/// Uneven padding: sums over windows, divided by the number of pixels each window counts.
at::Tensor unevenAverage(const at::Tensor& x, const core::Pool2dOp& op) {
    const at::Tensor inside = at::ones({1, 1, x.size(2), x.size(3)}, at::kFloat);
    const at::Tensor counted = padded(inside, op.padding, op.countIncludePad ? 1 : 0);
    return withinImage(windowSums(padded(x, op.padding, 0), op).div_(windowSums(counted, op)), x, op);
}

}  // namespace

at::Tensor pool2d(const at::Tensor& x, const core::Pool2dOp& op) {
    const auto [top, left, bottom, right] = op.padding;
    // LibTorch itself takes equal padding of at most half a window.
    const bool isPlain =
        top == bottom && left == right && 2 * top <= op.kernel[0] && 2 * left <= op.kernel[1];
    const std::array<std::int64_t, 2> even{top, left};
    if (op.kind == core::PoolKind::Average) {
        return isPlain ? at::avg_pool2d(x, op.kernel, op.stride, even, op.ceilMode, op.countIncludePad)
                       : unevenAverage(x, op);
    }
    if (isPlain) {
        return at::max_pool2d(x, op.kernel, op.stride, even, 1, op.ceilMode);
    }
    const at::Tensor bordered = padded(x, op.padding, -std::numeric_limits<double>::infinity());
    return withinImage(at::max_pool2d(bordered, op.kernel, op.stride, 0, 1, op.ceilMode), x, op);
}

}  // namespace bitlathe::engine
