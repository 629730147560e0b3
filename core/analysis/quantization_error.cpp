#include "core/analysis/quantization_error.h"

#include "core/quantizers/fake_quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace bitlathe::core {

namespace {

/// Integral of the squared error from 0 to x (README eq. 5, closed form). With r = x - k s, the distance to
/// the code k that x gets, every whole step adds the same third of cubes, so that
///   I(x) = k * step + r³ / 3,     step = s³ / 12 for the nearest code, s³ / 3 for the code below.
/// Beyond the last code k stays and r grows: the cubic of clipping. Exact for bins of any width against steps
/// of any width.
class ErrorIntegral {
public:
    explicit ErrorIntegral(const QParams& qparams)
        : m_scale(qparams.scale[0]), m_lower(qparams.quantMin - qparams.zeroPoint[0]),
          m_upper(qparams.quantMax - qparams.zeroPoint[0]), m_shift(qparams.rounding == Rounding::Floor ? 0.0 : 0.5),
          m_step(m_scale * m_scale * m_scale / (qparams.rounding == Rounding::Floor ? 3.0 : 12.0)) {}

    double operator()(double x) const noexcept {
        // Ties have no width: which way they round does not change the integral.
        const double code = std::clamp(std::floor(x / m_scale + m_shift), m_lower, m_upper);
        const double rest = x - code * m_scale;
        return code * m_step + rest * rest * rest / 3.0;
    }
    /// Squared error of the single value 0.
    double atZero() const noexcept {
        const double code = std::clamp(0.0, m_lower, m_upper);
        return code * m_scale * code * m_scale;
    }
    double lower() const noexcept { return m_lower * m_scale; }
    double upper() const noexcept { return m_upper * m_scale; }

private:
    double m_scale, m_lower, m_upper, m_shift, m_step;
};

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

QuantizationError quantizationError(const Histogram& histogram, const QParams& qparams) {
    const ErrorIntegral integral(qparams);
    const std::vector<std::uint64_t>& counts = histogram.counts();
    const double width = histogram.binWidth();
    const double lower = integral.lower();
    const double upper = integral.upper();
    const double first = counts.empty() ? 0.0 : histogram.lowerEdge(0);
    const auto zeros = static_cast<double>(histogram.zeros());
    double error = zeros * integral.atZero();
    double power = 0;
    double clipped = 0;
    double left = first;
    double leftIntegral = counts.empty() ? 0.0 : integral(first);
    for (std::size_t k = 0; k < counts.size(); ++k) {
        // Not left + width: edges are exact multiples of the width, sums of them need not stay so.
        const double right = first + static_cast<double>(k + 1) * width;
        const double rightIntegral = integral(right);
        const double density = static_cast<double>(counts[k]) / width;
        error += density * (rightIntegral - leftIntegral);
        power += static_cast<double>(counts[k]) * (left * left + left * right + right * right) / 3.0;
        clipped +=
            density * (std::max(0.0, std::min(right, lower) - left) + std::max(0.0, right - std::max(left, upper)));
        left = right;
        leftIntegral = rightIntegral;
    }
    return finish(std::max(0.0, error), power, clipped, static_cast<double>(histogram.total()));
}

QuantizationError quantizationError(std::span<const float> values, const QParams& qparams, std::size_t channel) {
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
