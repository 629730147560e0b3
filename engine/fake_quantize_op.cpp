#include "engine/fake_quantize_op.h"

#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"
#include "engine/operators.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>

#include <span>
#include <string>
#include <utility>

namespace bitlathe::engine {

namespace {

// Values a thread should have at least: below it waking the thread costs more than it does.
constexpr std::int64_t kGrain = 32768;

struct Buffers {
    const float* in;
    float* out;

    std::span<const float> source(std::int64_t begin, std::int64_t end) const {
        return {in + begin, static_cast<std::size_t>(end - begin)};
    }
    std::span<float> target(std::int64_t begin, std::int64_t end) const {
        return {out + begin, static_cast<std::size_t>(end - begin)};
    }
};

void perTensor(const Buffers& buffers, std::int64_t count, const core::QParams& qparams) {
    at::parallel_for(0, count, kGrain, [&](std::int64_t begin, std::int64_t end) {
        core::fakeQuantize(buffers.source(begin, end), buffers.target(begin, end), qparams);
    });
}

/// Memory order ..., channel: threads get whole pixels.
void channelsInnermost(const Buffers& buffers, std::int64_t pixels, std::int64_t channels,
                       const core::QParams& qparams) {
    at::parallel_for(0, pixels, kGrain / channels + 1, [&](std::int64_t begin, std::int64_t end) {
        core::fakeQuantizeInterleaved(buffers.source(begin * channels, end * channels),
                                      buffers.target(begin * channels, end * channels), qparams);
    });
}

/// Memory order outer, channel, inner: threads get whole planes.
void channelPlanes(const Buffers& buffers, std::int64_t planes, std::int64_t channels, std::int64_t inner,
                   const core::QParams& qparams) {
    at::parallel_for(0, planes, kGrain / inner + 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = begin; plane < end; ++plane) {
            core::fakeQuantize(buffers.source(plane * inner, (plane + 1) * inner),
                               buffers.target(plane * inner, (plane + 1) * inner), qparams,
                               static_cast<std::size_t>(plane % channels));
        }
    });
}

void perChannel(const Buffers& buffers, const at::Tensor& value, const core::QParams& qparams) {
    const std::int64_t axis = *qparams.axis;
    if (axis >= value.dim() || value.size(axis) != static_cast<std::int64_t>(qparams.scale.size())) {
        throw core::Error(core::ErrorCode::ShapeMismatch, std::to_string(qparams.scale.size()) +
                                                              " scales along axis " + std::to_string(axis) +
                                                              " do not fit a tensor of shape " +
                                                              core::shapeText(value.sizes().vec()));
    }
    const std::int64_t channels = value.size(axis);
    const std::int64_t inner = value.is_contiguous() ? value.stride(axis) : 1;
    if (inner == 1) {
        channelsInnermost(buffers, value.numel() / channels, channels, qparams);
    } else {
        channelPlanes(buffers, value.numel() / inner, channels, inner, qparams);
    }
}

} // namespace

at::Tensor fakeQuantize(at::Tensor value, const core::QParams& qparams) {
    const bool needsChannelOrder = qparams.isPerChannel();
    const bool isKnownLayout =
        value.is_contiguous() ||
        (value.is_contiguous(at::MemoryFormat::ChannelsLast) && qparams.axis.value_or(1) == 1);
    if (needsChannelOrder ? !isKnownLayout : !value.is_non_overlapping_and_dense()) {
        value = value.contiguous();
    }
    const at::Tensor result = isSoleOwner(value) ? value : at::empty_like(value);
    const Buffers buffers{value.data_ptr<float>(), result.data_ptr<float>()};
    if (value.numel() == 0) {
        return result;
    }
    if (qparams.isPerChannel()) {
        perChannel(buffers, value, qparams);
    } else {
        perTensor(buffers, value.numel(), qparams);
    }
    return result;
}

} // namespace bitlathe::engine
