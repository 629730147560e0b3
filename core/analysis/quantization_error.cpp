#include "core/analysis/quantization_error.h"

#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/level_table.h"
#include "core/types/vectorised.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace bitlathe::core {

namespace {

/// The grid as the closed form uses it.
struct ErrorGrid {
    double scale, inverseScale;
    double lower, upper;  ///< codes relative to the zero point
    double shift;         ///< 0.5 for rounding to nearest, 0 for the code below
    double step;          ///< what one whole step adds to the integral

    explicit ErrorGrid(const QParams& qparams)
        : scale(qparams.scale[0]), inverseScale(1.0 / scale), lower(qparams.quantMin - qparams.zeroPoint[0]),
          upper(qparams.quantMax - qparams.zeroPoint[0]),
          shift(qparams.rounding == Rounding::Floor ? 0.0 : 0.5),
          step(scale * scale * scale / (qparams.rounding == Rounding::Floor ? 3.0 : 12.0)) {}

    /// Integral of the squared error from 0 to x (README eq. 5, closed form). With r = x - k s, the distance to the
    /// code k of x,
    ///   I(x) = k * step + r³ / 3,     step = s³ / 12 for the nearest code, s³ / 3 for the code below.
    /// Beyond the last code k stays and r grows: the cubic of clipping. Exact for bins of any width against steps of
    /// any width. Ties have no width, and I is continuous where k changes: neither the way ties round nor the
    /// reciprocal matters.
    __attribute__((always_inline)) inline double integral(double x) const noexcept {
        double code = std::floor(x * inverseScale + shift);
        code = code < lower ? lower : code;
        code = code > upper ? upper : code;
        const double rest = x - code * scale;
        return code * step + rest * rest * rest * (1.0 / 3.0);
    }
    /// Squared error of the value 0 itself.
    double atZero() const noexcept {
        const double code = std::clamp(0.0, lower, upper);
        return code * scale * code * scale;
    }
};

constexpr std::size_t kLanes = 8;  // partial sums in a fixed order: the same result whatever the vector width
constexpr std::size_t kEdgeBlock = 256;

/// Sum over the bins of count * (I(right edge) - I(left edge)); edges are (first + k) * width, exact.
BITLATHE_VECTORISED double binErrors(const std::uint64_t* counts, std::size_t bins, double first,
                                     double width, const ErrorGrid& shared) {
    const ErrorGrid grid = shared;
    double lanes[kLanes] = {};
    double integrals[kEdgeBlock + 1];
    for (std::size_t begin = 0; begin < bins; begin += kEdgeBlock) {
        const std::size_t length = bins - begin < kEdgeBlock ? bins - begin : kEdgeBlock;
        const double base = first + static_cast<double>(begin);
        for (std::size_t k = 0; k <= length; ++k) {
            integrals[k] = grid.integral((base + static_cast<double>(static_cast<std::int32_t>(k))) * width);
        }
        const std::uint64_t* const block = counts + begin;
        const std::size_t whole = length - length % kLanes;
        for (std::size_t b = 0; b < whole; b += kLanes) {
            for (std::size_t i = 0; i < kLanes; ++i) {
                lanes[i] += static_cast<double>(static_cast<std::int64_t>(block[b + i])) *
                            (integrals[b + i + 1] - integrals[b + i]);
            }
        }
        for (std::size_t k = whole; k < length; ++k) {
            lanes[k - whole] +=
                static_cast<double>(static_cast<std::int64_t>(block[k])) * (integrals[k + 1] - integrals[k]);
        }
    }
    double sum = 0;
    for (const double lane : lanes) {
        sum += lane;
    }
    return sum;
}

/// The same over a level table: every bin is cut at the thresholds inside it, and each piece has one level.
double tableErrors(const Histogram& histogram, const LevelTable& table) noexcept {
    const std::vector<std::uint64_t>& counts = histogram.counts();
    const std::vector<float>& thresholds = table.thresholds;
    const double width = histogram.binWidth();
    std::size_t code = 0;
    double sum = 0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
        if (counts[k] == 0) {
            continue;
        }
        double left = histogram.lowerEdge(k);
        const double right = left + width;
        double inBin = 0;
        while (left < right) {
            while (code < thresholds.size() && static_cast<double>(thresholds[code]) <= left) {
                ++code;
            }
            const double end =
                code < thresholds.size() ? std::min(right, static_cast<double>(thresholds[code])) : right;
            const double level = table.levels[code];
            const double a = left - level;
            const double b = end - level;
            inBin += (b * b * b - a * a * a) / 3.0;
            left = end;
        }
        sum += static_cast<double>(counts[k]) * inBin;
    }
    const float zero = 0;
    float level = 0;
    fakeQuantizeByTable({&zero, 1}, {&level, 1}, table);
    return sum / width +
           static_cast<double>(histogram.zeros()) * static_cast<double>(level) * static_cast<double>(level);
}

/// Sum of squared errors of everything the histogram holds. Never negative: cancellation near 0 is cut off.
double squaredError(const Histogram& histogram, const QParams& qparams) {
    if (!qparams.isUniform()) {
        return tableErrors(histogram, qparams.tables[0]);
    }
    const ErrorGrid grid(qparams);
    const std::vector<std::uint64_t>& counts = histogram.counts();
    const double width = histogram.binWidth();
    const double inBins =
        binErrors(counts.data(), counts.size(), static_cast<double>(histogram.firstBin()), width, grid) /
        width;
    return std::max(0.0, inBins) + static_cast<double>(histogram.zeros()) * grid.atZero();
}

QuantizationError finish(double squaredError, double power, double clipped, double total) {
    QuantizationError result;
    if (total == 0) {
        result.sqnrDb = std::numeric_limits<double>::infinity();
        return result;
    }
    result.meanSquaredError = squaredError / total;
    result.signalPower = power / total;
    result.clippedShare = clipped / total;
    result.sqnrDb = squaredError == 0 ? std::numeric_limits<double>::infinity()
                                      : 10.0 * std::log10(result.signalPower / result.meanSquaredError);
    return result;
}

struct Sums {
    double error = 0;
    double power = 0;
    double clipped = 0;
};

}  // namespace

double meanSquaredError(const Histogram& histogram, const QParams& qparams) {
    return histogram.empty() ? 0.0
                             : squaredError(histogram, qparams) / static_cast<double>(histogram.total());
}

QuantizationError quantizationError(const Histogram& histogram, const QParams& qparams) {
    const std::vector<std::uint64_t>& counts = histogram.counts();
    const double width = histogram.binWidth();
    const double lower = qparams.representableLower();
    const double upper = qparams.representableUpper();
    const auto first = static_cast<double>(histogram.firstBin());
    double power = 0;
    double clipped = 0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
        const auto count = static_cast<double>(counts[k]);
        const double left = (first + static_cast<double>(k)) * width;
        const double right = (first + static_cast<double>(k + 1)) * width;
        power += count * (left * left + left * right + right * right) / 3.0;
        const double outside =
            std::max(0.0, std::min(right, lower) - left) + std::max(0.0, right - std::max(left, upper));
        clipped += count * outside / width;
    }
    return finish(squaredError(histogram, qparams), power, clipped, static_cast<double>(histogram.total()));
}

QuantizationError quantizationError(std::span<const float> values, const QParams& qparams,
                                    std::size_t channel) {
    // Blocks that stay in the first-level cache: quantize, then compare, without a tensor-sized temporary.
    constexpr std::size_t kBlock = 1024;
    std::array<float, kBlock> quantized;
    const double lower = qparams.representableLower(channel);
    const double upper = qparams.representableUpper(channel);
    Sums sums;
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
        const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
        fakeQuantize(block, {quantized.data(), block.size()}, qparams, channel);
        for (std::size_t i = 0; i < block.size(); ++i) {
            const double x = block[i];
            const double difference = x - static_cast<double>(quantized[i]);
            sums.error += difference * difference;
            sums.power += x * x;
            sums.clipped += (x < lower || x > upper) ? 1.0 : 0.0;
        }
    }
    return finish(sums.error, sums.power, sums.clipped, static_cast<double>(values.size()));
}

}  // namespace bitlathe::core
