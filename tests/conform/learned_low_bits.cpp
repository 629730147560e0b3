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

}  // namespace bitlathe::conform::learned_cases
