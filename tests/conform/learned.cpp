// Cases of the learned quantizers (QTool and the papers it follows): forward values, gradients of inputs and
// learned parameters, start values and update steps. Where a case records the paper beside the tool
// ("expected_paper"), both are compared: the tool's form is a named variant of the library, the paper's its
// default.

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

namespace bitlathe::conform {

namespace {

using namespace bitlathe::core;

Tolerance toleranceOf(const Case& item) {
    const Json& json = item.json()["tolerance"];
    return {json.value("abs", 1e-5), json.value("rel", 1e-5)};
}

bool isWeight(const Case& item) {
    return item.text("target") == "weight";
}

/// Slices of the case's groups: output channels of weights, channels of activations, in contiguous runs.
std::vector<Slice> groupsOf(const Case& item, const std::vector<std::int64_t>& shape,
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

Data dataOf(const Case& item) {
    const Tensor x = item.input("x");
    return {x.shape, x.floats(),
            item.hasInput("grad_output") ? item.floats("grad_output") : std::vector<float>(x.size(), 0.0F)};
}

int levelsOf(const Case& item) {
    if (item.hasParam("levels")) {
        return item.integer("levels");
    }
    return 1 << item.integer("bits");
}

const Json* paperOf(const Case& item) {
    return item.json().contains("expected_paper") ? &item.json()["expected_paper"] : nullptr;
}

void comparePaper(Case& item, const std::string& key, const std::vector<double>& got,
                  const Tolerance& tolerance) {
    const Json* paper = paperOf(item);
    if (paper != nullptr && paper->contains(key)) {
        item.compare("paper " + key, (*paper)[key], got, tolerance);
    }
}

std::vector<double> doubles(const std::vector<float>& values) {
    return {values.begin(), values.end()};
}

// Clipped activations
// ------------------------------------------------------------------------------------------------

void runClippedActivation(Case& item) {
    const Data data = dataOf(item);
    const bool isPact = item.text("method") == "pact";
    ClippedActivation grid;
    grid.alpha = isPact ? item.floats("clip_val").front() : static_cast<float>(item.number("clip", 1.0));
    grid.steps = levelsOf(item) - 1;
    grid.mask = isPact ? ClippedActivation::Mask::HalfOpen : ClippedActivation::Mask::Closed;
    std::vector<float> y(data.x.size());
    std::vector<float> gradient(data.x.size());
    clippedActivation(data.x, y, grid);
    const double gradientAlpha = clippedActivationBackward(data.x, data.gradient, gradient, grid);
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", gradient, toleranceOf(item));
    item.check("grad_clip_val", gradientAlpha, toleranceOf(item));
}

void runProximal(Case& item) {
    // A mixture of the value and its quantized form; the quantizer is the DoReFa activation of the case's
    // bits.
    const Data data = dataOf(item);
    const double prox = item.number("prox");
    ClippedActivation grid;
    grid.steps = levelsOf(item) - 1;
    grid.mask = ClippedActivation::Mask::Closed;
    std::vector<float> quantized(data.x.size());
    std::vector<float> gradient(data.x.size());
    clippedActivation(data.x, quantized, grid);
    clippedActivationBackward(data.x, data.gradient, gradient, grid);
    std::vector<double> y;
    std::vector<double> dx;
    for (std::size_t i = 0; i < data.x.size(); ++i) {
        y.push_back(prox * data.x[i] + (1 - prox) * quantized[i]);
        dx.push_back(prox * data.gradient[i] + (1 - prox) * gradient[i]);
    }
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", dx, toleranceOf(item));
}

// DoReFa weights
// -----------------------------------------------------------------------------------------------------

void runDorefaWeights(Case& item) {
    const Data data = dataOf(item);
    std::vector<float> y(data.x.size());
    std::vector<float> gradient(data.x.size());
    const auto scale = static_cast<float>(meanMagnitude(data.x));
    std::vector<float> binary(data.x.size());
    binarise(data.x, binary, scale);
    std::vector<float> binaryGradient(data.x.size());
    binariseBackward(data.x, data.gradient, binaryGradient, SignGradient::Pass);
    if (item.text("variant") == "wt_bin") {
        item.check("y", binary, toleranceOf(item));
        item.check("grad_x", binaryGradient, toleranceOf(item));
        return;
    }
    std::vector<float> normalised = data.x;
    std::vector<double> divisors(data.x.size(), 1.0);
    if (item.text("adaptive") == "var-mean") {
        for (const Slice& group : groupsOf(item, data.shape)) {
            std::vector<float> part = gather(data.x, group);
            const WeightMoments moments = weightMoments(part);
            standardise(part, part, moments);
            scatter(normalised, group, part);
            for (const std::size_t i : group) {
                divisors[i] = standardiseDivisor(moments);
            }
        }
    }
    dorefaWeights(normalised, y, levelsOf(item));
    dorefaWeightsBackward(normalised, data.gradient, gradient);
    std::vector<double> dx;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        dx.push_back(gradient[i] / divisors[i]);
    }
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", dx, toleranceOf(item));
    comparePaper(item, "y", doubles(binary), toleranceOf(item));
    comparePaper(item, "grad_x", doubles(binaryGradient), toleranceOf(item));
}

// Learned clip and learned step
// --------------------------------------------------------------------------------------

ClipGradientFactor factorOf(const std::string& name) {
    if (name == "fan-scale") {
        return ClipGradientFactor::FanScale;
    }
    if (name == "scale-fan") {
        return ClipGradientFactor::ScaleFan;
    }
    if (name == "element-scale") {
        return ClipGradientFactor::ElementScale;
    }
    return name == "scale-element" ? ClipGradientFactor::ScaleElement : ClipGradientFactor::None;
}

/// The paper's LSQ on the same data: the step is the case's for activations, LSQ's own start for weights.
void runPaperStep(Case& item, const Data& data) {
    const Json* paper = paperOf(item);
    if (paper == nullptr || !paper->contains("step")) {
        return;
    }
    const Tolerance tolerance = toleranceOf(item);
    const int bits = item.integer("bits");
    LearnedStep grid;
    grid.quantMin = isWeight(item) ? -(1 << (bits - 1)) : 0;
    grid.quantMax = isWeight(item) ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
    const float start = lsqInitialStep(meanMagnitude(data.x), grid.quantMax);
    grid.step = isWeight(item)
                    ? start
                    : std::fabs(item.floats("clip_val").front()) / static_cast<float>(grid.quantMax);
    std::uint64_t count = data.x.size();
    if (!isWeight(item)) {
        count /= static_cast<std::uint64_t>(data.shape[0]);
    }
    const double scale = lsqGradientScale(count, grid.quantMax);
    std::vector<float> y(data.x.size());
    std::vector<float> gradient(data.x.size());
    learnedStep(data.x, y, grid);
    const LearnedStepGradient scaled = learnedStepBackward(data.x, data.gradient, gradient, grid, scale);
    comparePaper(item, "step", {grid.step}, tolerance);
    comparePaper(item, "step_init", {start}, tolerance);
    comparePaper(item, "y", doubles(y), tolerance);
    comparePaper(item, "grad_x", doubles(gradient), tolerance);
    comparePaper(item, "grad_step_unscaled", {scaled.step / scale},
                 {1e-3, 1e-4});  // a sum of a hundred float32 fractions times 127
    comparePaper(item, "grad_step", {scaled.step}, {1e-4, 1e-4});
    comparePaper(item, "grad_scale_g", {scale}, tolerance);
    comparePaper(item, "Qn", {static_cast<double>(-grid.quantMin)}, {});
    comparePaper(item, "Qp", {static_cast<double>(grid.quantMax)}, {});
}

void runLearnedClip(Case& item) {
    const Data data = dataOf(item);
    const Tolerance tolerance = toleranceOf(item);
    const std::vector<float> clips = item.floats("clip_val");
    const std::vector<float> gammas = item.hasInput("gamma") ? item.floats("gamma") : std::vector<float>();
    const std::vector<Slice> groups = groupsOf(item, data.shape, clips.size());
    const bool isNormalised = item.text("adaptive") == "var-mean";
    const bool isRestored = item.flag("restore");
    std::vector<float> y(data.x.size());
    std::vector<float> dx(data.x.size());
    std::vector<double> gradientClip;
    std::vector<double> gradientGamma;
    double factor = 1;
    if (item.hasParam("grad_scale")) {
        const double perClip = static_cast<double>(data.x.size() / groups.size());
        factor = clipGradientFactor(factorOf(item.text("grad_scale")), item.number("fan", 1),
                                    item.number("nElements", perClip), item.number("scale", 1));
    }
    for (std::size_t g = 0; g < groups.size(); ++g) {
        LearnedClip grid;
        grid.clip = clips[g];
        grid.levels = levelsOf(item);
        grid.isHalfWave = item.flag("half_range", !isWeight(item));
        std::vector<float> part = gather(data.x, groups[g]);
        std::vector<float> upstream = gather(data.gradient, groups[g]);
        const WeightMoments moments = weightMoments(part);
        if (isNormalised) {
            standardise(part, part, moments);
        }
        const float outer =
            (gammas.empty() ? 1.0F : gammas[g]) *
            (isNormalised && isRestored ? static_cast<float>(standardiseDivisor(moments)) : 1.0F);
        std::vector<float> out(part.size());
        std::vector<float> own(part.size());
        learnedClip(part, out, grid);
        double gamma = 0;
        for (std::size_t i = 0; i < part.size(); ++i) {
            gamma += static_cast<double>(upstream[i]) * out[i];
            upstream[i] *= outer;
        }
        const double inside = item.text("grad_type") == "STE-scale" ? insideGradientScale(part, grid) : 1.0;
        gradientClip.push_back(learnedClipBackward(part, upstream, own, grid, inside));
        gradientGamma.push_back(gamma);
        for (std::size_t i = 0; i < part.size(); ++i) {
            out[i] *= gammas.empty() ? 1.0F : gammas[g];
            own[i] /= isNormalised ? static_cast<float>(standardiseDivisor(moments)) : 1.0F;
        }
        if (isNormalised && isRestored) {
            destandardise(out, out, moments);
        }
        scatter(y, groups[g], out);
        scatter(dx, groups[g], own);
    }
    const bool isFactorApplied =
        !item.expects("grad_factor_applied") || item.expected()["grad_factor_applied"].get<bool>();
    for (double& gradient : gradientClip) {
        gradient *= isFactorApplied ? factor : 1.0;  // the reference loses factors between 1 and 2
    }
    item.check("y", y, tolerance);
    item.check("grad_x", dx, tolerance);
    item.check("grad_clip_val", gradientClip, tolerance);
    item.check("grad_gamma", gradientGamma, tolerance);
    item.check("grad_factor", factor, tolerance);
    item.setAside("grad_factor_applied", "the reference's accident");
    if (!isNormalised && groups.size() == 1) {
        runPaperStep(item, data);
    }
}

void runWarmUp(Case& item) {
    // The first calls pass values through and average correlate * max|x|.
    const int stable = item.integer("stable");
    const double correlate = item.number("correlate") > 0 ? item.number("correlate") : 1.0;
    double clip = 0;
    for (int call = 0; item.hasInput("x" + std::to_string(call)); ++call) {
        const std::string index = std::to_string(call);
        const std::vector<float> x = item.floats("x" + index);
        std::vector<float> y = x;
        if (call < stable) {
            const Description d = describe(x);
            clip += (correlate * std::max(std::fabs(d.minimum), std::fabs(d.maximum)) - clip) / (call + 1);
        } else {
            learnedClip(x, y, {static_cast<float>(clip), 1 << item.integer("bits"), item.flag("half_range")});
        }
        item.check("y" + index, y, toleranceOf(item));
        item.check("clip_after_" + index, clip, toleranceOf(item));
    }
}

void runProgressive(Case& item) {
    item.check("clip_val",
               clipForLevels(item.floats("clip_val").front(), item.integer("from_levels"),
                             item.integer("to_levels")),
               toleranceOf(item));
    item.setAside("momentum_reset", "of the optimiser, not of the quantizer");
}

void runStepAndOffset(Case& item) {
    const Data data = dataOf(item);
    LearnedStep grid;
    grid.step = item.floats("step").front();
    grid.offset = item.floats("offset").front();
    grid.quantMin = item.integer("n");
    grid.quantMax = item.integer("p");
    std::vector<float> y(data.x.size());
    std::vector<float> dx(data.x.size());
    learnedStep(data.x, y, grid);
    const LearnedStepGradient gradient = learnedStepBackward(data.x, data.gradient, dx, grid);
    const auto features =
        static_cast<std::uint64_t>(data.x.size()) / static_cast<std::uint64_t>(data.shape[0]);
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", dx, toleranceOf(item));
    item.check("grad_step_unscaled", gradient.step, toleranceOf(item));
    item.check("grad_offset_unscaled", gradient.offset, toleranceOf(item));
    item.check("grad_scale_g", lsqGradientScale(features, grid.quantMax), toleranceOf(item));
}

// Learned thresholds and ternary
// -------------------------------------------------------------------------------------

void runThresholds(Case& item) {
    const Data data = dataOf(item);
    const Tolerance tolerance = toleranceOf(item);
    std::vector<std::vector<float>> slopes;
    for (int i = 0; item.hasInput("alpha" + std::to_string(i)); ++i) {
        slopes.push_back(item.floats("alpha" + std::to_string(i)));
    }
    const std::vector<Slice> groups = groupsOf(item, data.shape, slopes.front().size());
    std::vector<float> y(data.x.size());
    std::vector<float> dx(data.x.size());
    std::vector<std::vector<double>> gradients(slopes.size());
    double basis = 1;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        LearnedThresholds steps;
        steps.isHalfWave = item.flag("half_range", false);
        for (const auto& slope : slopes) {
            steps.slopes.push_back(slope[g]);
        }
        const std::vector<float> part = gather(data.x, groups[g]);
        std::vector<float> upstream = gather(data.gradient, groups[g]);
        std::vector<float> out(part.size());
        std::vector<float> own(part.size());
        learnedThresholds(part, out, steps);
        if (item.flag("closed_form")) {
            basis = closedFormScale(out, part);
            for (std::size_t i = 0; i < part.size(); ++i) {
                out[i] = static_cast<float>(out[i] * basis);
                upstream[i] = static_cast<float>(upstream[i] * basis);
            }
        }
        const std::vector<double> gradient = learnedThresholdsBackward(part, upstream, own, steps);
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            gradients[i].push_back(gradient[i]);
        }
        scatter(y, groups[g], out);
        scatter(dx, groups[g], own);
    }
    item.check("y", y, tolerance);
    item.check("grad_x", dx, tolerance);
    item.check("basis", basis, tolerance);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        item.check("grad_alpha" + std::to_string(i), gradients[i], tolerance);
    }
}

void runTrainedTernary(Case& item) {
    const Data data = dataOf(item);
    const TrainedTernary levels{item.floats("w_pos").front(), item.floats("w_neg").front(),
                                item.floats("threshold_ratio").front()};
    std::vector<float> y(data.x.size());
    std::vector<float> dx(data.x.size());
    trainedTernary(data.x, y, levels);
    const TrainedTernaryGradient gradient = trainedTernaryBackward(data.x, data.gradient, dx, levels);
    item.check("y", y, toleranceOf(item));
    item.require(paperOf(item) != nullptr, "the case has no expected_paper to compare the gradients with");
    comparePaper(item, "grad_x", doubles(dx), toleranceOf(item));
    comparePaper(item, "grad_w_pos", {gradient.positive}, toleranceOf(item));
    comparePaper(item, "grad_w_neg", {gradient.negative}, toleranceOf(item));
    for (const char* key : {"grad_x", "grad_w_pos", "grad_w_neg"}) {
        item.setAside(key, "an operator slip of the reference; compared with expected_paper instead");
    }
}

// Binary
// -------------------------------------------------------------------------------------------------------------

SignGradient signGradientOf(const Case& item) {
    const std::string name = item.text("grad_type");
    return name == "STE" ? SignGradient::Clipped
                         : (name == "Triangle" ? SignGradient::Triangle : SignGradient::Pass);
}

/// Slices over which an activation's mean magnitude is taken.
std::vector<Slice> scaleSlices(const std::vector<std::int64_t>& shape, const std::string& scale) {
    const auto plane = static_cast<std::size_t>(shape[2] * shape[3]);
    const auto channels = static_cast<std::size_t>(shape[1]);
    std::vector<Slice> result;
    const auto count = static_cast<std::size_t>(shape[0]);
    for (std::size_t n = 0; n < count; ++n) {
        if (scale == "channel") {  // over the channels: one per pixel
            for (std::size_t p = 0; p < plane; ++p) {
                Slice slice;
                for (std::size_t c = 0; c < channels; ++c) {
                    slice.push_back((n * channels + c) * plane + p);
                }
                result.push_back(slice);
            }
        } else {  // "resolution": over the pixels, one per channel
            for (std::size_t c = 0; c < channels; ++c) {
                Slice slice(plane);
                std::iota(slice.begin(), slice.end(), (n * channels + c) * plane);
                result.push_back(slice);
            }
        }
    }
    return result;
}

void runBinaryActivation(Case& item) {
    const Data data = dataOf(item);
    const std::string scale = item.text("scale", "none");
    std::vector<float> y(data.x.size());
    if (scale == "none") {
        binarise(data.x, y, 1.0F);
    } else {
        for (const Slice& slice : scaleSlices(data.shape, scale)) {
            std::vector<float> part = gather(data.x, slice);
            binarise(part, part, static_cast<float>(meanMagnitude(part)));
            scatter(y, slice, part);
        }
    }
    std::vector<float> dx(data.x.size());
    binariseBackward(data.x, data.gradient, dx, signGradientOf(item));
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", dx, toleranceOf(item));
}

void runBinaryWeights(Case& item) {
    const Data data = dataOf(item);
    const std::vector<float> gammas = item.hasInput("gamma") ? item.floats("gamma") : std::vector<float>();
    const std::vector<Slice> groups = groupsOf(item, data.shape);
    std::vector<float> y(data.x.size());
    std::vector<float> dx(data.x.size());
    std::vector<float> printed(data.x.size());
    std::vector<float> full(data.x.size());
    std::vector<double> gradientGamma;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        std::vector<float> part = gather(data.x, groups[g]);
        std::vector<float> upstream = gather(data.gradient, groups[g]);
        const WeightMoments moments = weightMoments(part);
        const bool isNormalised = item.text("adaptive") == "var-mean";
        if (isNormalised) {
            standardise(part, part, moments);
        }
        const auto scale = static_cast<float>(meanMagnitude(part));
        std::vector<float> out(part.size());
        std::vector<float> own(part.size());
        binarise(part, out, scale);
        xnorWeightsBackward(part, upstream, own, scale, XnorGradient::Printed);
        scatter(printed, groups[g], own);
        xnorWeightsBackward(part, upstream, own, scale, XnorGradient::FullJacobian);
        scatter(full, groups[g], own);
        double gamma = 0;
        for (std::size_t i = 0; i < part.size(); ++i) {
            gamma += static_cast<double>(upstream[i]) * out[i];
            out[i] *= gammas.empty() ? 1.0F : gammas[g];
            upstream[i] *= gammas.empty() ? 1.0F : gammas[g];
        }
        gradientGamma.push_back(gamma);
        binariseBackward(part, upstream, own, signGradientOf(item));
        for (float& value : own) {
            value /= isNormalised ? static_cast<float>(standardiseDivisor(moments)) : 1.0F;
        }
        scatter(y, groups[g], out);
        scatter(dx, groups[g], own);
    }
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", dx, toleranceOf(item));
    item.check("grad_gamma", gradientGamma, toleranceOf(item));
    comparePaper(item, "y", doubles(y), toleranceOf(item));
    comparePaper(item, "grad_x_eq_elementwise", doubles(printed), toleranceOf(item));
    comparePaper(item, "grad_x_full_jacobian", doubles(full), toleranceOf(item));
}

// Learned basis
// ------------------------------------------------------------------------------------------------------

/// Values as the basis sees them, and how to undo it: mean and deviation of each group (weights) or sample
/// (activations).
struct Adaptation {
    std::vector<double> shift, divisor;  // by value

    Adaptation(const Case& item, const Data& data, const std::vector<Slice>& groups)
        : shift(data.x.size(), 0.0), divisor(data.x.size(), 1.0) {
        const std::string adaptive = item.text("adaptive", "none");
        constexpr double kGuard = 1e-5;
        const std::vector<Slice> parts = isWeight(item) ? groups : slices(data.shape, 0);
        for (const Slice& part : parts) {
            const WeightMoments m = weightMoments(gather(data.x, part));
            for (const std::size_t i : part) {
                if (isWeight(item)) {
                    shift[i] = adaptive.find("mean") != std::string::npos ? m.mean : 0.0;
                    divisor[i] = adaptive.find("var") != std::string::npos ? m.deviation + kGuard : 1.0;
                } else if (adaptive == "mean") {
                    divisor[i] = m.mean + kGuard;
                } else if (adaptive == "var") {
                    divisor[i] = m.deviation + kGuard;
                }
            }
        }
    }
};

std::vector<double> columnOf(const Tensor& basis, std::size_t group, std::size_t groups) {
    std::vector<double> result;
    for (std::size_t i = group; i < basis.size(); i += groups) {
        result.push_back(basis.values[i]);
    }
    return result;
}

void runLearnedBasis(Case& item) {
    const Data data = dataOf(item);
    const Tolerance tolerance = toleranceOf(item);
    const Tensor basis = item.input("basis");
    const bool isHalfWave = item.flag("half_range");
    const std::vector<Slice> groups = groupsOf(item, data.shape);
    const std::size_t count = groups.size();
    const Adaptation adaptation(item, data, groups);
    // Weights: the authors' ridge. Activations: the cases have none, and are regular without.
    const double ridge = isWeight(item) ? 1e-4 : 1e-9;
    std::vector<float> normalised(data.x.size());
    for (std::size_t i = 0; i < data.x.size(); ++i) {
        normalised[i] = static_cast<float>((data.x[i] - adaptation.shift[i]) / adaptation.divisor[i]);
    }
    std::vector<float> y(data.x.size());
    std::vector<float> dx = data.gradient;
    std::map<std::string, std::vector<double>> perGroup;  // key -> row-major [row][group]
    const auto put = [&](const std::string& key, const std::vector<double>& values, std::size_t group) {
        std::vector<double>& matrix = perGroup[key];
        matrix.resize(values.size() * count);
        for (std::size_t r = 0; r < values.size(); ++r) {
            matrix[r * count + group] = values[r];
        }
    };
    for (std::size_t g = 0; g < count; ++g) {
        const std::vector<float> part = gather(normalised, groups[g]);
        std::vector<float> out(part.size());
        std::vector<std::uint32_t> indices(part.size());
        const std::vector<double> start = columnOf(basis, g, count);
        const BasisLevels levels = basisLevels(start, isHalfWave);
        quantizeToBasis(part, out, indices, levels);
        scatter(y, groups[g], out);
        put("levels_sorted", levels.levels, g);
        put("thresholds", levels.thresholds, g);
        const std::vector<double> fitted = leastSquaresBasis(part, indices, levels, start, isHalfWave, ridge);
        put("basis_least_squares", fitted, g);
        if (!isWeight(item)) {
            for (std::size_t i = 0; i < part.size(); ++i) {
                if (!(part[i] < levels.levels.back())) {
                    dx[groups[g][i]] = 0;
                }
            }
        }
        // Repeated updates, by moving average and by cumulative mean.
        const double ema = item.number("ema", 0.9);
        std::vector<double> moving = start;
        std::vector<double> cumulative = start;
        for (int step = 1; step <= 20; ++step) {
            for (auto* v : {&moving, &cumulative}) {
                const BasisLevels now = basisLevels(*v, isHalfWave);
                quantizeToBasis(part, out, indices, now);
                const std::vector<double> target =
                    leastSquaresBasis(part, indices, now, *v, isHalfWave, ridge);
                for (std::size_t i = 0; i < v->size(); ++i) {
                    (*v)[i] = v == &moving ? ema * (*v)[i] + (1 - ema) * target[i]
                                           : ((*v)[i] * (step - 1) + target[i]) / step;
                }
            }
            if (step == 1) {
                put("basis_after_ema", moving, g);
                put("basis_after_custom_update_first_step", cumulative, g);
            }
            put("basis_after_" + std::to_string(step) + "_ema_steps", moving, g);
            put("basis_after_" + std::to_string(step) + "_custom_update_steps", cumulative, g);
        }
    }
    std::vector<double> restored;
    for (std::size_t i = 0; i < y.size(); ++i) {
        restored.push_back(y[i] * adaptation.divisor[i] + adaptation.shift[i]);
    }
    item.check("y", restored, tolerance);
    item.check("grad_x", dx, tolerance);
    for (const auto& [key, values] : perGroup) {
        if (item.expects(key)) {
            item.check(key, values, tolerance);
        }
    }
}

void runBasisStart(Case& item) {
    const int bits = item.integer("bits");
    const double kernel = item.number("K") * item.number("K");
    // QTool's starts: activations as weights of deviation 2; weights of He's deviation for their fan-in.
    item.check("act_basis", initialWeightBasis(bits, 2.0), toleranceOf(item));
    item.check("wt_basis_per_channel", initialWeightBasis(bits, std::sqrt(2 / (item.number("CI") * kernel))),
               toleranceOf(item));
    item.check("wt_fan_used", item.number("CI") * kernel, {});
    comparePaper(item, "act_basis", initialActivationBasis(bits), toleranceOf(item));
    comparePaper(item, "wt_basis_per_channel",
                 initialWeightBasis(bits, std::sqrt(2 / (item.number("CO") * kernel))), toleranceOf(item));
    comparePaper(item, "wt_fan_used", {item.number("CO") * kernel}, {});
}

// Convolutions on quantized inputs and weights
// -----------------------------------------------------------------------

Tensor padded(const Tensor& x, std::int64_t p) {
    Tensor out{{x.dim(0), x.dim(1), x.dim(2) + 2 * p, x.dim(3) + 2 * p}, {}};
    out.values.assign(static_cast<std::size_t>(out.dim(0) * out.dim(1) * out.dim(2) * out.dim(3)), 0.0);
    for (std::int64_t nc = 0; nc < x.dim(0) * x.dim(1); ++nc) {
        for (std::int64_t y = 0; y < x.dim(2); ++y) {
            for (std::int64_t c = 0; c < x.dim(3); ++c) {
                out.values[static_cast<std::size_t>((nc * out.dim(2) + y + p) * out.dim(3) + c + p)] =
                    x.values[static_cast<std::size_t>((nc * x.dim(2) + y) * x.dim(3) + c)];
            }
        }
    }
    return out;
}

Tensor cropped(const Tensor& x, std::int64_t p) {
    Tensor out{{x.dim(0), x.dim(1), x.dim(2) - 2 * p, x.dim(3) - 2 * p}, {}};
    for (std::int64_t nc = 0; nc < x.dim(0) * x.dim(1); ++nc) {
        for (std::int64_t y = 0; y < out.dim(2); ++y) {
            for (std::int64_t c = 0; c < out.dim(3); ++c) {
                out.values.push_back(
                    x.values[static_cast<std::size_t>((nc * x.dim(2) + y + p) * x.dim(3) + c + p)]);
            }
        }
    }
    return out;
}

void runConvolution(Case& item) {
    const bool isXnor = item.text("method") == "xnor";
    const bool padsAfter = item.flag("padding_after_quant");
    const auto padding = static_cast<std::int64_t>(item.number("padding"));
    const Tensor x = item.input("x");
    const Tensor weight = item.input("weight");
    const Tensor gradient = item.input("grad_output");
    const Tensor before = padsAfter ? x : padded(x, padding);
    const std::vector<float> in = before.floats();
    std::vector<float> quantized(in.size());
    std::vector<float> weights = weight.floats();
    std::vector<float> quantizedWeights(weights.size());
    const LearnedClip actClip{isXnor ? 1.0F : item.floats("act_clip").front(), 4, false};
    const LearnedClip weightClip{isXnor ? 1.0F : item.floats("weight_clip").front(), 4, false};
    const std::vector<Slice> filters = slices(weight.shape, 0);
    if (isXnor) {
        binarise(in, quantized, 1.0F);
        for (const Slice& filter : filters) {
            std::vector<float> part = gather(weights, filter);
            binarise(part, part, static_cast<float>(meanMagnitude(part)));
            scatter(quantizedWeights, filter, part);
        }
    } else {
        learnedClip(in, quantized, actClip);
        learnedClip(weights, quantizedWeights, weightClip);
    }
    const ConvShape shape = same(padsAfter ? padding : 0, static_cast<std::int64_t>(item.number("stride")));
    const Tensor xq = fromFloats(before.shape, quantized);
    const Tensor wq = fromFloats(weight.shape, quantizedWeights);
    const Tensor y = conv2d(xq, wq, {}, shape);
    const std::vector<float> upstreamX = conv2dGradientInput(gradient, wq, before.shape, shape).floats();
    const std::vector<float> upstreamW = conv2dGradientWeight(gradient, xq, weight.shape, shape).floats();
    std::vector<float> dx(in.size());
    std::vector<float> dw(weights.size());
    if (isXnor) {
        binariseBackward(in, upstreamX, dx, SignGradient::Clipped);
        binariseBackward(weights, upstreamW, dw, SignGradient::Pass);
    } else {
        item.check("grad_act_clip", learnedClipBackward(in, upstreamX, dx, actClip), toleranceOf(item));
        item.check("grad_weight_clip", learnedClipBackward(weights, upstreamW, dw, weightClip),
                   toleranceOf(item));
    }
    const Tensor inputGradient = fromFloats(before.shape, dx);
    item.check("y", y.values, toleranceOf(item));
    item.check("grad_x", (padsAfter ? inputGradient : cropped(inputGradient, padding)).values,
               toleranceOf(item));
    item.check("grad_weight", dw, toleranceOf(item));
}

}  // namespace

std::vector<Kind> learnedKinds() {
    const auto method = [](const Case& item, const char* name) { return item.text("method") == name; };
    return {
        {"warm-up", [=](const Case& c) { return method(c, "lsq") && c.hasParam("stable"); }, runWarmUp},
        {"progressive levels", [=](const Case& c) { return method(c, "lsq") && c.hasParam("from_levels"); },
         runProgressive},
        {"learned clip", [=](const Case& c) { return method(c, "lsq") && c.hasInput("clip_val"); },
         runLearnedClip},
        {"learned step and offset", [=](const Case& c) { return method(c, "lsq+"); }, runStepAndOffset},
        {"clipped activation",
         [=](const Case& c) { return (method(c, "dorefa") && !isWeight(c)) || method(c, "pact"); },
         runClippedActivation},
        {"DoReFa weights", [=](const Case& c) { return method(c, "dorefa") && isWeight(c); },
         runDorefaWeights},
        {"proximal", [=](const Case& c) { return method(c, "proxquant"); }, runProximal},
        {"learned thresholds", [=](const Case& c) { return method(c, "non-uniform"); }, runThresholds},
        {"trained ternary", [=](const Case& c) { return method(c, "ttn"); }, runTrainedTernary},
        {"quantized convolution", [](const Case& c) { return c.hasParam("padding_after_quant"); },
         runConvolution},
        {"binary activation",
         [=](const Case& c) { return method(c, "xnor") && c.text("target") == "activation"; },
         runBinaryActivation},
        {"binary weights",
         [=](const Case& c) { return (method(c, "xnor") || method(c, "xnor++")) && isWeight(c); },
         runBinaryWeights},
        {"basis start", [=](const Case& c) { return method(c, "lq-net") && c.inputs().empty(); },
         runBasisStart},
        {"learned basis", [=](const Case& c) { return method(c, "lq-net"); }, runLearnedBasis},
    };
}

}  // namespace bitlathe::conform
