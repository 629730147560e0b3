#include "core/observers/sample_extrema.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

template <typename Measure>
double meanOverSamples(std::span<const float> values, std::size_t samples, const Measure& measure) noexcept {
    if (samples == 0 || values.empty()) {
        return 0;
    }
    const std::size_t length = values.size() / samples;
    double sum = 0;
    for (std::size_t s = 0; s < samples; ++s) {
        double largest = measure(values[s * length]);
        for (const float x : values.subspan(s * length, length)) {
            largest = std::max(largest, measure(x));
        }
        sum += largest;
    }
    return sum / static_cast<double>(samples);
}

}  // namespace

double meanSampleMagnitude(std::span<const float> values, std::size_t samples) noexcept {
    return meanOverSamples(values, samples, [](float x) { return std::fabs(static_cast<double>(x)); });
}

double meanSampleMaximum(std::span<const float> values, std::size_t samples) noexcept {
    return meanOverSamples(values, samples, [](float x) { return static_cast<double>(x); });
}

}  // namespace bitlathe::core
