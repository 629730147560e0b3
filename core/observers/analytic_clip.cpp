#include "core/observers/analytic_clip.h"

#include "core/observers/golden_section.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

namespace bitlathe::core {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double density(double x) {
    return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
}

double upperTail(double x) {
    return 0.5 * std::erfc(x / std::numbers::sqrt2);
}

/// Integrals of p(x), x p(x) and x² p(x) from x to infinity, x >= 0.
struct Tail {
    double mass, first, second;
};

Tail tail(ClipPrior prior, double x) {
    if (x == kInfinity) {
        return {0, 0, 0};
    }
    if (prior == ClipPrior::Laplace) {
        const double e = 0.5 * std::exp(-x);
        return {e, e * (x + 1), e * (x * x + 2 * x + 2)};
    }
    const double p = density(x);
    const double q = upperTail(x);
    return {q, p, x * p + q};
}

/// Integral of (x - level)² p(x) over [from, to], 0 <= from <= to.
double cellError(ClipPrior prior, double from, double to, double level) {
    const Tail a = tail(prior, from);
    const Tail b = tail(prior, to);
    return (a.second - b.second) - 2 * level * (a.first - b.first) + level * level * (a.mass - b.mass);
}

/// Error over x >= 0 of levels offset + k s, k = 0..count-1, nearest level wins.
double halfLineError(ClipPrior prior, double offset, double step, int count) {
    double error = 0;
    for (int k = 0; k < count; ++k) {
        const double level = offset + k * step;
        const double from = k == 0 ? 0.0 : level - 0.5 * step;
        const double to = k == count - 1 ? kInfinity : level + 0.5 * step;
        error += cellError(prior, from, to, level);
    }
    return error;
}

constexpr double kLaplaceTable[] = {1.05, 1.86, 2.83, 3.89, 5.03, 6.2, 7.41, 8.64, 9.89};
constexpr double kLaplaceOneSidedTable[] = {1.86, 2.83, 3.89, 5.02, 6.2, 7.41, 8.64, 9.89, 11.16};
constexpr double kGaussTable[] = {1.24, 1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92};  // from 1 bit
constexpr double kGaussOneSidedTable[] = {1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92, 4.2};

/// Entry of the published tables, or nothing where they have none.
std::optional<double> published(ClipPrior prior, double levels, bool isOneSided) {
    const double bits = std::log2(levels);
    const bool isLaplace = prior == ClipPrior::Laplace;
    if (bits != std::floor(bits) || bits > 8 || bits < (isLaplace ? 0 : 1)) {
        return std::nullopt;
    }
    const auto index = static_cast<std::size_t>(bits);
    if (isLaplace) {
        return isOneSided ? kLaplaceOneSidedTable[index] : kLaplaceTable[index];
    }
    return isOneSided ? kGaussOneSidedTable[index - 1] : kGaussTable[index - 1];
}

double gaussClip(double levels) {
    // Stationarity: 2 (phi(t) - t Q(t)) falls and t / (3 levels²) rises, so bisection finds the only
    // crossing.
    const double slope = 1.0 / (3 * levels * levels);
    double low = 0;
    double high = 40;
    for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
        const double t = 0.5 * (low + high);
        (2 * (density(t) - t * upperTail(t)) > t * slope ? low : high) = t;
    }
    return 0.5 * (low + high);
}

}  // namespace

double lambertW(double x) {
    if (!(x > 0)) {
        return 0;
    }
    double y = x < 1 ? x / (1 + x) : std::log(x) - (x > 3 ? std::log(std::log(x)) : 0.0);
    for (int i = 0; i < 60; ++i) {
        const double e = std::exp(y);
        const double step = (y * e - x) / (e * (1 + y));
        y -= step;
        if (std::fabs(step) <= 1e-15 * std::fabs(y)) {
            break;
        }
    }
    return y;
}

double analyticClipError(ClipPrior prior, double clip, double levels) {
    const double noise = clip * clip / (3 * levels * levels);
    if (prior == ClipPrior::Laplace) {
        return 2 * std::exp(-clip) + noise;
    }
    return (1 + clip * clip) * std::erfc(clip / std::numbers::sqrt2) -
           std::sqrt(2 / std::numbers::pi) * clip * std::exp(-0.5 * clip * clip) + noise;
}

double analyticClipErrorOneSided(ClipPrior prior, double clip, double levels) {
    return 0.5 * analyticClipError(prior, clip, 2 * levels);
}

double optimalClip(ClipPrior prior, double levels, bool isOneSided, ClipModel model) {
    if (!(levels > 0)) {
        return 0;
    }
    const double effective = isOneSided ? 2 * levels : levels;
    const double analytic =
        prior == ClipPrior::Laplace ? lambertW(3 * effective * effective) : gaussClip(effective);
    if (model == ClipModel::Published) {
        return published(prior, levels, isOneSided).value_or(analytic);
    }
    const int whole = static_cast<int>(levels);
    if (model == ClipModel::Analytic || whole < 2) {
        return analytic;
    }
    // The grid has its optimum near the analytic one (at 2 levels, half of it); one minimum lies in between.
    constexpr int kSteps = 60;  // more than the tolerance needs
    const GoldenSection found =
        goldenSection([&](double clip) { return realGridError(prior, clip, whole, isOneSided); },
                      0.25 * analytic, 2 * analytic, kSteps, 1e-9);
    return 0.5 * (found.low + found.high);
}

double interpolatedLaplaceClip(double bins) {
    constexpr int kPointsPerDecade = 20;
    double previousBins = 0;
    double previousClip = 0;
    for (double decade = 0.01; decade < 999; decade *= 10) {
        for (int i = 0; i < kPointsPerDecade; ++i) {
            const double at = decade * (1.0 + 9.0 * i / kPointsPerDecade);
            const double clip = lambertW(3 * at * at);
            if (bins <= at) {
                return previousClip + (clip - previousClip) * (bins - previousBins) / (at - previousBins);
            }
            previousBins = at;
            previousClip = clip;
        }
    }
    return previousClip;
}

double realGridError(ClipPrior prior, double clip, int levels, bool isOneSided) {
    if (isOneSided) {
        return halfLineError(prior, 0.0, clip / (levels - 1), levels);
    }
    // Levels -levels/2 .. levels/2 - 1 steps; both sides are half lines that start at the level zero.
    const double step = 2 * clip / (levels - 1);
    const int below = levels / 2;
    return halfLineError(prior, 0.0, step, levels - below) + halfLineError(prior, 0.0, step, below + 1);
}

double midriseGridError(ClipPrior prior, double clip, int levels) {
    const double step = 2 * clip / (levels - 1);
    return 2 * halfLineError(prior, 0.5 * step, step, levels / 2);
}

}  // namespace bitlathe::core
