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

// Clipped activations
// ------------------------------------------------------------------------------------------------
Forward forwardClippedActivation(const Case& item, const Data& data, bool isPact) {
    Forward result(data.x.size());
    ClippedActivation grid;
    grid.alpha = isPact ? item.floats("clip_val").front() : static_cast<float>(item.number("clip", 1.0));
    grid.steps = levelsOf(item) - 1;
    grid.mask = isPact ? ClippedActivation::Mask::HalfOpen : ClippedActivation::Mask::Closed;
    clippedActivation(data.x, result.y, grid);
    result.gradientClip = {clippedActivationBackward(data.x, data.gradient, result.dx, grid)};
    return result;
}

// DoReFa weights
// -----------------------------------------------------------------------------------------------------
Forward forwardDorefaWeights(const Case& item, const Data& data) {
    Forward result(data.x.size());
    const std::vector<Outer> outer = outerOf(item, data);
    std::vector<float> normalised = data.x;
    std::vector<float> upstream = data.gradient;
    for (const Outer& group : outer) {
        group.enter(normalised, upstream);
    }
    dorefaWeights(normalised, result.y, levelsOf(item));
    for (const Outer& group : outer) {
        result.gradientGamma.push_back(group.gradientGamma(data.gradient, result.y));
    }
    dorefaWeightsBackward(normalised, upstream, result.dx);
    for (const Outer& group : outer) {
        group.leave(result.y, result.dx);
    }
    return result;
}

// Learned clips
// ------------------------------------------------------------------------------------------------------
Forward forwardLearnedClip(const Case& item, const Data& data) {
    Forward result(data.x.size());
    const std::vector<float> clips = item.floats("clip_val");
    const std::vector<Slice> groups = groupsOf(item, data.shape, clips.size());
    const std::vector<Outer> outer = outerOf(item, data, clips.size());
    std::vector<float> normalised = data.x;
    std::vector<float> upstream = data.gradient;
    for (const Outer& group : outer) {
        group.enter(normalised, upstream);
    }
    LearnedClip grid;
    grid.levels = levelsOf(item);
    grid.isHalfWave = item.flag("half_range", !isWeight(item));
    double inside = 1.0;
    if (item.text("grad_type") == "STE-scale") {  // one scale for the whole tensor, whatever its groups
        std::vector<float> ratios = normalised;
        for (std::size_t g = 0; g < groups.size(); ++g) {
            for (const std::size_t i : groups[g]) {
                ratios[i] /= std::fabs(clips.at(g));
            }
        }
        inside = insideGradientScale(ratios, grid);
    }
    for (std::size_t g = 0; g < groups.size(); ++g) {
        grid.clip = clips.at(g);
        const std::vector<float> part = gather(normalised, groups[g]);
        std::vector<float> out(part.size());
        std::vector<float> own(part.size());
        learnedClip(part, out, grid);
        result.gradientClip.push_back(
            learnedClipBackward(part, gather(upstream, groups[g]), own, grid, inside));
        scatter(result.y, groups[g], out);
        scatter(result.dx, groups[g], own);
    }
    for (const Outer& group : outer) {
        result.gradientGamma.push_back(group.gradientGamma(data.gradient, result.y));
        group.leave(result.y, result.dx);
    }
    return result;
}

}  // namespace

void runClippedActivation(Case& item) {
    const Forward q = forwardClippedActivation(item, dataOf(item), item.text("method") == "pact");
    item.check("y", q.y, toleranceOf(item));
    item.check("grad_x", q.dx, toleranceOf(item));
    item.check("grad_clip_val", q.gradientClip, toleranceOf(item));
}

void runProximal(Case& item) {
    // A mixture of the value and its quantized form: the quantizer is run under the name of its own method on
    // the quantizer's share of the gradient, then mixed.
    const Data data = dataOf(item);
    const double prox = item.number("prox");
    const std::string choice = item.text("repo_choice");
    const bool isClip = choice.starts_with("lsq");
    std::vector<float> share = data.gradient;
    for (float& value : share) {
        value = static_cast<float>((1 - prox) * static_cast<double>(value));
    }
    Forward q;
    if (isClip) {
        q = forwardLearnedClip(item, {data.shape, data.x, share});
    } else if (isWeight(item)) {
        q = forwardDorefaWeights(item, {data.shape, data.x, share});
    } else {
        q = forwardClippedActivation(item, {data.shape, data.x, share}, choice == "pact");
    }
    std::vector<double> y;
    std::vector<double> dx;
    for (std::size_t i = 0; i < data.x.size(); ++i) {
        y.push_back(prox * data.x[i] + (1 - prox) * q.y[i]);
        dx.push_back(prox * data.gradient[i] + q.dx[i]);
    }
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", dx, toleranceOf(item));
    item.check("grad_clip_val", q.gradientClip, toleranceOf(item));
    item.check("grad_gamma", q.gradientGamma, toleranceOf(item));
}

void runDorefaWeights(Case& item) {
    const Data data = dataOf(item);
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
    const Forward q = forwardDorefaWeights(item, data);
    item.check("y", q.y, toleranceOf(item));
    item.check("grad_x", q.dx, toleranceOf(item));
    item.check("grad_gamma", q.gradientGamma, toleranceOf(item));
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
    Forward q = forwardLearnedClip(item, data);
    double factor = 1;
    if (item.hasParam("grad_scale")) {
        const auto inputs =
            static_cast<double>(isWeight(item) ? data.x.size() / static_cast<std::size_t>(data.shape.at(0))
                                               : static_cast<std::size_t>(data.shape.at(1)));
        const auto perClip = static_cast<double>(data.x.size() / q.gradientClip.size());
        factor = clipGradientFactor(factorOf(item.text("grad_scale")), item.number("fan", inputs),
                                    item.number("nElements", perClip), item.number("scale", 1));
    }
    const bool isFactorApplied = static_cast<int>(factor) != 1;  // the reference loses factors from 1 to 2
    for (double& gradient : q.gradientClip) {
        gradient *= isFactorApplied ? factor : 1.0;
    }
    item.check("y", q.y, tolerance);
    item.check("grad_x", q.dx, tolerance);
    item.check("grad_clip_val", q.gradientClip, tolerance);
    item.check("grad_gamma", q.gradientGamma, tolerance);
    item.check("grad_factor", factor, tolerance);
    item.check("grad_factor_applied", isFactorApplied ? 1.0 : 0.0, {});
    if (item.text("adaptive") != "var-mean" && q.gradientClip.size() == 1) {
        runPaperStep(item, data);
    }
}

void runWarmUp(Case& item) {
    // The first calls pass values through and average correlate * max|x| of the layer, the same for each clip.
    const int stable = item.integer("stable");
    const double correlate = item.number("correlate", -1) > 0 ? item.number("correlate") : 1.0;
    double clip = 0;
    for (int call = 0; item.hasInput("x" + std::to_string(call)); ++call) {
        const std::string index = std::to_string(call);
        const std::vector<float> x = item.floats("x" + index);
        std::vector<float> y = x;
        if (call < stable) {
            const Description d = describe(x);
            clip += (correlate * std::max(std::fabs(d.minimum), std::fabs(d.maximum)) - clip) / (call + 1);
        } else if (item.text("method") == "pact") {
            ClippedActivation grid;
            grid.alpha = static_cast<float>(clip);
            grid.steps = levelsOf(item) - 1;
            clippedActivation(x, y, grid);
        } else {
            learnedClip(x, y,
                        {static_cast<float>(clip), levelsOf(item), item.flag("half_range", !isWeight(item))});
        }
        item.check("y" + index, y, toleranceOf(item));
        const std::string key = "clip_after_" + index;
        const std::size_t clips = item.expects(key) ? flatten(item.expected()[key]).size() : 1;
        item.check(key, std::vector<double>(clips, clip), toleranceOf(item));
    }
}

void runProgressive(Case& item) {
    const int from = item.integer("from_levels");
    const int to = item.integer("to_levels") > 0 ? item.integer("to_levels")
                                                 : from + item.integer("to_levels");  // negative: fewer by it
    std::vector<double> clips;
    for (const float clip : item.floats("clip_val")) {
        clips.push_back(clipForLevels(clip, from, to));
    }
    item.check("clip_val", clips, toleranceOf(item));
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
