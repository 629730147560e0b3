#include "core/ptq/equalization_noise.h"

#include "core/ptq/input_channels.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

namespace bitlathe::core {

namespace {

/// Power of the error of a uniform grid of 2^bits levels over a range of width 1, for errors uniform in a step.
double roundingPower(const SiteQuant& site) {
    if (site.isFloat()) {
        return 0;
    }
    const double step = 1 / (std::exp2(site.bits->bits()) - 1);
    return step * step / 12;
}

bool hasCommonStep(const SiteQuant& site) {
    return !site.isFloat() && site.granularity.kind == Granularity::Kind::Tensor;
}

struct Widths {
    double lower = 0;
    double upper = 0;
    double width() const noexcept { return upper - lower; }
    void include(double value) {
        lower = std::min(lower, value);
        upper = std::max(upper, value);
    }
    /// How far `part` fills this range, at the end where it fills more.
    double share(const Widths& part) const {
        const double above = upper > 0 ? part.upper / upper : 0;
        const double below = lower < 0 ? part.lower / lower : 0;
        return std::max(above, below);
    }
};

/// Largest magnitudes of the second layer's weights, as ranges that its quantizer divides into steps.
struct SecondWeights {
    std::vector<double> share;  ///< by channel between
    std::vector<double>
        power;  ///< sum over outputs and places of the squared width of the range its weights lie in
};

SecondWeights measureSecond(std::span<const float> weights, const InputChannels& inputs, std::size_t outputs,
                            std::size_t channels, bool isPerTensor) {
    const std::size_t perOutput = weights.size() / outputs;
    std::vector<double> reach(outputs, 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        reach[i / perOutput] = std::max(reach[i / perOutput], std::fabs(static_cast<double>(weights[i])));
    }
    if (isPerTensor) {
        std::fill(reach.begin(), reach.end(), *std::max_element(reach.begin(), reach.end()));
    }
    SecondWeights result{std::vector<double>(channels, 0.0), std::vector<double>(channels, 0.0)};
    if (!isPerTensor && inputs.isDepthwise()) {
        return result;  // a step of its own for every channel: scaling changes nothing
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double whole = reach[i / perOutput];
        const std::size_t c = inputs.of(i);
        result.power[c] += 4 * whole * whole;
        if (whole > 0) {
            result.share[c] = std::max(result.share[c], std::fabs(static_cast<double>(weights[i])) / whole);
        }
    }
    return result;
}

}  // namespace

EqualizationNoise::Values& EqualizationNoise::valuesOf(const SiteId& site) {
    const auto known = m_values.find(site);
    if (known != m_values.end()) {
        return known->second;
    }
    const SiteStatistics* const statistics = m_state.statistics.find(site);
    if (statistics == nullptr || statistics->channels.empty()) {
        throw Error(ErrorCode::NotCalibrated, "'cross_layer_equalization' weighs errors by the values of '" +
                                                  site.layer.str() +
                                                  "', of which there are no statistics of each channel; add "
                                                  "a 'calibrate' stage or set balance to 'weights'");
    }
    Values values;
    values.range = statistics->channelRanges;
    const double perChannel =
        static_cast<double>(statistics->count) / static_cast<double>(values.range.size());
    for (std::size_t c = 0; c < values.range.size(); ++c) {
        values.meanSquare.push_back(statistics->channels[c].sumOfSquares / perChannel);
    }
    return m_values.emplace(site, std::move(values)).first->second;
}

SiteId EqualizationNoise::inputSite(const Layer& layer) const {
    return m_state.model.siteOfTensor(layer.inputNodes.front())
        .value_or(SiteId{kInputLayer, SiteKind::Output});
}

std::vector<EqualizedChannel> EqualizationNoise::channels(const Layer& first, const Layer& second) {
    const FloatTensor w1 = layerWeights(m_state.model, first);
    const FloatTensor w2 = layerWeights(m_state.model, second);
    const auto count = static_cast<std::size_t>(first.weightShape[0]);
    const std::size_t perChannel = static_cast<std::size_t>(w1.size()) / count;
    const InputChannels inputs(m_state.model.graph, second, count);
    const Values& before = valuesOf(inputSite(first));
    const InputChannels firstInputs(m_state.model.graph, first, before.range.size());
    const Values& between = valuesOf({first.id, SiteKind::Output});
    const Values& read = valuesOf(inputSite(second));
    const SiteQuant firstQuant = m_state.config.site({first.id, SiteKind::Weight});
    const SiteQuant valueQuant = m_state.config.site({first.id, SiteKind::Output});
    const SiteQuant secondQuant = m_state.config.site({second.id, SiteKind::Weight});

    std::vector<double> reach(count, 0.0);   // of the first layer's weights
    std::vector<double> energy(count, 0.0);  // sum over them of the mean square of what they multiply
    for (std::size_t i = 0; i < w1.values().size(); ++i) {
        const std::size_t c = i / perChannel;
        reach[c] = std::max(reach[c], std::fabs(static_cast<double>(w1.values()[i])));
        energy[c] += before.meanSquare[firstInputs.of(i)];
    }
    std::vector<double> gain(count, 0.0);  // sum of the second layer's squared weights
    for (std::size_t i = 0; i < w2.values().size(); ++i) {
        gain[inputs.of(i)] += static_cast<double>(w2.values()[i]) * static_cast<double>(w2.values()[i]);
    }
    const SecondWeights behind =
        measureSecond(w2.values(), inputs, static_cast<std::size_t>(second.weightShape[0]), count,
                      hasCommonStep(secondQuant));
    Widths whole;
    for (const Range& range : between.range) {
        whole.include(range.lower);
        whole.include(range.upper);
    }
    const double largest = *std::max_element(reach.begin(), reach.end());
    std::vector<EqualizedChannel> result(count);
    for (std::size_t c = 0; c < count; ++c) {
        EqualizedChannel& channel = result[c];
        if (hasCommonStep(firstQuant) && largest > 0) {
            channel.firstShare = reach[c] / largest;
            channel.firstNoise = roundingPower(firstQuant) * 4 * largest * largest * energy[c] * gain[c];
        }
        if (hasCommonStep(valueQuant)) {
            Widths own;
            own.include(between.range[c].lower);
            own.include(between.range[c].upper);
            channel.valueShare = whole.share(own);
            channel.valueNoise = roundingPower(valueQuant) * whole.width() * whole.width() * gain[c];
        }
        channel.secondShare = secondQuant.isFloat() ? 0 : behind.share[c];
        channel.secondNoise = roundingPower(secondQuant) * behind.power[c] * read.meanSquare[c];
    }
    return result;
}

void EqualizationNoise::scale(const Layer& first, const Layer& second, std::span<const double> s) {
    // A pool between the two makes a site of its own.
    for (const SiteId& site : std::set<SiteId>{{first.id, SiteKind::Output}, inputSite(second)}) {
        Values& values = valuesOf(site);
        for (std::size_t c = 0; c < s.size(); ++c) {
            values.range[c].lower /= s[c];
            values.range[c].upper /= s[c];
            values.meanSquare[c] /= s[c] * s[c];
        }
    }
}

}  // namespace bitlathe::core
