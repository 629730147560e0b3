#include "core/deploy/lowering.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace bitlathe::core {

namespace {

/// Smallest accumulator in (low, high] whose code is `distance` steps from `base`; high has it.
std::int64_t firstWithCode(const std::function<std::int32_t(std::int64_t)>& codeOf, std::int64_t low,
                           std::int64_t high, std::int32_t base, int step, std::int32_t distance) {
    while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (step * (codeOf(middle) - base) >= distance ? high : low) = middle;
    }
    return high;
}

}  // namespace

void failLowering(ErrorCode code, const LayerId& layer, const std::string& text) {
    throw Error(code, "layer '" + layer.str() + "': " + text);
}

int bitsFor(std::int32_t lower, std::int32_t upper) noexcept {
    int bits = 1;
    if (lower < 0) {
        while (lower < -(1 << (bits - 1)) || upper > (1 << (bits - 1)) - 1) {
            ++bits;
        }
        return bits;
    }
    while (upper > (1 << bits) - 1) {
        ++bits;
    }
    return bits;
}

TensorGrid tensorGrid(const QParams& grid, const std::string& siteName) {
    if (!grid.isUniform()) {
        throw Error(ErrorCode::InvalidConfig,
                    siteName +
                        " has levels that are not evenly spaced; integer models compute with codes, so "
                        "choose a uniform quantizer there (affine, symmetric, power_of_two, pact, lsq)");
    }
    if (grid.isPerChannel() || grid.scale.size() != 1) {
        throw Error(ErrorCode::InvalidConfig,
                    siteName + " has a scale for each channel; integer models need one scale for each "
                               "activation tensor: choose granularity 'tensor'");
    }
    if (const int bits = bitsFor(grid.quantMin, grid.quantMax); bits > 8) {
        throw Error(ErrorCode::InvalidConfig, siteName + " has " + std::to_string(bits) +
                                                  "-bit codes; integer models take 1 to 8 bits");
    }
    return {grid.scale[0], grid.zeroPoint[0], grid.quantMin, grid.quantMax};
}

FixedFactor requantizationFactor(double factor, const LayerId& layer) {
    if (!std::isfinite(factor) || std::fabs(factor) >= 0x1p30) {
        failLowering(
            ErrorCode::InvalidConfig, layer,
            "its output step is more than 2^30 times finer than its accumulator's; check the ranges of "
            "its input, weights and output");
    }
    FixedFactor result = fixedFactor(factor);
    // A shift of more than 62 would not fit the 64-bit product: such a factor keeps fewer bits of mantissa.
    // |accumulator| < 2^31 makes of it less than one half anyway.
    constexpr int kSmallest = -31;
    if (result.mantissa != 0 && result.exponent < kSmallest) {
        result.mantissa = static_cast<std::int32_t>(std::nearbyint(std::ldexp(factor, 31 - kSmallest)));
        result.exponent = kSmallest;
    }
    return result.mantissa == 0 ? FixedFactor{} : result;
}

void simplifyRounding(Requantization& rule, std::span<const std::int64_t> bounds) {
    if (rule.rounding == Rounding::Floor || rule.rounding == Rounding::HalfUp) {
        return;
    }
    for (std::size_t c = 0; c < std::max(bounds.size(), rule.factors.size()); ++c) {
        const std::int64_t bound = bounds[bounds.size() == 1 ? 0 : c];
        if (roundingMatters(rule.factor(c), bound, rule.zeroPoint, rule.lower, rule.upper)) {
            return;
        }
    }
    rule.rounding = Rounding::HalfUp;
}

ChannelThresholds thresholdsOf(const std::function<std::int32_t(std::int64_t)>& codeOf, std::int64_t bound) {
    ChannelThresholds result;
    result.base = codeOf(-bound);
    const std::int32_t last = codeOf(bound);
    result.step = last < result.base ? -1 : 1;
    std::int64_t low = -bound;
    for (std::int32_t distance = 1; distance <= result.step * (last - result.base); ++distance) {
        if (result.step * (codeOf(low) - result.base) < distance) {
            low = firstWithCode(codeOf, low, bound, result.base, result.step, distance);
        }
        result.bounds.push_back(static_cast<std::int32_t>(low));
    }
    return result;
}

float applyActivation(const Operator& op, float x) {
    if (const auto* clamp = std::get_if<ClampOp>(&op)) {
        return std::min(std::max(x, static_cast<float>(clamp->lower)), static_cast<float>(clamp->upper));
    }
    if (const auto* leaky = std::get_if<LeakyReluOp>(&op)) {
        return x > 0 ? x : x * static_cast<float>(leaky->slope);
    }
    switch (std::get<UnaryOp>(op).kind) {
    case UnaryKind::Sigmoid:
        return 1.0F / (1.0F + std::exp(-x));
    case UnaryKind::Tanh:
        return std::tanh(x);
    case UnaryKind::HardSigmoid:
        return std::clamp(x + 3.0F, 0.0F, 6.0F) / 6.0F;
    case UnaryKind::HardSwish:
        return x * std::clamp(x + 3.0F, 0.0F, 6.0F) / 6.0F;
    case UnaryKind::Silu:
        return x / (1.0F + std::exp(-x));
    case UnaryKind::Gelu:
        break;
    }
    return 0.5F * x * (1.0F + std::erf(x * static_cast<float>(1.0 / std::numbers::sqrt2)));
}

bool isMonotonic(const Operator& op) noexcept {
    if (const auto* leaky = std::get_if<LeakyReluOp>(&op)) {
        return leaky->slope >= 0;
    }
    if (const auto* unary = std::get_if<UnaryOp>(&op)) {
        return unary->kind == UnaryKind::Sigmoid || unary->kind == UnaryKind::Tanh ||
               unary->kind == UnaryKind::HardSigmoid;
    }
    return std::holds_alternative<ClampOp>(op);
}

}  // namespace bitlathe::core
