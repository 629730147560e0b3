#include "core/quantizers/codebook.h"

#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>

namespace bitlathe::core {

namespace {

/// Sorted points with prefix sums, so that the cost of one level for a run of points is a difference.
class Points {
public:
    Points(std::span<const double> points, std::span<const double> weights) {
        std::map<double, double> merged;
        for (std::size_t i = 0; i < points.size(); ++i) {
            if (!std::isfinite(points[i])) {
                throw Error(ErrorCode::NonFiniteInput, "codebook: a value is not finite");
            }
            if (weights[i] > 0) {
                merged[points[i]] += weights[i];
            }
        }
        // Centred about the median point: prefix sums of squares would lose digits far from zero.
        m_center = merged.empty()
                       ? 0.0
                       : std::next(merged.begin(), static_cast<std::ptrdiff_t>(merged.size() / 2))->first;
        m_weight.push_back(0);
        m_sum.push_back(0);
        m_squares.push_back(0);
        for (const auto& [point, weight] : merged) {
            const double x = point - m_center;
            m_weight.push_back(m_weight.back() + weight);
            m_sum.push_back(m_sum.back() + weight * x);
            m_squares.push_back(m_squares.back() + weight * x * x);
        }
    }
    std::size_t size() const noexcept { return m_weight.size() - 1; }
    double mean(std::size_t first, std::size_t last) const noexcept {
        return m_center + (m_sum[last] - m_sum[first]) / (m_weight[last] - m_weight[first]);
    }
    /// Sum of squared distances of points first..last-1 to their mean.
    double cost(std::size_t first, std::size_t last) const noexcept {
        if (last - first < 2) {
            return 0;
        }
        const double sum = m_sum[last] - m_sum[first];
        return std::max(0.0,
                        m_squares[last] - m_squares[first] - sum * sum / (m_weight[last] - m_weight[first]));
    }

private:
    double m_center = 0;
    std::vector<double> m_weight, m_sum, m_squares;
};

/// One more level: best[j] = min over i of previous[i] + cost(i, j), for j in [low, high] with i in [from,
/// to]. The best i grows with j, which halves the search at every recursion.
void fillRow(const Points& points, const std::vector<double>& previous, std::vector<double>& best,
             std::vector<std::uint32_t>& cut, std::size_t low, std::size_t high, std::size_t from,
             std::size_t to) {
    if (low > high) {
        return;
    }
    const std::size_t middle = (low + high) / 2;
    double least = std::numeric_limits<double>::infinity();
    std::size_t at = from;
    for (std::size_t i = from; i <= std::min(middle, to); ++i) {
        const double value = previous[i] + points.cost(i, middle);
        if (value < least) {
            least = value;
            at = i;
        }
    }
    best[middle] = least;
    cut[middle] = static_cast<std::uint32_t>(at);
    if (middle > low) {
        fillRow(points, previous, best, cut, low, middle - 1, from, at);
    }
    fillRow(points, previous, best, cut, middle + 1, high, at, to);
}

std::size_t nearest(const std::vector<double>& levels, double x) {
    const auto above = std::lower_bound(levels.begin(), levels.end(), x);
    if (above == levels.begin()) {
        return 0;
    }
    const auto index = static_cast<std::size_t>(above - levels.begin());
    if (above == levels.end()) {
        return index - 1;
    }
    return x - levels[index - 1] <= levels[index] - x ? index - 1 : index;
}

}  // namespace

Codebook optimalCodebook(std::span<const double> values, std::span<const double> weights, int levels) {
    if (levels < 1) {
        throw Error(ErrorCode::InvalidConfig,
                    "codebook: " + std::to_string(levels) + " levels; at least 1 is needed");
    }
    const Points points(values, weights);
    const std::size_t n = points.size();
    Codebook result;
    if (n == 0) {
        return result;
    }
    const std::size_t k = std::min<std::size_t>(static_cast<std::size_t>(levels), n);
    std::vector<double> previous(n + 1, std::numeric_limits<double>::infinity());
    previous[0] = 0;
    std::vector<std::vector<std::uint32_t>> cuts(k, std::vector<std::uint32_t>(n + 1, 0));
    for (std::size_t row = 0; row < k; ++row) {
        std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());
        // row + 1 levels for j points need j > row, and the cut leaves at least row points before it.
        fillRow(points, previous, best, cuts[row], row + 1, n, row, n - 1);
        previous = std::move(best);
    }
    result.inertia = previous[n];
    std::size_t last = n;
    for (std::size_t row = k; row-- > 0;) {
        const std::size_t first = cuts[row][last];
        result.levels.push_back(points.mean(first, last));
        last = first;
    }
    std::reverse(result.levels.begin(), result.levels.end());
    return result;
}

Codebook optimalCodebook(std::span<const float> values, int levels) {
    const std::vector<double> points(values.begin(), values.end());
    const std::vector<double> weights(values.size(), 1.0);
    return optimalCodebook(points, weights, levels);
}

namespace {

/// Sum and number of the values of each level.
struct Sums {
    explicit Sums(std::size_t levels) : values(levels, 0.0), counts(levels, 0.0) {}

    void move(double value, std::size_t level, double count) {
        values[level] += count * value;
        counts[level] += count;
    }

    std::vector<double> values, counts;
};

/// Gives each level that lost all its values one of those farthest from their levels.
void fillEmpty(Sums& clusters, std::span<const float> values, std::span<const std::size_t> assignment,
               std::span<const double> levels) {
    std::vector<std::size_t> empty;
    for (std::size_t l = 0; l < levels.size(); ++l) {
        if (clusters.counts[l] == 0) {
            empty.push_back(l);
        }
    }
    if (empty.empty() || values.size() < levels.size()) {
        return;
    }
    const auto distance = [&](std::size_t i) {
        return std::fabs(static_cast<double>(values[i]) - levels[assignment[i]]);
    };
    std::vector<std::size_t> farthest(values.size());
    std::iota(farthest.begin(), farthest.end(), std::size_t{0});
    std::partial_sort(farthest.begin(), farthest.begin() + static_cast<std::ptrdiff_t>(empty.size()),
                      farthest.end(),
                      [&](std::size_t a, std::size_t b) { return distance(a) > distance(b); });
    for (std::size_t e = 0; e < empty.size(); ++e) {
        const auto value = static_cast<double>(values[farthest[e]]);
        clusters.move(value, assignment[farthest[e]], -1.0);
        clusters.move(value, empty[e], 1.0);
    }
}

}  // namespace

Codebook lloydCodebook(std::span<const float> values, std::vector<double> start, int maxIterations) {
    Codebook result;
    result.levels = std::move(start);
    std::sort(result.levels.begin(), result.levels.end());
    if (result.levels.empty()) {
        throw Error(ErrorCode::InvalidConfig, "codebook: Lloyd's iteration needs levels to start from");
    }
    std::vector<std::size_t> assignment(values.size(), result.levels.size());
    for (int iteration = 0; iteration < maxIterations; ++iteration) {
        Sums clusters(result.levels.size());
        bool isStable = true;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t index = nearest(result.levels, static_cast<double>(values[i]));
            isStable = isStable && index == assignment[i];
            assignment[i] = index;
            clusters.move(static_cast<double>(values[i]), index, 1.0);
        }
        if (isStable) {
            break;
        }
        fillEmpty(clusters, values, assignment, result.levels);
        for (std::size_t l = 0; l < result.levels.size(); ++l) {
            result.levels[l] =
                clusters.counts[l] > 0 ? clusters.values[l] / clusters.counts[l] : result.levels[l];
        }
        // A level that moved may have changed places with another.
        std::sort(result.levels.begin(), result.levels.end());
    }
    result.inertia = 0;
    for (const float value : values) {
        const double distance =
            static_cast<double>(value) - result.levels[nearest(result.levels, static_cast<double>(value))];
        result.inertia += distance * distance;
    }
    return result;
}

void assignCodebook(std::span<const float> values, std::span<float> out, std::span<std::uint32_t> indices,
                    const Codebook& codebook) {
    if (codebook.levels.empty()) {
        throw Error(ErrorCode::InvalidConfig, "codebook: it has no levels");
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t index = nearest(codebook.levels, static_cast<double>(values[i]));
        if (!indices.empty()) {
            indices[i] = static_cast<std::uint32_t>(index);
        }
        out[i] = static_cast<float>(codebook.levels[index]);
    }
}

}  // namespace bitlathe::core
