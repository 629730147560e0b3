// Cases of the power-of-two family (TI's xnn): roundings, grids, range tracking, merged weights and biases, a
// small network.

#include "core/graph/graph.h"
#include "core/graph/prepare.h"
#include "core/observers/range_tracker.h"
#include "core/ptq/power_of_two_bias.h"
#include "core/ptq/weight_correction.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/power_of_two_quantizer.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::conform {

namespace {

using namespace bitlathe::core;

using Sign = PowerOfTwoQuantizer::Sign;
using Spacing = PowerOfTwoQuantizer::Spacing;

Tolerance toleranceOf(const Case& item) {
    const Json& json = item.json()["tolerance"];
    const double both = json.is_number() ? json.get<double>() : 2e-6;
    return {both, both};
}

std::vector<double> doubles(const std::vector<float>& values) {
    return {values.begin(), values.end()};
}

void runPowers(Case& item) {
    std::vector<double> up;
    std::vector<double> down;
    std::vector<double> nearest;
    for (const double x : item.input("x").values) {
        up.push_back(std::ldexp(1.0, ceilLog2(x)));
        down.push_back(std::ldexp(1.0, floorLog2(x)));
        nearest.push_back(std::ldexp(1.0, roundLog2(x)));
    }
    item.check("ceil2", up, {});
    item.check("floor2", down, {});
    item.check("round2", nearest, {});
}

Rounding roundingOf(const std::string& name) {
    return name == "round_sym" ? Rounding::HalfAway
                               : (name == "round_up" ? Rounding::HalfUp : Rounding::HalfEven);
}

void runRoundings(Case& item) {
    for (const std::string name : {"round_sym", "round_up", "round_torch"}) {
        std::vector<double> y;
        for (const float x : item.floats("x")) {
            y.push_back(roundTo(x, roundingOf(name)));
        }
        item.check(name, y, {});
    }
}

void runGrid(Case& item) {
    const std::vector<float> x = item.floats("x");
    const double multiplier =
        item.flag("power2") ? std::ldexp(1.0, floorLog2(item.number("scale"))) : item.number("scale");
    QParams grid;
    grid.scale = {static_cast<float>(1 / multiplier)};
    grid.zeroPoint = {0};
    const auto limit = [&](const char* key) {
        return item.params()[key].is_string() ? std::stoi(item.text(key)) : item.integer(key);
    };
    grid.quantMin = limit("width_min");
    grid.quantMax = limit("width_max_inclusive");
    grid.rounding = roundingOf(item.text("round_type"));
    std::vector<float> y(x.size());
    fakeQuantize(x, y, grid);
    item.check("y", y, toleranceOf(item));
    QParams unclamped = grid;
    unclamped.quantMin = -(1 << 20);
    unclamped.quantMax = 1 << 20;
    std::vector<std::int32_t> codes(x.size());
    quantize(x, codes, unclamped);
    item.checkExact("scaled_rounded_before_clamp", {codes.begin(), codes.end()});
}

Range extremaOf(const std::vector<float>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {*low, *high};
}

void runWeights(Case& item) {
    const Tensor w = item.input("w");
    const std::vector<float> values = w.floats();
    const int bits = item.integer("bits");
    const bool isExact = item.hasParam("power2_weight_range") && !item.flag("power2_weight_range");
    const PowerOfTwoQuantizer quantizer(Rounding::HalfAway, Sign::Signed,
                                        isExact ? Spacing::Exact : Spacing::PowerOfTwo);
    std::vector<Slice> parts = slices(w.shape, std::nullopt);
    if (item.flag("per_channel")) {
        parts = slices(w.shape, item.integer("channel_axis"));
    }
    std::vector<Range> ranges;
    for (const Slice& part : parts) {
        ranges.push_back(extremaOf(gather(values, part)));
    }
    const QParams tensorGrid = quantizer.Quantizer::qparams(extremaOf(values), BitWidth(bits));
    const QParams grid = quantizer.qparams(ranges, BitWidth(bits), 0);
    std::vector<float> out(values.size());
    std::vector<std::int64_t> codes(values.size());
    std::vector<double> multipliers;
    for (std::size_t s = 0; s < parts.size(); ++s) {
        std::vector<float> part = gather(values, parts[s]);
        QParams unclamped = grid;
        unclamped.quantMin = -(1 << 20);
        unclamped.quantMax = 1 << 20;
        std::vector<std::int32_t> own(part.size());
        quantize(part, own, unclamped, s);
        fakeQuantize(part, part, grid, s);
        scatter(out, parts[s], part);
        for (std::size_t i = 0; i < own.size(); ++i) {
            codes[parts[s][i]] = own[i];
        }
        multipliers.push_back(1 / static_cast<double>(grid.scale[s]));
    }
    item.check("clip_max", std::ldexp(static_cast<double>(tensorGrid.scale[0]), bits - 1), toleranceOf(item));
    item.check("scale", multipliers, toleranceOf(item));
    item.check("w_dequantized", out, toleranceOf(item));
    item.checkExact("q_before_clamp", codes);
}

/// The grid of a range tracker: the next power of two, signed as told or as its range asks.
QParams activationGrid(const Range& range, std::optional<bool> isSigned, int bits) {
    const Sign sign = !isSigned ? Sign::Auto : (*isSigned ? Sign::Signed : Sign::Unsigned);
    return PowerOfTwoQuantizer(Rounding::HalfUp, sign).Quantizer::qparams(range, BitWidth(bits));
}

/// What the tracker clamps to: the power of two, of which the top code stays one step short.
Range clipOf(const QParams& grid, int bits) {
    const double reach = std::ldexp(static_cast<double>(grid.scale[0]), grid.isSigned() ? bits - 1 : bits);
    return {grid.isSigned() ? -reach : 0.0, reach};
}

void runActivation(Case& item) {
    const std::vector<float> x = item.floats("x");
    const int bits = item.integer("bits");
    const std::vector<double> stored = flatten(item.params()["stored_range"]);
    std::optional<bool> isSigned;
    if (item.hasParam("signed")) {
        isSigned = item.flag("signed");
    }
    const QParams grid = activationGrid({stored[0], stored[1]}, isSigned, bits);
    const Range clip = clipOf(grid, bits);
    std::vector<float> y(x.size());
    std::vector<float> gradient(x.size(), 1.0F);
    fakeQuantize(x, y, grid);
    clampBackward(x, gradient, gradient, static_cast<float>(clip.lower), static_cast<float>(clip.upper));
    item.check("clip_min2", clip.lower, toleranceOf(item));
    item.check("clip_max2", clip.upper, toleranceOf(item));
    item.check("scale", 1 / static_cast<double>(grid.scale[0]), toleranceOf(item));
    item.check("y", y, toleranceOf(item));
    item.check("grad_of_sum", gradient, toleranceOf(item));
}

void runExtrema(Case& item) {
    std::vector<float> values;
    if (item.hasInput("x")) {
        const Tensor x = item.input("x");
        const double percent = item.number("percentile_of_100");
        values = x.floats();
        if (percent > 0) {
            values = subsampled(values, x.shape, static_cast<int>(item.number("row_offset", 0)),
                                static_cast<int>(item.number("col_offset", 0)));
        }
    } else {
        auto state = static_cast<std::uint64_t>(item.number("seed"));
        for (std::size_t i = 0; i < static_cast<std::size_t>(item.number("n")); ++i) {
            state = (state * 1664525 + 1013904223) % (std::uint64_t{1} << 32);
            const double u = static_cast<double>(state) / 2147483648.0 - 1;
            values.push_back(
                static_cast<float>(std::copysign(std::pow(std::fabs(u), item.number("p")), u) * 4));
        }
    }
    const Range found = histogramExtrema(values, item.number("percentile_of_100"));
    const Range raw = extremaOf(values);
    item.check("min", found.lower, toleranceOf(item));
    item.check("max", found.upper, toleranceOf(item));
    item.check("raw_min", raw.lower, toleranceOf(item));
    item.check("raw_max", raw.upper, toleranceOf(item));
}

void runTracker(Case& item) {
    std::optional<bool> isSigned;
    if (item.hasParam("signed")) {
        isSigned = item.flag("signed");
    }
    RangeTracker tracker;
    std::vector<double> after;
    for (int i = 0; item.hasInput("batch" + std::to_string(i)); ++i) {
        const Tensor batch = item.input("batch" + std::to_string(i));
        const double percent = item.number("range_shrink_percent");
        const std::vector<float> values =
            percent > 0 ? subsampled(batch.floats(), batch.shape, 0, 0) : batch.floats();
        const Range range = tracker.update(histogramExtrema(values, percent));
        const Range clip = clipOf(activationGrid(range, isSigned, 8), 8);
        after.insert(after.end(), {range.lower, range.upper, clip.lower, clip.upper});
    }
    item.check("after_each", after, toleranceOf(item));
}

void runConstraint(Case& item) {
    std::vector<float> w = item.floats("w");
    constrainWeights(w, item.number("clamp_ratio"), item.number("clamp_value"));
    item.check("w_out", w, toleranceOf(item));
}

// Merged convolution and batch norm
// ----------------------------------------------------------------------------------

struct Merged {
    Tensor weight;
    std::vector<float> bias;
};

/// Through the library's folding; a transposed convolution has its output channels second and is turned round
/// for it.
Merged merge(const Case& item, const std::string& weightKey, const std::string& biasKey,
             const std::string& norm, const std::vector<const char*>& names, bool isTransposed) {
    const Tensor w = item.input(weightKey);
    const auto vector = [&](const std::string& key) {
        const std::vector<float> values = item.floats(key);
        return FloatTensor({static_cast<std::int64_t>(values.size())}, values);
    };
    const std::size_t outAxis = isTransposed ? 1 : 0;
    const std::vector<Slice> channels = slices(w.shape, static_cast<int>(outAxis));
    const std::int64_t perChannel = static_cast<std::int64_t>(channels.front().size());
    std::vector<float> turned;
    const std::vector<float> values = w.floats();
    for (const Slice& channel : channels) {
        for (const std::size_t i : channel) {
            turned.push_back(values[i]);
        }
    }
    Conv2dOp conv;
    conv.weight = FloatTensor({static_cast<std::int64_t>(channels.size()), perChannel, 1, 1}, turned);
    if (item.hasInput(biasKey)) {
        conv.bias = vector(biasKey);
    }
    Graph graph;
    const NodeId input = graph.append("input", InputOp{}, {});
    const NodeId convId = graph.append("conv", conv, {input});
    const BatchNormOp op{vector(norm + names[0]), vector(norm + names[1]),     vector(norm + names[2]),
                         vector(norm + names[3]), item.number("bn_eps", 1e-5), 0.1};
    graph.output = graph.append("bn", op, {convId});
    inferShapes(graph, {1, perChannel, 1, 1});
    Merged result;
    const Graph folded = foldBatchNorm(graph);
    for (const Node& node : folded.nodes) {
        if (const auto* merged = std::get_if<Conv2dOp>(&node.op)) {
            result.weight = w;
            const auto weights = merged->weight.values();
            std::size_t k = 0;
            for (const Slice& channel : channels) {
                for (const std::size_t i : channel) {
                    result.weight.values[i] = weights[k++];
                }
            }
            const auto bias = merged->bias.values();
            result.bias.assign(bias.begin(), bias.end());
        }
    }
    return result;
}

/// Weights per tensor or per channel; `scale` receives the tensor's multiplier.
std::vector<float> quantizeWeights(const Tensor& w, int axis, bool isPerChannel, int bits,
                                   double* multiplier) {
    const std::vector<float> values = w.floats();
    const PowerOfTwoQuantizer quantizer(Rounding::HalfAway, Sign::Signed);
    const std::vector<Slice> parts = isPerChannel ? slices(w.shape, axis) : slices(w.shape, std::nullopt);
    std::vector<Range> ranges;
    for (const Slice& part : parts) {
        ranges.push_back(extremaOf(gather(values, part)));
    }
    const QParams grid = quantizer.qparams(ranges, BitWidth(bits), 0);
    std::vector<float> out(values.size());
    for (std::size_t s = 0; s < parts.size(); ++s) {
        std::vector<float> part = gather(values, parts[s]);
        fakeQuantize(part, part, grid, s);
        scatter(out, parts[s], part);
    }
    if (multiplier != nullptr) {
        *multiplier = 1 / static_cast<double>(grid.scale[0]);
    }
    return out;
}

const std::vector<const char*> kMergeNames{"gamma", "beta", "mean", "var"};
const std::vector<const char*> kTorchNames{"weight", "bias", "running_mean", "running_var"};

BiasConstraint constraintOf(const Case& item) {
    switch (static_cast<int>(item.number("constrain_bias", 0))) {
    case 1:
        return item.text("variant") == "r8.6" ? BiasConstraint::Accumulator
                                              : BiasConstraint::None;  // r8.0 acts in training only
    case 2:
        return BiasConstraint::WeightScale;
    default:
        return BiasConstraint::None;
    }
}

struct QuantizedLayer {
    std::vector<float> weight, bias;
};

QuantizedLayer quantizeLayer(const Merged& merged, int axis, bool isPerChannel, int bits,
                             BiasConstraint constraint, const PowerOfTwoLayer& layer) {
    QuantizedLayer result;
    double multiplier = 1;
    result.weight = quantizeWeights(merged.weight, axis, isPerChannel, bits, &multiplier);
    if (constraint == BiasConstraint::WeightScale) {
        const double constrained = constrainedWeightScale(merged.bias, multiplier, layer);
        if (constrained < multiplier) {
            QParams grid;
            grid.scale = {static_cast<float>(1 / constrained)};
            grid.zeroPoint = {0};
            grid.quantMin = -(1 << (bits - 1));
            grid.quantMax = (1 << (bits - 1)) - 1;
            grid.rounding = Rounding::HalfAway;
            fakeQuantize(merged.weight.floats(), result.weight, grid);
            multiplier = constrained;
        }
    }
    result.bias = powerOfTwoBias(merged.bias, multiplier, layer, constraint);
    return result;
}

void runMerging(Case& item) {
    const bool isTransposed = item.flag("is_deconv");
    const Merged merged = merge(item, "w", "conv_bias", "bn_", kMergeNames, isTransposed);
    const int bits = static_cast<int>(item.number("bits_weights", item.number("bits", 8)));
    const bool isDepthwise = merged.weight.dim(1) == 1;
    const bool isPerChannel =
        item.text("per_channel_q") == "all" || (item.flag("per_channel_q") && isDepthwise);
    PowerOfTwoLayer layer;
    layer.bits = bits;
    if (item.hasParam("input_pow2_clips")) {
        const std::vector<double> clips = flatten(item.params()["input_pow2_clips"]);
        layer.isInputSigned = clips[0] < 0;
        layer.inputScale =
            std::ldexp(1.0, layer.isInputSigned ? bits - 1 : bits) / std::max(std::fabs(clips[0]), clips[1]);
    }
    const QuantizedLayer q =
        quantizeLayer(merged, isTransposed ? 1 : 0, isPerChannel, bits, constraintOf(item), layer);
    item.check("merged_float_weight", merged.weight.values, toleranceOf(item));
    item.check("merged_float_bias", merged.bias, toleranceOf(item));
    item.check("weight_q", q.weight, toleranceOf(item));
    item.check("bias_q", q.bias, toleranceOf(item));
}

// The small network in evaluation
// ------------------------------------------------------------------------------------

void runNetwork(Case& item) {
    const Json& stored = item.params()["stored_ranges"];
    const int weightBits = item.integer("bits_weights");
    const int actBits = item.integer("bits_activations");
    const auto rangeOf = [&](const char* key) {
        const std::vector<double> values = flatten(stored[key]);
        return Range{values[0], values[1]};
    };
    const auto quantized = [&](const Tensor& x, const QParams& grid) {
        std::vector<float> y(x.size());
        fakeQuantize(x.floats(), y, grid);
        return fromFloats(x.shape, y);
    };
    const auto layerOf = [&](const QParams& inputGrid) {
        PowerOfTwoLayer layer;
        layer.bits = weightBits;
        layer.isInputSigned = inputGrid.isSigned();
        layer.inputScale = 1 / static_cast<double>(inputGrid.scale[0]);
        return layer;
    };
    const bool isPerChannelDepthwise = item.flag("per_channel_q_depthwise");
    const Tensor x = item.input("x");
    const auto groups = static_cast<std::int64_t>(item.number("groups_c2", 1));
    const ConvShape first = same(static_cast<std::int64_t>(item.number("padding_c1")));
    const ConvShape second = same(static_cast<std::int64_t>(item.number("padding_c2", 1)), 1, groups);
    const Merged c1 = merge(item, "c1.weight", "c1.bias", "b1.", kTorchNames, false);
    Merged c2;
    c2.weight = item.input("c2.weight");
    c2.bias = item.floats("c2.bias");

    const QParams inputGrid = activationGrid(rangeOf("c1.activation_in"), std::nullopt, actBits);
    const QParams middleGrid = activationGrid(rangeOf("r1"), false, actBits);
    const QParams outputGrid = activationGrid(rangeOf("c2.activation_q"), std::nullopt, actBits);
    const Tensor xq = quantized(x, inputGrid);
    const QuantizedLayer q1 = quantizeLayer(c1, 0, isPerChannelDepthwise && c1.weight.dim(1) == 1, weightBits,
                                            constraintOf(item), layerOf(inputGrid));
    const Tensor r1 =
        quantized(conv2d(xq, fromFloats(c1.weight.shape, q1.weight), doubles(q1.bias), first), middleGrid);
    const QuantizedLayer q2 = quantizeLayer(c2, 0, isPerChannelDepthwise && c2.weight.dim(1) == 1, weightBits,
                                            constraintOf(item), layerOf(middleGrid));
    const Tensor y =
        quantized(conv2d(r1, fromFloats(c2.weight.shape, q2.weight), doubles(q2.bias), second), outputGrid);
    const Tensor exact =
        conv2d(relu(conv2d(x, c1.weight, doubles(c1.bias), first)), c2.weight, doubles(c2.bias), second);
    item.check("r1_out", r1.values, toleranceOf(item));
    item.check("y_QuantTestModule", y.values, toleranceOf(item));
    item.check("y_QuantTrainModule_eval", y.values, toleranceOf(item));
    item.check("y_float", exact.values, toleranceOf(item));
}

}  // namespace

std::vector<Kind> powerOfTwoKinds() {
    const auto expects = [](const char* key) {
        return [key](const Case& item) { return item.expects(key); };
    };
    return {
        {"powers of two", expects("ceil2"), runPowers},
        {"roundings", expects("round_sym"), runRoundings},
        {"grid", [](const Case& c) { return c.hasParam("round_type"); }, runGrid},
        {"weights", expects("w_dequantized"), runWeights},
        {"activation", expects("grad_of_sum"), runActivation},
        {"extrema", [](const Case& c) { return c.hasParam("percentile_of_100"); }, runExtrema},
        {"range tracker",
         [](const Case& c) { return c.hasParam("range_shrink_percent") && c.expects("after_each"); },
         runTracker},
        {"weight constraint", expects("w_out"),
         [](Case& item) {
             item.hasParam("clamp_ratio") ? runConstraint(item)
                                          : item.skip("not supported yet: unknown constraint");
         }},
        {"merged layer", expects("bias_q"), runMerging},
        {"network", expects("y_QuantTestModule"), runNetwork},
        {"training steps", expects("step0"),
         [](Case& item) { item.skip("not supported yet: TI's training step with its look-back merging"); }},
        {"calibration", expects("per_iteration"),
         [](Case& item) { item.skip("not supported yet: TI's calibration with bias adjustment"); }},
        {"module surgery", expects("range_trackers"),
         [](Case& item) { item.skip("Python-only module surgery: which modules the reference replaces"); }},
    };
}

}  // namespace bitlathe::conform
