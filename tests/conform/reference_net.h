#pragma once

#include "core/types/float_tensor.h"
#include "tests/conform/case.h"

#include <array>

namespace bitlathe::conform {

// Plain layers for the small networks of the cases: what surrounds the library's arithmetic, in double.

struct ConvShape {
    std::int64_t stride = 1;
    std::array<std::int64_t, 4> padding{0, 0, 0, 0};  ///< top, left, bottom, right
    std::int64_t groups = 1;
};

/// x [N,C,H,W], weight [O,C/groups,kH,kW]; bias may be empty. Padding is zero.
Tensor conv2d(const Tensor& x, const Tensor& weight, const std::vector<double>& bias, const ConvShape& shape);
Tensor conv2dGradientInput(const Tensor& gradient, const Tensor& weight,
                           const std::vector<std::int64_t>& inputShape, const ConvShape& shape);
Tensor conv2dGradientWeight(const Tensor& gradient, const Tensor& x,
                            const std::vector<std::int64_t>& weightShape, const ConvShape& shape);
/// Sum over everything but dim 1.
std::vector<double> channelSums(const Tensor& x);
/// x [N,F], weight [O,F].
Tensor linear(const Tensor& x, const Tensor& weight, const std::vector<double>& bias);
Tensor maxPool2x2(const Tensor& x);
Tensor relu(Tensor x);
Tensor fromFloats(const std::vector<std::int64_t>& shape, const std::vector<float>& values);
/// A list of numbers as a graph holds it.
core::FloatTensor vectorOf(const std::vector<double>& values);
ConvShape same(std::int64_t padding, std::int64_t stride = 1, std::int64_t groups = 1);

}  // namespace bitlathe::conform
