#include "core/observers/divergence_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

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

double interpolating(std::span<const double> counts, std::size_t kept, std::size_t levels, double beyond) {
    const std::vector<double> p = clipped(counts, kept, beyond);
    std::vector<double> mass(levels, 0.0);
    const auto position = [&](std::size_t j) {
        return static_cast<double>(j) * static_cast<double>(levels) / static_cast<double>(kept);
    };
    for (std::size_t j = 0; j < kept; ++j) {
        mass[static_cast<std::size_t>(position(j))] += counts[j];
    }
    std::vector<double> q(kept, 0.0);
    double pSum = 0;
    double qSum = 0;
    for (std::size_t j = 0; j < kept; ++j) {
        const double at = position(j);
        const auto low = static_cast<std::size_t>(at);
        const std::size_t high = std::min(static_cast<std::size_t>(std::ceil(at)), levels - 1);
        q[j] = p[j] == 0.0 ? 0.0 : mass[low] + (mass[high] - mass[low]) * (at - static_cast<double>(low));
        pSum += p[j];
        qSum += q[j];
    }
    if (!(pSum > 0) || !(qSum > 0)) {
        return kInfinity;
    }
    double divergence = 0;
    for (std::size_t j = 0; j < kept; ++j) {
        if (q[j] != 0.0) {
            divergence += p[j] / pSum * std::log(p[j] * qSum / (q[j] * pSum));
        }
    }
    return divergence;
}

/// `counts` are normalised to a sum of 1. Levels have fractional ends: a bin cut by an end counts by the part
/// inside.
double ncnn(std::span<const double> counts, std::size_t kept, std::size_t levels, double beyond) {
    std::vector<double> p = clipped(counts, kept, beyond);
    std::vector<double> q(kept, 0.0);
    const double width = static_cast<double>(kept) / static_cast<double>(levels);
    for (std::size_t level = 0; level < levels; ++level) {
        const double from = static_cast<double>(level) * width;
        const double to =
            level + 1 == levels ? static_cast<double>(kept) : static_cast<double>(level + 1) * width;
        const auto first = static_cast<std::size_t>(from);
        const auto last = std::min(kept, static_cast<std::size_t>(std::ceil(to)));
        double mass = 0;
        double length = 0;
        const auto part = [&](std::size_t i) {
            return std::min(to, static_cast<double>(i + 1)) - std::max(from, static_cast<double>(i));
        };
        for (std::size_t i = first; i < last; ++i) {
            mass += part(i) * counts[i];
            length += part(i);
        }
        for (std::size_t i = first; i < last; ++i) {
            q[i] += part(i) * mass / length;
        }
    }
    double divergence = 0;
    for (std::size_t i = 0; i < kept; ++i) {
        const double a = p[i] + kSmoothing;
        divergence += a * std::log(a / (q[i] + kSmoothing));
    }
    return divergence;
}

double candidate(DivergenceForm form, std::span<const double> counts, std::size_t kept, std::size_t levels,
                 double beyond) {
    switch (form) {
    case DivergenceForm::TensorRt:
        break;  // divergenceCurve keeps sums over all candidates
    case DivergenceForm::Interpolating:
        return interpolating(counts, kept, levels, beyond);
    case DivergenceForm::Ncnn:
        return ncnn(counts, kept, levels, beyond);
    }
    return kInfinity;
}

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
    const std::optional<TensorRtSums> sums =
        form == DivergenceForm::TensorRt ? std::optional<TensorRtSums>(counts) : std::nullopt;
    for (std::size_t kept = levels; kept <= last; ++kept) {
        const double tail = kept == bins ? 0.0 : beyond;
        curve.divergence.push_back(sums ? sums->divergence(kept, levels, tail)
                                        : candidate(form, normalised, kept, levels, tail));
        beyond -= kept < bins ? normalised[kept] : 0.0;
    }
    return curve;
}

double divergenceThreshold(std::size_t keptBins, double binWidth) noexcept {
    return (static_cast<double>(keptBins) + 0.5) * binWidth;
}

SymmetricThreshold symmetricDivergenceThreshold(std::span<const float> values, std::size_t bins,
                                                std::size_t groups) {
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
                filled += p[i] != 0.0 ? 1.0 : 0.0;
            }
            for (std::size_t i = first; i < end; ++i) {
                q[i] = p[i] != 0.0 && filled > 0 ? mass / filled : 0.0;
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
