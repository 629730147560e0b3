#include "tests/conform/learned_cases.h"

namespace bitlathe::conform::learned_cases {

namespace {

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

}  // namespace

// Learned thresholds and ternary
// -------------------------------------------------------------------------------------
void runThresholds(Case& item) {
    const Data data = dataOf(item);
    const Tolerance tolerance = toleranceOf(item);
    std::vector<std::vector<float>> slopes;
    for (int i = 0; item.hasInput("alpha" + std::to_string(i)); ++i) {
        slopes.push_back(item.floats("alpha" + std::to_string(i)));
    }
    if (slopes.empty()) {
        throw std::runtime_error("input 'alpha0' is missing");
    }
    const std::vector<Slice> groups = groupsOf(item, data.shape, slopes.front().size());
    const std::vector<Outer> outer = outerOf(item, data, slopes.front().size());
    Forward q(data.x.size());
    std::vector<float> normalised = data.x;
    std::vector<float> upstream = data.gradient;
    for (const Outer& group : outer) {
        group.enter(normalised, upstream);
    }
    std::vector<LearnedThresholds> grids;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        LearnedThresholds steps;
        steps.isHalfWave = item.flag("half_range", false);
        for (const auto& slope : slopes) {
            steps.slopes.push_back(slope.at(g));
        }
        grids.push_back(steps);
        std::vector<float> part = gather(normalised, groups[g]);
        learnedThresholds(part, part, steps);
        scatter(q.y, groups[g], part);
    }
    double basis = 1;
    if (item.flag("closed_form")) {
        basis = closedFormScale(q.y, normalised);
        for (std::size_t i = 0; i < q.y.size(); ++i) {
            q.y[i] = static_cast<float>(q.y[i] * basis);
            upstream[i] = static_cast<float>(upstream[i] * basis);
        }
    }
    std::vector<std::vector<double>> gradients(slopes.size());
    for (std::size_t g = 0; g < groups.size(); ++g) {
        std::vector<float> own(groups[g].size());
        const std::vector<double> gradient = learnedThresholdsBackward(
            gather(normalised, groups[g]), gather(upstream, groups[g]), own, grids[g]);
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            gradients[i].push_back(gradient[i]);
        }
        scatter(q.dx, groups[g], own);
    }
    for (const Outer& group : outer) {
        q.gradientGamma.push_back(group.gradientGamma(data.gradient, q.y));
        group.leave(q.y, q.dx);
    }
    item.check("y", q.y, tolerance);
    item.check("grad_x", q.dx, tolerance);
    item.check("grad_gamma", q.gradientGamma, tolerance);
    item.check("basis", basis, tolerance);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        item.check("grad_alpha" + std::to_string(i), gradients[i], tolerance);
    }
}

void runTrainedTernary(Case& item) {
    const Data data = dataOf(item);
    const std::vector<float> positive = item.floats("w_pos");
    const std::vector<float> negative = item.floats("w_neg");
    const std::vector<float> ratios = item.floats("threshold_ratio");
    const std::vector<Slice> groups = groupsOf(item, data.shape, ratios.size());
    std::vector<float> y(data.x.size());
    std::vector<float> dx(data.x.size());
    std::vector<double> gradientPositive;
    std::vector<double> gradientNegative;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        const TrainedTernary levels{positive.at(g), negative.at(g), ratios.at(g)};
        const std::vector<float> part = gather(data.x, groups[g]);
        std::vector<float> out(part.size());
        std::vector<float> own(part.size());
        trainedTernary(part, out, levels);
        const TrainedTernaryGradient gradient =
            trainedTernaryBackward(part, gather(data.gradient, groups[g]), own, levels);
        gradientPositive.push_back(gradient.positive);
        gradientNegative.push_back(gradient.negative);
        scatter(y, groups[g], out);
        scatter(dx, groups[g], own);
    }
    item.check("y", y, toleranceOf(item));
    item.require(paperOf(item) != nullptr, "the case has no expected_paper to compare the gradients with");
    comparePaper(item, "grad_x", doubles(dx), toleranceOf(item));
    comparePaper(item, "grad_w_pos", gradientPositive, toleranceOf(item));
    comparePaper(item, "grad_w_neg", gradientNegative, toleranceOf(item));
    for (const char* key : {"grad_x", "grad_w_pos", "grad_w_neg"}) {
        item.setAside(key, "an operator slip of the reference; compared with expected_paper instead");
    }
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
    const std::vector<Outer> outer = outerOf(item, data);
    std::vector<float> normalised = data.x;
    std::vector<float> upstream = data.gradient;
    for (const Outer& group : outer) {
        group.enter(normalised, upstream);
    }
    std::vector<float> y(data.x.size());
    std::vector<float> dx(data.x.size());
    std::vector<float> printed(data.x.size());
    std::vector<float> full(data.x.size());
    std::vector<double> gradientGamma;
    for (const Outer& group : outer) {
        const std::vector<float> part = gather(normalised, group.slice);
        const std::vector<float> gradient = gather(data.gradient, group.slice);
        const auto scale = static_cast<float>(meanMagnitude(part));
        std::vector<float> out(part.size());
        std::vector<float> own(part.size());
        binarise(part, out, scale);
        xnorWeightsBackward(part, gradient, own, scale, XnorGradient::Printed);
        scatter(printed, group.slice, own);
        xnorWeightsBackward(part, gradient, own, scale, XnorGradient::FullJacobian);
        scatter(full, group.slice, own);
        binariseBackward(part, gather(upstream, group.slice), own, signGradientOf(item));
        scatter(y, group.slice, out);
        scatter(dx, group.slice, own);
        gradientGamma.push_back(group.gradientGamma(data.gradient, y));
        group.leave(y, dx);
    }
    item.check("y", y, toleranceOf(item));
    item.check("grad_x", dx, toleranceOf(item));
    item.check("grad_gamma", gradientGamma, toleranceOf(item));
    comparePaper(item, "y", doubles(y), toleranceOf(item));
    comparePaper(item, "grad_x_eq_elementwise", doubles(printed), toleranceOf(item));
    comparePaper(item, "grad_x_full_jacobian", doubles(full), toleranceOf(item));
}

}  // namespace bitlathe::conform::learned_cases
