#pragma once

#include "core/types/error.h"
#include "core/types/qparams.h"
#include "core/types/shape.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace bitlathe::engine {

/// The tensor itself where a fused kernel can walk its memory, else a row-major copy: per tensor any dense
/// order will do, per channel rows of one channel or pixels of all.
inline at::Tensor walkable(const at::Tensor& value, const core::QParams& qparams) {
    if (!qparams.isPerChannel()) {
        return value.is_non_overlapping_and_dense() ? value : value.contiguous();
    }
    const int axis = *qparams.axis;
    const bool hasKnownOrder =
        value.is_contiguous() || (value.is_contiguous(at::MemoryFormat::ChannelsLast) && axis <= 1);
    return hasKnownOrder ? value : value.contiguous();
}

/// Cuts a walkable tensor's memory into runs for the intra-op threads.
/// run     run(begin, end, channel): values that share the parameters of one channel (0 for per tensor)
/// pixels  pixels(begin, end): whole pixels, value i of channel i % channels
/// Errors  ShapeMismatch: number of scales and channels differ.
template <typename Run, typename Pixels>
void forEachRun(const at::Tensor& value, const core::QParams& qparams, const Run& run, const Pixels& pixels) {
    // Values a thread should have at least: below it waking the thread costs more than it does.
    constexpr std::int64_t kGrain = 32768;
    const std::int64_t count = value.numel();
    if (!qparams.isPerChannel()) {
        at::parallel_for(0, count, kGrain,
                         [&](std::int64_t begin, std::int64_t end) { run(begin, end, std::size_t{0}); });
        return;
    }
    const std::int64_t axis = *qparams.axis;
    if (axis >= value.dim() || value.size(axis) != static_cast<std::int64_t>(qparams.scale.size())) {
        throw core::Error(core::ErrorCode::ShapeMismatch, std::to_string(qparams.scale.size()) +
                                                              " scales along axis " + std::to_string(axis) +
                                                              " do not fit a tensor of shape " +
                                                              core::shapeText(value.sizes().vec()));
    }
    if (count == 0) {
        return;
    }
    const std::int64_t channels = value.size(axis);
    // Outermost, a channel is one run in either order.
    const std::int64_t inner =
        axis == 0 ? count / channels : (value.is_contiguous() ? value.stride(axis) : 1);
    if (inner == 1) {
        at::parallel_for(
            0, count / channels, kGrain / channels + 1,
            [&](std::int64_t begin, std::int64_t end) { pixels(begin * channels, end * channels); });
        return;
    }
    at::parallel_for(0, count / inner, kGrain / inner + 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = begin; plane < end; ++plane) {
            run(plane * inner, (plane + 1) * inner, static_cast<std::size_t>(plane % channels));
        }
    });
}

}  // namespace bitlathe::engine
