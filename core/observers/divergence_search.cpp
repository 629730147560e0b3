#include "core/observers/divergence_search.h"

#include "core/types/error.h"
#include "core/types/vectorised.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>

namespace bitlathe::core {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSmoothing = 1e-4;

/// Gives empty bins a little mass and takes it evenly from the others. False when a bin would end up empty.
bool smooth(std::vector<double>& p) {
    const auto zeros = static_cast<double>(std::count(p.begin(), p.end(), 0.0));
    const double filled = static_cast<double>(p.size()) - zeros;
    if (filled == 0) {
        return false;
    }
    const double share = kSmoothing * zeros / filled;
    if (share >= 1.0) {
        return false;
    }
    for (double& x : p) {
        x += x == 0.0 ? kSmoothing : -share;
        if (x <= 0.0) {
            return false;
        }
    }
    return true;
}

/// Sum of P ln(P / Q) after both are normalised.
double relativeEntropy(const std::vector<double>& p, const std::vector<double>& q) {
    const double pSum = std::accumulate(p.begin(), p.end(), 0.0);
    const double qSum = std::accumulate(q.begin(), q.end(), 0.0);
    double divergence = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        if (p[i] > 0) {
            divergence += p[i] / pSum * std::log(p[i] * qSum / (q[i] * pSum));
        }
    }
    return divergence;
}

/// P of a candidate: the first `kept` bins, everything beyond in the last.
std::vector<double> clipped(std::span<const double> counts, std::size_t kept, double beyond) {
    std::vector<double> p(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(kept));
    p.back() += beyond;
    return p;
}

double tensorRt(std::span<const double> counts, std::size_t kept, std::size_t levels, double beyond) {
    std::vector<double> p = clipped(counts, kept, beyond);
    std::vector<double> q(kept, 0.0);
    const std::size_t step = kept / levels;
    for (std::size_t level = 0; level < levels; ++level) {
        const std::size_t first = level * step;
        const std::size_t last = level + 1 == levels ? kept : first + step;
        double mass = 0;
        double filled = 0;
        for (std::size_t i = first; i < last; ++i) {
            mass += counts[i];
            filled += p[i] != 0.0 ? 1.0 : 0.0;
        }
        for (std::size_t i = first; i < last; ++i) {
            q[i] = p[i] != 0.0 ? mass / filled : 0.0;
        }
    }
    if (!smooth(p) || !smooth(q)) {
        return kInfinity;
    }
    return relativeEntropy(p, q);
}

/// The TensorRt form of all candidates from prefix sums: a handful of operations a level instead of two
/// logarithms a bin.
///
/// Smoothing keeps the sums, so with e what each filled bin gives up, z the empty bins and P, Q the masses,
///   P KL = sum p' ln p' - sum p' ln q' - P ln P + P ln Q.
/// Over filled bins, (c - e) ln (c - e) is its Taylor series in e (four terms; e is at most 2 % of the least
/// count, else the candidate is computed directly), and q' is one number per level.
class TensorRtSums {
public:
    explicit TensorRtSums(std::span<const double> counts) : m_counts(counts) {
        const std::size_t n = counts.size() + 1;
        for (auto* sums : {&m_filled, &m_mass, &m_entropy, &m_logarithm, &m_inverse, &m_square}) {
            sums->assign(n, 0.0);
        }
        m_least.assign(n, kInfinity);
        for (std::size_t i = 0; i < counts.size(); ++i) {
            const double c = counts[i];
            const bool isFilled = c != 0.0;
            m_filled[i + 1] = m_filled[i] + (isFilled ? 1.0 : 0.0);
            m_mass[i + 1] = m_mass[i] + c;
            m_entropy[i + 1] = m_entropy[i] + (isFilled ? c * std::log(c) : 0.0);
            m_logarithm[i + 1] = m_logarithm[i] + (isFilled ? std::log(c) : 0.0);
            m_inverse[i + 1] = m_inverse[i] + (isFilled ? 1.0 / c : 0.0);
            m_square[i + 1] = m_square[i] + (isFilled ? 1.0 / (c * c) : 0.0);
            m_least[i + 1] = std::min(m_least[i], isFilled ? c : kInfinity);
        }
    }

    double divergence(std::size_t kept, std::size_t levels, double beyond) const {
        const double last = m_counts[kept - 1] + beyond;
        const bool isLastFilled = last != 0.0;
        const double filled = m_filled[kept - 1] + (isLastFilled ? 1.0 : 0.0);
        const double zeros = static_cast<double>(kept) - filled;
        const double least = std::min(m_least[kept - 1], isLastFilled ? last : kInfinity);
        const double given = filled > 0 ? kSmoothing * zeros / filled : kInfinity;
        if (!(given <= 0.02 * std::min(1.0, least))) {
            return tensorRt(m_counts, kept, levels, beyond);
        }
        const double logSmoothing = std::log(kSmoothing);
        const double p = m_mass[kept - 1] + last;
        const double q = m_mass[kept];
        if (q == 0.0) {
            return kInfinity;
        }
        double own = zeros * kSmoothing * logSmoothing + m_entropy[kept - 1] -
                     given * (m_logarithm[kept - 1] + m_filled[kept - 1]) +
                     given * given / 2 * m_inverse[kept - 1] + given * given * given / 6 * m_square[kept - 1];
        own += isLastFilled ? (last - given) * std::log(last - given) : 0.0;

        // Levels whose mass is zero although the folded tail fills their last bin are empty in Q.
        const std::size_t step = kept / levels;
        const auto levelOf = [&](std::size_t level) {
            const std::size_t first = level * step;
            const std::size_t end = level + 1 == levels ? kept : first + step;
            const bool holdsLast = end == kept;
            Level result;
            result.mass = m_mass[end] - m_mass[first];
            result.filled = (holdsLast ? m_filled[end - 1] + (isLastFilled ? 1.0 : 0.0) : m_filled[end]) -
                            m_filled[first];
            result.own = result.mass + (holdsLast ? beyond : 0.0) - given * result.filled;
            return result;
        };
        const Level tail = levelOf(levels - 1);
        const double emptied = tail.mass == 0.0 ? tail.filled : 0.0;
        const double filledQ = filled - emptied;
        const double givenQ = filledQ > 0 ? kSmoothing * (zeros + emptied) / filledQ : kInfinity;
        if (!(givenQ < 1.0)) {
            return kInfinity;
        }
        double cross = zeros * kSmoothing * logSmoothing;
        for (std::size_t level = 0; level < levels; ++level) {
            const Level part = levelOf(level);
            if (part.filled == 0.0) {
                continue;
            }
            const double value = part.mass / part.filled - givenQ;
            if (part.mass != 0.0 && value <= 0.0) {
                return kInfinity;
            }
            cross += part.own * (part.mass == 0.0 ? logSmoothing : std::log(value));
        }
        return (own - cross) / p - std::log(p) + std::log(q);
    }

private:
    struct Level {
        double mass = 0;    ///< of the bins, without the folded tail
        double filled = 0;  ///< bins that are filled in P
        double own = 0;     ///< mass of the smoothed P in filled bins
    };

    std::span<const double> m_counts;
    std::vector<double> m_filled, m_mass, m_entropy, m_logarithm, m_inverse, m_square, m_least;
};

/// Natural logarithm by series, to about 1e-15 absolute near 1 and relative elsewhere; a loop of it vectorises, which
/// the library's does not. x normal and positive.
__attribute__((always_inline)) inline double seriesLog(double x) noexcept {
    constexpr std::uint64_t kFraction = 0x000FFFFFFFFFFFFFULL;
    constexpr std::uint64_t kOne = 0x3FF0000000000000ULL;
    constexpr double kLn2 = 0.69314718055994530942;
    const auto bits = std::bit_cast<std::uint64_t>(x);
    double mantissa = std::bit_cast<double>((bits & kFraction) | kOne);
    double exponent = static_cast<double>(static_cast<std::int32_t>(bits >> 52) - 1023);
    const bool isUpper = mantissa > 1.4142135623730951;
    mantissa = isUpper ? 0.5 * mantissa : mantissa;
    exponent = isUpper ? exponent + 1.0 : exponent;
    const double s = (mantissa - 1.0) / (mantissa + 1.0);  // |s| < 0.172: eleven terms
    const double z = s * s;
    double sum = 1.0 / 21;
    sum = sum * z + 1.0 / 19;
    sum = sum * z + 1.0 / 17;
    sum = sum * z + 1.0 / 15;
    sum = sum * z + 1.0 / 13;
    sum = sum * z + 1.0 / 11;
    sum = sum * z + 1.0 / 9;
    sum = sum * z + 1.0 / 7;
    sum = sum * z + 1.0 / 5;
    sum = sum * z + 1.0 / 3;
    sum = sum * z + 1.0;
    return exponent * kLn2 + 2.0 * s * sum;
}

/// Sum of p ln(p / q) over the bins where q is not 0 (q is 0 wherever p is).
BITLATHE_VECTORISED double crossEntropy(const double* p, const double* q, std::size_t count) {
    constexpr std::size_t kLanes = 8;
    double lanes[kLanes] = {};
    const std::size_t whole = count - count % kLanes;
    for (std::size_t b = 0; b < whole; b += kLanes) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            const bool isFilled = q[b + i] != 0.0;
            const double ratio = isFilled ? p[b + i] / q[b + i] : 1.0;
            lanes[i] += p[b + i] * seriesLog(ratio);
        }
    }
    double sum = 0;
    for (std::size_t i = whole; i < count; ++i) {
        sum += q[i] != 0.0 ? p[i] * seriesLog(p[i] / q[i]) : 0.0;
    }
    for (const double lane : lanes) {
        sum += lane;
    }
    return sum;
}

/// The interpolating form; prefix sums give the levels' masses, and room for P and Q is kept between candidates.
class InterpolatingSearch {
public:
    explicit InterpolatingSearch(std::span<const double> counts)
        : m_counts(counts), m_mass(counts.size() + 1, 0.0), m_p(counts.size()), m_q(counts.size()) {
        std::partial_sum(counts.begin(), counts.end(), m_mass.begin() + 1);
    }

    double divergence(std::size_t kept, std::size_t levels, double beyond) {
        std::copy_n(m_counts.begin(), kept, m_p.begin());
        m_p[kept - 1] += beyond;
        // Bin j belongs to level floor(j levels / kept): a level begins at the first j with j levels >= level kept.
        const auto begin = [&](std::size_t level) { return (level * kept + levels - 1) / levels; };
        const auto massOf = [&](std::size_t level) {
            return m_mass[begin(level + 1)] - m_mass[begin(level)];
        };
        double qSum = 0;
        double filled = 0;
        double mass = massOf(0);
        for (std::size_t level = 0; level < levels; ++level) {
            const double next = level + 1 == levels ? mass : massOf(level + 1);
            const double rise = next - mass;
            for (std::size_t j = begin(level); j < begin(level + 1); ++j) {
                const double at =
                    static_cast<double>(j) * static_cast<double>(levels) / static_cast<double>(kept);
                const double value = mass + rise * (at - static_cast<double>(level));
                m_q[j] = m_p[j] == 0.0 ? 0.0 : value;
                qSum += m_q[j];
                filled += m_q[j] != 0.0 ? m_p[j] : 0.0;
            }
            mass = next;
        }
        const double pSum = m_mass[kept] + beyond;
        if (!(pSum > 0) || !(qSum > 0)) {
            return kInfinity;
        }
        return (crossEntropy(m_p.data(), m_q.data(), kept) + filled * std::log(qSum / pSum)) / pSum;
    }

private:
    std::span<const double> m_counts;
    std::vector<double> m_mass, m_p, m_q;
};

/// The ncnn form of all candidates from prefix sums, over counts normalised to a sum of 1. Levels have fractional
/// ends, so Q has one value inside a level and another in the bin its end cuts: two logarithms a level instead of one
/// a bin. With a = P + 1e-4,  KL = sum a ln a - sum a ln(Q + 1e-4).
class NcnnSums {
public:
    explicit NcnnSums(std::span<const double> counts) : m_counts(counts) {
        m_mass.assign(counts.size() + 1, 0.0);
        m_entropy.assign(counts.size() + 1, 0.0);
        for (std::size_t i = 0; i < counts.size(); ++i) {
            const double a = counts[i] + kSmoothing;
            m_mass[i + 1] = m_mass[i] + counts[i];
            m_entropy[i + 1] = m_entropy[i] + a * std::log(a);
        }
    }

    double divergence(std::size_t kept, std::size_t levels, double beyond) const {
        const double width = static_cast<double>(kept) / static_cast<double>(levels);
        const double last = m_counts[kept - 1] + beyond + kSmoothing;
        double sum = m_entropy[kept - 1] + last * std::log(last);
        /// Sum of a over bins first..end-1.
        const auto own = [&](std::size_t first, std::size_t end) {
            const double bins = m_mass[end] - m_mass[first] + kSmoothing * static_cast<double>(end - first);
            return end == kept && end > first ? bins + beyond : bins;
        };
        /// Counts up to a fractional position.
        const auto massUpTo = [&](double x) {
            const auto bin = static_cast<std::size_t>(x);
            return bin >= kept ? m_mass[kept] : m_mass[bin] + (x - static_cast<double>(bin)) * m_counts[bin];
        };
        double below = 0;      // counts up to the level's start
        std::size_t next = 0;  // first bin whose Q is not yet known
        double carried = 0;    // what the level before put into the bin its end cuts
        for (std::size_t level = 0; level < levels; ++level) {
            const double from = static_cast<double>(level) * width;
            const bool isTop = level + 1 == levels;
            const double to = isTop ? static_cast<double>(kept) : static_cast<double>(level + 1) * width;
            const double upTo = isTop ? m_mass[kept] : massUpTo(to);
            const double height = (upTo - below) / (to - from);
            below = upTo;
            const auto whole = static_cast<std::size_t>(to);  // bins before it end inside this level
            if (static_cast<double>(next) < from && next < whole) {
                const double share = static_cast<double>(next + 1) - from;
                sum -= own(next, next + 1) * std::log(carried + share * height + kSmoothing);
                ++next;
            }
            if (next < whole) {
                sum -= own(next, whole) * std::log(height + kSmoothing);
                next = whole;
            }
            const double rest = to - static_cast<double>(whole);
            carried = rest > 0 ? rest * height : 0.0;
        }
        return sum;
    }

private:
    std::span<const double> m_counts;
    std::vector<double> m_mass, m_entropy;
};

}  // namespace

std::size_t DivergenceCurve::best() const noexcept {
    const auto least = std::min_element(divergence.begin(), divergence.end());
    if (least == divergence.end() || *least == kInfinity) {
        return firstCandidate + (divergence.empty() ? 0 : divergence.size() - 1);
    }
    return firstCandidate + static_cast<std::size_t>(least - divergence.begin());
}

double DivergenceCurve::bestDivergence() const noexcept {
    return divergence.empty() ? 0.0 : *std::min_element(divergence.begin(), divergence.end());
}

DivergenceCurve divergenceCurve(std::span<const double> counts, std::size_t levels, DivergenceForm form) {
    DivergenceCurve curve;
    const std::size_t bins = counts.size();
    curve.firstCandidate = std::min(levels, bins);
    if (bins <= levels) {
        return curve;
    }
    std::vector<double> normalised(counts.begin(), counts.end());
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    if (!(total > 0)) {
        curve.firstCandidate = bins;
        return curve;
    }
    if (form == DivergenceForm::Ncnn) {
        for (double& x : normalised) {
            x /= total;
        }
    }
    const std::size_t last = form == DivergenceForm::TensorRt ? bins : bins - 1;
    double beyond =
        std::accumulate(normalised.begin() + static_cast<std::ptrdiff_t>(levels), normalised.end(), 0.0);
    const auto search = [&](const auto& divergence) {
        for (std::size_t kept = levels; kept <= last; ++kept) {
            curve.divergence.push_back(divergence(kept, kept == bins ? 0.0 : beyond));
            beyond -= kept < bins ? normalised[kept] : 0.0;
        }
    };
    if (form == DivergenceForm::TensorRt) {
        const TensorRtSums sums(counts);
        search([&](std::size_t kept, double tail) { return sums.divergence(kept, levels, tail); });
    } else if (form == DivergenceForm::Ncnn) {
        const NcnnSums sums(normalised);
        search([&](std::size_t kept, double tail) { return sums.divergence(kept, levels, tail); });
    } else {
        InterpolatingSearch interpolating(normalised);
        search([&](std::size_t kept, double tail) { return interpolating.divergence(kept, levels, tail); });
    }
    return curve;
}

double divergenceThreshold(std::size_t keptBins, double binWidth) noexcept {
    return (static_cast<double>(keptBins) + 0.5) * binWidth;
}

SymmetricThreshold symmetricDivergenceThreshold(std::span<const float> values, std::size_t bins,
                                                std::size_t groups) {
    if (groups == 0 || groups % 2 == 0 || bins % 2 == 0 || bins < groups) {
        throw Error(ErrorCode::InvalidConfig, "relative entropy: " + std::to_string(bins) + " bins and " +
                                                  std::to_string(groups) +
                                                  " groups; both must be odd, and no more groups than bins");
    }
    SymmetricThreshold result;
    double reach = 0;
    for (const float x : values) {
        reach = std::max(reach, std::fabs(static_cast<double>(x)));
    }
    result.threshold = reach;
    if (reach == 0) {
        return result;
    }
    std::vector<double> counts(bins, 0.0);
    for (const float x : values) {
        const double position = (static_cast<double>(x) + reach) / (2 * reach) * static_cast<double>(bins);
        counts[std::min(bins - 1, static_cast<std::size_t>(position))] += 1;
    }
    const std::size_t middle = bins / 2;
    double least = kInfinity;
    for (std::size_t half = groups / 2; half <= middle; ++half) {
        const std::size_t start = middle - half;
        const std::size_t stop = middle + half + 1;
        const std::vector<double> slice(counts.begin() + static_cast<std::ptrdiff_t>(start),
                                        counts.begin() + static_cast<std::ptrdiff_t>(stop));
        std::vector<double> p = slice;
        p.front() +=
            std::accumulate(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(start), 0.0);
        p.back() += std::accumulate(counts.begin() + static_cast<std::ptrdiff_t>(stop), counts.end(), 0.0);
        std::vector<double> q(slice.size(), 0.0);
        const std::size_t step = slice.size() / groups;
        for (std::size_t g = 0; g < groups; ++g) {
            const bool isLast = g + 1 == groups;
            const std::size_t first = g * step;
            const double mass = std::accumulate(
                slice.begin() + static_cast<std::ptrdiff_t>(first),
                isLast ? slice.end() : slice.begin() + static_cast<std::ptrdiff_t>(first + step), 0.0);
            const std::size_t end = isLast ? slice.size() - 1 : first + step;
            double filled = 0;
            for (std::size_t i = first; i < end; ++i) {
                filled += slice[i] != 0.0 ? 1.0 : 0.0;
            }
            for (std::size_t i = first; i < end; ++i) {
                q[i] = slice[i] != 0.0 ? mass / filled : 0.0;
            }
        }
        const bool isValid = smooth(p) && smooth(q);
        const double divergence = isValid ? relativeEntropy(p, q) : kInfinity;
        const double edge = -reach + 2 * reach * static_cast<double>(stop) / static_cast<double>(bins);
        result.thresholds.push_back(edge);
        result.divergences.push_back(divergence);
        if (divergence < least) {
            least = divergence;
            result.threshold = edge;
        }
    }
    result.divergence = least;
    return result;
}

}  // namespace bitlathe::core
