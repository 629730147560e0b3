#include "core/analysis/level_profile.h"

#include <algorithm>

namespace bitlathe::core {

namespace {

/// Values below thresholds[k] (and not below the one before) become level k.
std::vector<double> thresholdsOf(const QParams& qparams) {
    if (!qparams.isUniform()) {
        const std::vector<float>& table = qparams.tables.front().thresholds;
        return {table.begin(), table.end()};
    }
    const double toNext = qparams.rounding == Rounding::Floor ? 1.0 : 0.5;
    std::vector<double> thresholds;
    for (std::int32_t code = qparams.quantMin; code < qparams.quantMax; ++code) {
        thresholds.push_back((static_cast<double>(code) + toNext - qparams.zeroPoint[0]) *
                             static_cast<double>(qparams.scale[0]));
    }
    return thresholds;
}

std::size_t levelOfZero(const QParams& qparams) {
    if (!qparams.isUniform()) {
        const std::vector<float>& table = qparams.tables.front().thresholds;
        return static_cast<std::size_t>(std::lower_bound(table.begin(), table.end(), 0.0F) - table.begin());
    }
    const std::int32_t code = std::clamp(qparams.zeroPoint[0], qparams.quantMin, qparams.quantMax);
    return static_cast<std::size_t>(code - qparams.quantMin);
}

/// Integral of (x - level)² from a to b.
double squaredDistance(double a, double b, double level) {
    const double left = a - level;
    const double right = b - level;
    return (right * right * right - left * left * left) / 3.0;
}

}  // namespace

std::vector<double> levelValues(const QParams& qparams, std::size_t channel) {
    std::vector<double> values;
    for (std::int32_t code = qparams.quantMin; code <= qparams.quantMax; ++code) {
        values.push_back(qparams.value(code, channel));
    }
    return values;
}

LevelProfile levelProfile(const Histogram& histogram, const QParams& qparams) {
    LevelProfile profile;
    for (const double level : levelValues(qparams)) {
        profile.levels.push_back({level, 0});
    }
    if (profile.levels.empty() || histogram.empty()) {
        return profile;
    }
    const std::vector<double> thresholds = thresholdsOf(qparams);
    const double lowest = profile.levels.front().level;
    const double highest = profile.levels.back().level;
    // `density` values a unit between a and b, all of which become level `index`.
    const auto take = [&](double a, double b, double density, std::size_t index) {
        LevelShare& share = profile.levels[index];
        share.count += density * (b - a);
        const double error = density * squaredDistance(a, b, share.level);
        const double below = std::clamp(lowest, a, b);
        const double above = std::clamp(highest, a, b);
        double clipped = 0;
        if (index == 0) {
            clipped += density * squaredDistance(a, below, lowest);
        }
        if (index + 1 == profile.levels.size()) {
            clipped += density * squaredDistance(above, b, highest);
        }
        profile.clippingError += clipped;
        profile.roundingError += error - clipped;
    };
    std::size_t index = 0;
    for (std::size_t bin = 0; bin < histogram.counts().size(); ++bin) {
        if (histogram.counts()[bin] == 0) {
            continue;
        }
        double from = histogram.lowerEdge(bin);
        const double to = from + histogram.binWidth();
        const double density = static_cast<double>(histogram.counts()[bin]) / histogram.binWidth();
        while (index < thresholds.size() && thresholds[index] <= from) {
            ++index;
        }
        while (index < thresholds.size() && thresholds[index] < to) {
            take(from, thresholds[index], density, index);
            from = thresholds[index++];
        }
        take(from, to, density, index);
    }
    const auto zeros = static_cast<double>(histogram.zeros());
    const std::size_t ofZero = levelOfZero(qparams);
    profile.levels[ofZero].count += zeros;
    const double zeroError = zeros * profile.levels[ofZero].level * profile.levels[ofZero].level;
    (0 < lowest || 0 > highest ? profile.clippingError : profile.roundingError) += zeroError;
    const auto total = static_cast<double>(histogram.total());
    profile.roundingError = std::max(0.0, profile.roundingError) / total;
    profile.clippingError /= total;
    return profile;
}

}  // namespace bitlathe::core
