#pragma once

#include "core/graph/graph.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

namespace bitlathe::engine {

/// A convolution for evaluation, with what follows it done while its result is in registers:
///
///   y = clamp(conv(x, weight) + bias + addend, lower, upper)
///
/// Weights are put into oneDNN's own order once, the compiled kernel is kept per input size; LibTorch does
/// both on every call. Channels-last in and out. May be run by several threads at a time.
class FusedConvolution {
public:
    /// weight, bias  as of the executor; bias may be undefined. Kept as they are now: later changes of their
    ///               values are not seen.
    /// addsInto      run() gets an addend
    FusedConvolution(const core::Conv2dOp& op, const at::Tensor& weight, const at::Tensor& bias,
                     bool addsInto, const std::optional<core::ClampOp>& clamp);
    ~FusedConvolution();

    /// x       N,C,H,W
    /// addend  of the result's shape, in memory that may be overwritten: it becomes the result. Undefined
    ///         without addsInto.
    /// Errors  Error when oneDNN refuses.
    at::Tensor run(const at::Tensor& x, at::Tensor addend) const;

private:
    struct Kernels;
    std::unique_ptr<Kernels> m_kernels;
};

}  // namespace bitlathe::engine
