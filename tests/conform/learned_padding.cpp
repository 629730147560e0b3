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

}  // namespace

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

}  // namespace bitlathe::conform::learned_cases
