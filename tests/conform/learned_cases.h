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
#include <map>
#include <numeric>

namespace bitlathe::conform::learned_cases {

using namespace bitlathe::core;

inline Tolerance toleranceOf(const Case& item) {
    const Json& json = item.json()["tolerance"];
    return {json.value("abs", 1e-5), json.value("rel", 1e-5)};
}

inline bool isWeight(const Case& item) {
    return item.text("target") == "weight";
}

/// Slices of the case's groups: output channels of weights, channels of activations, in contiguous runs.
inline std::vector<Slice> groupsOf(const Case& item, const std::vector<std::int64_t>& shape,
                                   std::size_t defaultGroups = 1) {
    const auto groups = static_cast<std::int64_t>(item.number("groups", static_cast<double>(defaultGroups)));
    const int axis = isWeight(item) ? 0 : 1;
    if (groups == 1) {
        return slices(shape, std::nullopt);
    }
    return slices(shape, axis, shape.at(static_cast<std::size_t>(axis)) / groups);
}

struct Data {
    std::vector<std::int64_t> shape;
    std::vector<float> x, gradient;
};

inline Data dataOf(const Case& item) {
    const Tensor x = item.input("x");
    return {x.shape, x.floats(),
            item.hasInput("grad_output") ? item.floats("grad_output") : std::vector<float>(x.size(), 0.0F)};
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
