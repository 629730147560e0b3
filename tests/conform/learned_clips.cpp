#include "tests/conform/learned_cases.h"

namespace bitlathe::conform::learned_cases {

namespace {

int levelsOf(const Case& item) {
    if (item.hasParam("levels")) {
        return item.integer("levels");
    }
    return 1 << item.integer("bits");
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

}  // namespace

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

}  // namespace bitlathe::conform::learned_cases
