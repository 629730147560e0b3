#include "tests/conform/learned_cases.h"

namespace bitlathe::conform::learned_cases {

namespace {

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

/// The learned clips of one tensor: one for all, or one per run of indices along an axis. Cases that say no
/// bits have 2.
struct ClippedSlices {
    ClippedSlices(const Case& item, const std::string& input, const std::vector<std::int64_t>& shape,
                  int axis, bool isHalfWave) {
        if (!item.hasInput(input)) {
            return;
        }
        const int levels = 1 << static_cast<int>(item.number("bits", 2));
        for (const float clip : item.floats(input)) {
            grids.push_back({clip, levels, isHalfWave});
        }
        const std::int64_t channels = shape.at(static_cast<std::size_t>(axis));
        const auto count = static_cast<std::int64_t>(grids.size());
        if (channels % count != 0) {
            throw std::runtime_error(std::to_string(count) + " clips do not divide " +
                                     std::to_string(channels) + " channels");
        }
        parts = count == 1 ? slices(shape, std::nullopt) : slices(shape, axis, channels / count);
    }

    void forward(const std::vector<float>& x, std::vector<float>& out) const {
        for (std::size_t s = 0; s < parts.size(); ++s) {
            std::vector<float> part = gather(x, parts[s]);
            learnedClip(part, part, grids[s]);
            scatter(out, parts[s], part);
        }
    }
    std::vector<double> backward(const std::vector<float>& x, const std::vector<float>& upstream,
                                 std::vector<float>& dx) const {
        std::vector<double> result;
        for (std::size_t s = 0; s < parts.size(); ++s) {
            std::vector<float> own(parts[s].size());
            result.push_back(
                learnedClipBackward(gather(x, parts[s]), gather(upstream, parts[s]), own, grids[s]));
            scatter(dx, parts[s], own);
        }
        return result;
    }

    std::vector<LearnedClip> grids;
    std::vector<Slice> parts;
};

}  // namespace

void runConvolution(Case& item) {
    const bool isXnor = item.text("method") == "xnor";
    const bool padsAfter = item.flag("padding_after_quant");
    const auto padding = static_cast<std::int64_t>(item.number("padding"));
    if (padding < 0) {
        throw std::runtime_error("a padding below 0");
    }
    const Tensor x = item.input("x");
    const Tensor weight = item.input("weight");
    const Tensor gradient = item.input("grad_output");
    const Tensor before = padsAfter ? x : padded(x, padding);
    const std::vector<float> in = before.floats();
    std::vector<float> quantized(in.size());
    std::vector<float> weights = weight.floats();
    std::vector<float> quantizedWeights(weights.size());
    const ClippedSlices actClips(item, "act_clip", before.shape, 1, item.flag("half_range_act"));
    const ClippedSlices weightClips(item, "weight_clip", weight.shape, 0, false);
    const std::vector<Slice> filters = slices(weight.shape, 0);
    if (isXnor) {
        binarise(in, quantized, 1.0F);
        for (const Slice& filter : filters) {
            std::vector<float> part = gather(weights, filter);
            binarise(part, part, static_cast<float>(meanMagnitude(part)));
            scatter(quantizedWeights, filter, part);
        }
    } else {
        actClips.forward(in, quantized);
        weightClips.forward(weights, quantizedWeights);
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
        item.check("grad_act_clip", actClips.backward(in, upstreamX, dx), toleranceOf(item));
        item.check("grad_weight_clip", weightClips.backward(weights, upstreamW, dw), toleranceOf(item));
    }
    const Tensor inputGradient = fromFloats(before.shape, dx);
    item.check("y", y.values, toleranceOf(item));
    item.check("grad_x", (padsAfter ? inputGradient : cropped(inputGradient, padding)).values,
               toleranceOf(item));
    item.check("grad_weight", dw, toleranceOf(item));
}

}  // namespace bitlathe::conform::learned_cases
