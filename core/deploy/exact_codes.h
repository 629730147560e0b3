#pragma once

#include "core/deploy/integer_kernels.h"
#include "core/deploy/rounded_shift.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace bitlathe::core {

/// The codes by 64-bit integers, one by one: all that the portable kernels do, and what the vectorised ones fall back to
/// where float32 does not decide. Inlined, so that they have the caller's instruction set.

/// Codes of `count` channels from `channel` on; acc and out begin at that channel.
template <Rounding R>
__attribute__((always_inline)) inline void exactCodes(const std::int32_t* acc, std::uint8_t* out, int channel,
                                                      int count, const RequantizeTable& table) {
    const std::int64_t lower = table.lower - table.zeroPoint;
    const std::int64_t upper = table.upper - table.zeroPoint;
    for (int c = 0; c < count; ++c) {
        const auto i = static_cast<std::size_t>(channel + c);
        const std::int64_t code = roundedShift<R>(std::int64_t{acc[c]} * table.mantissas[i], table.shifts[i]);
        out[c] = static_cast<std::uint8_t>(std::min(std::max(code, lower), upper) + table.zeroPoint);
    }
}

/// Elements begin .. begin + count of the sum.
template <Rounding R>
__attribute__((always_inline)) inline void exactSums(const AddTask& task, std::size_t begin,
                                                     std::size_t count) {
    const std::int64_t lower = task.lower - task.zeroPoint;
    const std::int64_t upper = task.upper - task.zeroPoint;
    for (std::size_t i = begin; i < begin + count; ++i) {
        const std::int64_t sum = task.a[i] * task.mantissaA + task.b[i] * task.mantissaB + task.offset;
        const std::int64_t code = roundedShift<R>(sum, task.shift);
        task.output[i] = static_cast<std::uint8_t>(std::min(std::max(code, lower), upper) + task.zeroPoint);
    }
}

/// Whether float32 can be trusted with the sum: terms that are large and cancel would leave it too little.
inline bool areTermsSmall(const AddTask& task) {
    const double largest = 255.0 * (std::fabs(static_cast<double>(task.mantissaA)) +
                                    std::fabs(static_cast<double>(task.mantissaB))) +
                           std::fabs(static_cast<double>(task.offset));
    return std::ldexp(largest, -task.shift) < 512;
}

}  // namespace bitlathe::core
