#include "engine/fake_quantize_op.h"

#include "core/quantizers/fake_quantize.h"
#include "engine/operators.h"
#include "engine/quantized_runs.h"

#include <ATen/ops/empty_like.h>

#include <span>

namespace bitlathe::engine {

namespace {

/// Values [begin, end) of some memory.
template <typename T>
std::span<T> part(T* data, std::int64_t begin, std::int64_t end) {
    return {data + begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

at::Tensor fakeQuantize(at::Tensor value, const core::QParams& qparams) {
    const at::Tensor source = walkable(value, qparams);
    value.reset();
    const at::Tensor result = isSoleOwner(source) ? source : at::empty_like(source);
    const float* const in = source.data_ptr<float>();
    float* const out = result.data_ptr<float>();
    forEachRun(
        source, qparams,
        [&](std::int64_t begin, std::int64_t end, std::size_t channel) {
            core::fakeQuantize(part(in, begin, end), part(out, begin, end), qparams, channel);
        },
        [&](std::int64_t begin, std::int64_t end) {
            core::fakeQuantizeInterleaved(part(in, begin, end), part(out, begin, end), qparams);
        });
    return result;
}

}  // namespace bitlathe::engine
