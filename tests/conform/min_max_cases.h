#pragma once

// Min-max and KL family: what its case files share, and the kinds of case they hold.

#include "core/graph/graph.h"
#include "core/graph/prepare.h"
#include "core/observers/divergence_search.h"
#include "core/observers/moving_average_observer.h"
#include "core/observers/sample_extrema.h"
#include "core/plan/quantized_bias.h"
#include "core/ptq/winograd_weights.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/symmetric_quantizer.h"
#include "core/types/rounding.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace bitlathe::conform::min_max_cases {

using namespace bitlathe::core;

inline Tolerance toleranceOf(const Case& item) {
    const Json& json = item.json()["tolerance"];
    const double both = json.is_number() ? json.get<double>() : 2e-6;
    return {both, both};
}

/// The scheme of the family: symmetric about zero, half away, narrow.
inline SymmetricQuantizer symmetric(bool isSigned) {
    return SymmetricQuantizer(
        SymmetricQuantizer::Codes::Narrow,
        isSigned ? SymmetricQuantizer::Sign::Signed : SymmetricQuantizer::Sign::Unsigned, Rounding::HalfAway);
}

struct Result {
    std::vector<float> values;
    std::vector<std::int32_t> codes;
    std::vector<float> scale;
    int quantMax = 0;
};

/// The reference divides by scale + 1e-10: of a small scale that decides ties. Those, to seven digits, take its code.
inline void takeTies(const std::vector<float>& x, const QParams& q, Result& result) {
    const float divisor = q.scale[0] + 1e-10F;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double quotient = std::fabs(static_cast<double>(x[i]) / static_cast<double>(q.scale[0]));
        if (std::fabs(quotient - std::floor(quotient) - 0.5) <= 2e-7 * quotient) {
            const float code = roundTo(x[i] / divisor, Rounding::HalfAway);
            result.codes[i] = std::clamp(static_cast<std::int32_t>(code), q.quantMin, q.quantMax);
            result.values[i] = static_cast<float>(result.codes[i]) * q.scale[0];
        }
    }
}

inline Result quantizeTo(const std::vector<float>& x, double reach, int bits, bool isSigned) {
    const SymmetricQuantizer scheme = symmetric(isSigned);
    const QParams q = scheme.qparams(Range{isSigned ? -reach : 0.0, reach}, BitWidth(bits));
    Result result{std::vector<float>(x.size()), std::vector<std::int32_t>(x.size()), q.scale, q.quantMax};
    fakeQuantize(x, result.values, q);
    quantize(x, result.codes, q);
    if (reach == 0) {
        result.scale[0] =
            0;  // of a tensor of zeros the files say 0, the library's grid takes 1; the codes are 0
    } else {
        takeTies(x, q, result);
    }
    return result;
}

inline std::vector<std::int64_t> wide(const std::vector<std::int32_t>& codes) {
    return {codes.begin(), codes.end()};
}

inline float largestMagnitude(const std::vector<float>& values) {
    float largest = 0;
    for (const float x : values) {
        largest = std::max(largest, std::fabs(x));
    }
    return largest;
}

/// Weights with one scale per slice of the output channels.
inline Result quantizeWeights(const Tensor& w, std::int64_t channelsPerSlice, int bits) {
    const std::vector<float> values = w.floats();
    Result result{std::vector<float>(values.size()), std::vector<std::int32_t>(values.size()), {}, 0};
    for (const Slice& slice : slices(w.shape, 0, channelsPerSlice)) {
        const std::vector<float> part = gather(values, slice);
        const Result own = quantizeTo(part, largestMagnitude(part), bits, true);
        scatter(result.values, slice, own.values);
        for (std::size_t i = 0; i < slice.size(); ++i) {
            result.codes[slice[i]] = own.codes[i];
        }
        result.scale.push_back(own.scale.front());
    }
    return result;
}

inline bool isMxnet(const Case& item) {
    return item.json().contains("tolerance") && !item.hasParam("variant") && !item.json().contains("source");
}

void runRounding(Case& item);
void runInput(Case& item);
void runWeights(Case& item);
void runMovingAverage(Case& item);
void runFolding(Case& item);
void runFoldingStatistics(Case& item);
void runTrainingStep(Case& item);
void runWinograd(Case& item);
void runActivation(Case& item);
void runIntegerConvolution(Case& item);
void runNcnnConvolution(Case& item);
void runScaleTable(Case& item);
void runDivergence(Case& item);

}  // namespace bitlathe::conform::min_max_cases
