#include "plots/histogram_bars.h"

#include <algorithm>

namespace bitlathe::plots {

namespace {

constexpr double kBarPx = 3;  // narrowest bar worth drawing

std::int64_t floorDivide(std::int64_t a, std::int64_t b) {
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

}  // namespace

std::vector<HistogramBar> joinBins(const core::Histogram& histogram, const core::Range& visible,
                                   double widthPx) {
    std::vector<HistogramBar> bars;
    const double pixelsPerBin =
        histogram.binWidth() * std::max(1.0, widthPx) / std::max(visible.width(), 1e-300);
    std::int64_t group = 1;
    while (static_cast<double>(group) * pixelsPerBin < kBarPx && group < 2 * core::Histogram::kMaxBins) {
        group *= 2;
    }
    std::int64_t current = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
        if (histogram.counts()[i] == 0) {
            continue;
        }
        const std::int64_t index = floorDivide(histogram.firstBin() + static_cast<std::int64_t>(i), group);
        if (bars.empty() || index != current) {
            const double width = histogram.binWidth() * static_cast<double>(group);
            bars.push_back({static_cast<double>(index) * width, static_cast<double>(index + 1) * width, 0});
            current = index;
        }
        bars.back().count += static_cast<double>(histogram.counts()[i]);
    }
    std::erase_if(bars, [&](const HistogramBar& bar) {
        return bar.upper <= visible.lower || bar.lower >= visible.upper;
    });
    return bars;
}

double highestCount(const core::Histogram& histogram, const std::vector<LevelCount>& levels,
                    const core::Range& visible, double widthPx) {
    double highest = 1;
    for (const HistogramBar& bar : joinBins(histogram, visible, widthPx)) {
        highest = std::max(highest, bar.count);
    }
    if (visible.contains(0)) {
        highest = std::max(highest, static_cast<double>(histogram.zeros()));
    }
    for (const LevelCount& level : levels) {
        if (visible.contains(level.value)) {
            highest = std::max(highest, level.count);
        }
    }
    return highest;
}

}  // namespace bitlathe::plots
