#include "core/quantizers/codebook_quantizer.h"

#include "core/quantizers/codebook.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/fit_sample.h"
#include "core/quantizers/level_table.h"

#include <algorithm>
#include <numeric>

namespace bitlathe::core {

namespace {

/// Above this many points times levels the exact solution costs seconds.
constexpr std::size_t kMostWork = std::size_t{1} << 20;

/// The sample on 2048 bins: each point becomes its bin's centre.
FitSample binned(const FitSample& sample) {
    std::vector<float> values(sample.points.begin(), sample.points.end());
    Histogram histogram;
    histogram.add(values);
    FitSlice slice;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    slice.range = {static_cast<double>(*low), static_cast<double>(*high)};
    SiteStatistics statistics;
    statistics.minimum = slice.range.lower;
    statistics.maximum = slice.range.upper;
    statistics.count = values.size();
    statistics.histogram = std::move(histogram);
    slice.statistics = &statistics;
    return fitSample(slice);
}

std::vector<double> quantiles(const FitSample& sample, int levels) {
    std::vector<std::size_t> order(sample.points.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return sample.points[a] < sample.points[b]; });
    std::vector<double> result;
    double below = 0;
    std::size_t next = 0;
    for (int k = 0; k < levels; ++k) {
        const double target = (k + 0.5) / levels * sample.total;
        while (next + 1 < order.size() && below + sample.weights[order[next]] < target) {
            below += sample.weights[order[next++]];
        }
        result.push_back(sample.points[order[next]]);
    }
    return result;
}

/// Lloyd's iteration over weighted points; a level that loses all its points stays.
std::vector<double> lloyd(const FitSample& sample, std::vector<double> levels) {
    constexpr int kMostIterations = 100;
    for (int i = 0; i < kMostIterations; ++i) {
        std::sort(levels.begin(), levels.end());
        std::vector<double> thresholds;
        for (std::size_t k = 1; k < levels.size(); ++k) {
            thresholds.push_back(0.5 * (levels[k - 1] + levels[k]));
        }
        const LevelSums sums = sumsByLevel(sample, thresholds);
        bool isStill = true;
        for (std::size_t k = 0; k < levels.size(); ++k) {
            const double next = sums.weight[k] > 0 ? sums.sum[k] / sums.weight[k] : levels[k];
            isStill = isStill && next == levels[k];
            levels[k] = next;
        }
        if (isStill) {
            break;
        }
    }
    return levels;
}

/// Exactly `levels` numbers, ascending; copies of the top one where fewer are needed.
std::vector<double> fitLevels(const FitSlice& slice, int levels, CodebookQuantizer::Method method) {
    const FitSample sample = fitSample(slice);
    std::vector<double> result;
    if (method == CodebookQuantizer::Method::Lloyd) {
        result = lloyd(sample, quantiles(sample, levels));
    } else if (sample.points.size() * static_cast<std::size_t>(levels) <= kMostWork) {
        result = optimalCodebook(sample.points, sample.weights, levels).levels;
    } else {
        const FitSample coarse = binned(sample);
        result = lloyd(sample, optimalCodebook(coarse.points, coarse.weights, levels).levels);
    }
    std::sort(result.begin(), result.end());
    result.resize(static_cast<std::size_t>(levels), result.empty() ? 0.0 : result.back());
    return result;
}

class CodebookTrainable final : public SliceTrainable {
public:
    CodebookTrainable(const FitInput& input, int levels, CodebookQuantizer::Method method)
        : SliceTrainable(true) {
        LearnedParameter parameter;
        parameter.name = "levels";
        parameter.perSlice = levels;
        const std::size_t index = declare(std::move(parameter));
        for (const FitSlice& slice : input.slices) {
            start(index, fitLevels(slice, levels, method));
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        return tableGrid({midpointTable(std::vector<float>(values[0].begin(), values[0].end()))},
                         std::nullopt);
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        // Levels may have changed places while they learned: the table is sorted, the parameters are not.
        std::vector<std::size_t> order(values[0].size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return values[0][a] < values[0][b]; });
        std::vector<std::int32_t> codes(x.size());
        quantize(x, codes, sliceGrid(x, values));
        for (std::size_t i = 0; i < x.size(); ++i) {
            gradients[0][order[static_cast<std::size_t>(codes[i])]] += static_cast<double>(gradient[i]);
        }
        std::copy(gradient.begin(), gradient.end(), gradientX.begin());
    }
};

}  // namespace

std::unique_ptr<TrainableQuantizer> CodebookQuantizer::start(const FitInput& input, BitWidth bits) const {
    requireTableBits(bits.bits(), kName);
    return std::make_unique<CodebookTrainable>(input, bits.levels(), m_method);
}

}  // namespace bitlathe::core
