#include "core/deploy/exact_codes.h"
#include "core/deploy/integer_kernels.h"
#include "core/types/vectorised.h"
#include "core/types/with_rounding.h"

#include <algorithm>

namespace bitlathe::core {

namespace {

BITLATHE_VECTORISED void dot(const DotTask& task) {
    const int stride = task.blocks * kLanes;
    for (int p = 0; p < task.pixels; ++p) {
        const std::uint8_t* const pixel = task.input + p * task.pixelStep;
        const std::int8_t* w = task.weights;
        for (int block = 0; block < task.blocks; ++block) {
            std::int32_t sums[kLanes];
            std::copy_n(task.bias + block * kLanes, kLanes, sums);
            for (int s = 0; s < task.segments; ++s) {
                const std::uint8_t* x = pixel + task.offsets[s];
                for (int q = 0; q < task.quads; ++q, x += 4, w += 4 * kLanes) {
                    for (int lane = 0; lane < kLanes; ++lane) {
                        sums[lane] += x[0] * w[4 * lane] + x[1] * w[4 * lane + 1] + x[2] * w[4 * lane + 2] +
                                      x[3] * w[4 * lane + 3];
                    }
                }
            }
            std::copy_n(sums, kLanes, task.accumulators + p * stride + block * kLanes);
        }
    }
}

BITLATHE_VECTORISED void depthwise(const DepthwiseTask& task) {
    const int stride = task.blocks * kLanes;
    for (int p = 0; p < task.pixels; ++p) {
        std::int32_t* const sums = task.accumulators + p * stride;
        std::copy_n(task.bias, stride, sums);
        for (int t = 0; t < task.taps; ++t) {
            const std::uint8_t* const x = task.input + p * task.pixelStep + task.offsets[t];
            const std::int32_t* const w = task.weights + t * stride;
            for (int c = 0; c < stride; ++c) {
                sums[c] += x[c] * w[c];
            }
        }
    }
}

std::uint8_t byThresholds(const RequantizeTable& table, std::int32_t accumulator, int channel) {
    const auto padded = static_cast<std::size_t>(paddedLanes(table.channels));
    const auto c = static_cast<std::size_t>(channel);
    std::int32_t reached = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(table.steps); ++k) {
        reached += accumulator >= table.bounds[k * padded + c] ? 1 : 0;
    }
    return static_cast<std::uint8_t>(table.bases[c] + table.directions[c] * reached);
}

BITLATHE_VECTORISED void requantizePixel(const std::int32_t* acc, std::uint8_t* out, int channels,
                                         const RequantizeTable& table) {
    withRounding(
        table.rounding, [&]<Rounding R>()
                            __attribute__((always_inline)) { exactCodes<R>(acc, out, 0, channels, table); });
}

void requantize(const RequantizeTask& task, const RequantizeTable& table) {
    for (int p = 0; p < task.pixels; ++p) {
        const std::int32_t* const acc = task.accumulators + p * task.accumulatorStep;
        std::uint8_t* const out = task.output + p * task.outputStep;
        if (table.bases.empty()) {
            requantizePixel(acc, out, task.channels, table);
            continue;
        }
        for (int c = 0; c < task.channels; ++c) {
            out[c] = byThresholds(table, acc[c], c);
        }
    }
}

BITLATHE_VECTORISED void add(const AddTask& task) {
    withRounding(
        task.rounding, [&]<Rounding R>()
                           __attribute__((always_inline)) { exactSums<R>(task, 0, task.count); });
}

}  // namespace

const IntegerKernels& portableKernels() noexcept {
    static constexpr IntegerKernels kKernels{"portable", dot, depthwise, requantize, add};
    return kKernels;
}

}  // namespace bitlathe::core
