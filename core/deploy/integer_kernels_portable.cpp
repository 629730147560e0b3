#include "core/deploy/integer_kernels.h"
#include "core/deploy/requantization.h"
#include "core/deploy/rounded_shift.h"
#include "core/types/vectorised.h"

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

template <Rounding R>
__attribute__((always_inline)) inline void requantizeRun(const std::int32_t* acc, std::uint8_t* out,
                                                         int channels, const RequantizeTable& table) {
    const std::int64_t lower = table.lower - table.zeroPoint;
    const std::int64_t upper = table.upper - table.zeroPoint;
    for (int c = 0; c < channels; ++c) {
        const auto i = static_cast<std::size_t>(c);
        const std::int64_t code = roundedShift<R>(std::int64_t{acc[c]} * table.mantissas[i], table.shifts[i]);
        out[c] = static_cast<std::uint8_t>(std::min(std::max(code, lower), upper) + table.zeroPoint);
    }
}

BITLATHE_VECTORISED void requantizePixel(const std::int32_t* acc, std::uint8_t* out, int channels,
                                         const RequantizeTable& table) {
    switch (table.rounding) {
    case Rounding::HalfUp:
        return requantizeRun<Rounding::HalfUp>(acc, out, channels, table);
    case Rounding::HalfEven:
        return requantizeRun<Rounding::HalfEven>(acc, out, channels, table);
    case Rounding::HalfAway:
        return requantizeRun<Rounding::HalfAway>(acc, out, channels, table);
    case Rounding::Floor:
        return requantizeRun<Rounding::Floor>(acc, out, channels, table);
    }
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

template <Rounding R>
__attribute__((always_inline)) inline void addRun(const AddTask& task) {
    const std::int64_t lower = task.lower - task.zeroPoint;
    const std::int64_t upper = task.upper - task.zeroPoint;
    for (std::size_t i = 0; i < task.count; ++i) {
        const std::int64_t sum = task.a[i] * task.mantissaA + task.b[i] * task.mantissaB + task.offset;
        const std::int64_t code = roundedShift<R>(sum, task.shift);
        task.output[i] = static_cast<std::uint8_t>(std::min(std::max(code, lower), upper) + task.zeroPoint);
    }
}

BITLATHE_VECTORISED void add(const AddTask& task) {
    switch (task.rounding) {
    case Rounding::HalfUp:
        return addRun<Rounding::HalfUp>(task);
    case Rounding::HalfEven:
        return addRun<Rounding::HalfEven>(task);
    case Rounding::HalfAway:
        return addRun<Rounding::HalfAway>(task);
    case Rounding::Floor:
        return addRun<Rounding::Floor>(task);
    }
}

}  // namespace

const IntegerKernels& portableKernels() noexcept {
    static constexpr IntegerKernels kKernels{"portable", dot, depthwise, requantize, add};
    return kKernels;
}

}  // namespace bitlathe::core
