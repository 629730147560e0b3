#pragma once

// Learned quantizers: what its case files share, and the kinds of case they hold.

#include "core/analysis/describe.h"
#include "core/quantizers/binary.h"
#include "core/quantizers/clipped_activation.h"
#include "core/quantizers/dorefa.h"
#include "core/quantizers/learned_basis.h"
#include "core/quantizers/learned_clip.h"
#include "core/quantizers/learned_step.h"
#include "core/quantizers/learned_thresholds.h"
#include "core/quantizers/weight_normalisation.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>

namespace bitlathe::conform::learned_cases {

using namespace bitlathe::core;

inline Tolerance toleranceOf(const Case& item) {
    const Json& json = item.json()["tolerance"];
    return {json.value("abs", 1e-5), json.value("rel", 1e-5)};
}

inline bool isWeight(const Case& item) {
    return item.text("target") == "weight";
}

/// Slices of the case's groups, contiguous runs: of channels for activations, of kernels (output times input
/// channel) for weights, so that a group may be a part of a filter.
inline std::vector<Slice> groupsOf(const Case& item, const std::vector<std::int64_t>& shape,
                                   std::size_t defaultGroups = 1) {
    const auto groups = static_cast<std::int64_t>(item.number("groups", static_cast<double>(defaultGroups)));
    if (groups == 1) {
        return slices(shape, std::nullopt);
    }
    const int axis = isWeight(item) ? 0 : 1;
    std::vector<std::int64_t> runs = shape;
    if (isWeight(item) && shape.size() > 2) {
        runs = {shape[0] * shape[1],
                std::accumulate(shape.begin() + 2, shape.end(), std::int64_t{1}, std::multiplies<>())};
    }
    const std::int64_t channels = runs.at(static_cast<std::size_t>(axis));
    if (groups < 1 || channels % groups != 0) {
        throw std::runtime_error(std::to_string(groups) + " groups do not divide " +
                                 std::to_string(channels) + " channels");
    }
    return slices(runs, axis, channels / groups);
}

struct Data {
    std::vector<std::int64_t> shape;
    std::vector<float> x, gradient;
};

inline Data dataOf(const Case& item) {
    const Tensor x = item.input("x");
    Data data{x.shape, x.floats(),
              item.hasInput("grad_output") ? item.floats("grad_output") : std::vector<float>(x.size(), 0.0F)};
    if (data.gradient.size() != data.x.size()) {
        throw std::runtime_error("grad_output has " + std::to_string(data.gradient.size()) +
                                 " values, x has " + std::to_string(data.x.size()));
    }
    return data;
}

inline const Json* paperOf(const Case& item) {
    return item.json().contains("expected_paper") ? &item.json()["expected_paper"] : nullptr;
}

inline void comparePaper(Case& item, const std::string& key, const std::vector<double>& got,
                         const Tolerance& tolerance) {
    const Json* paper = paperOf(item);
    if (paper != nullptr && paper->contains(key)) {
        item.compare("paper " + key, (*paper)[key], got, tolerance);
    }
}

inline std::vector<double> doubles(const std::vector<float>& values) {
    return {values.begin(), values.end()};
}

/// What a quantizer of one tensor came to: values, and the gradients of inputs and learned parameters.
struct Forward {
    Forward() = default;
    explicit Forward(std::size_t size) : y(size), dx(size) {}

    std::vector<float> y, dx;
    std::vector<double> gradientClip, gradientGamma;  ///< one per group
};

/// What stands around a weight quantizer in one group: standardised values before ("var-mean"), a learned
/// multiplier after, and the standardisation undone where the case restores it.
struct Outer {
    Slice slice;
    WeightMoments moments;
    bool isNormalised = false;
    bool isRestored = false;
    float gamma = 1;

    float divisor() const { return isNormalised ? static_cast<float>(standardiseDivisor(moments)) : 1.0F; }
    float restored() const { return isNormalised && isRestored ? divisor() : 1.0F; }

    /// Values as the quantizer sees them, and the gradient that reaches its output.
    void enter(std::vector<float>& values, std::vector<float>& upstream) const {
        if (isNormalised) {
            std::vector<float> part = gather(values, slice);
            standardise(part, part, moments);
            scatter(values, slice, part);
        }
        for (const std::size_t i : slice) {
            upstream[i] *= gamma * restored();
        }
    }
    double gradientGamma(const std::vector<float>& gradient, const std::vector<float>& quantized) const {
        double sum = 0;
        for (const std::size_t i : slice) {
            sum += static_cast<double>(gradient[i]) * quantized[i];
        }
        return sum * restored();
    }
    void leave(std::vector<float>& quantized, std::vector<float>& dx) const {
        std::vector<float> part = gather(quantized, slice);
        for (float& value : part) {
            value *= gamma;
        }
        if (isNormalised && isRestored) {
            destandardise(part, part, moments);
        }
        scatter(quantized, slice, part);
        for (const std::size_t i : slice) {
            dx[i] /= divisor();
        }
    }
};

inline std::vector<Outer> outerOf(const Case& item, const Data& data, std::size_t defaultGroups = 1) {
    const std::vector<float> gammas = item.hasInput("gamma") ? item.floats("gamma") : std::vector<float>();
    const std::vector<Slice> groups =
        groupsOf(item, data.shape, gammas.empty() ? defaultGroups : gammas.size());
    std::vector<Outer> result;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        result.push_back({groups[g], weightMoments(gather(data.x, groups[g])),
                          item.text("adaptive") == "var-mean", item.flag("restore"),
                          gammas.empty() ? 1.0F : gammas.at(g)});
    }
    return result;
}

void runClippedActivation(Case& item);
void runProximal(Case& item);
void runDorefaWeights(Case& item);
void runPaperStep(Case& item);
void runLearnedClip(Case& item);
void runWarmUp(Case& item);
void runProgressive(Case& item);
void runStepAndOffset(Case& item);
void runThresholds(Case& item);
void runTrainedTernary(Case& item);
void runBinaryActivation(Case& item);
void runBinaryWeights(Case& item);
void runLearnedBasis(Case& item);
void runBasisStart(Case& item);
void runConvolution(Case& item);

}  // namespace bitlathe::conform::learned_cases
