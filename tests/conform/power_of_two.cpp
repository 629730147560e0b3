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
    for (const float x : item.floats("x")) {  // float32: eight digits fall on either side of 2^-16
        up.push_back(std::ldexp(1.0, ceilLog2(x)));
        down.push_back(std::ldexp(1.0, floorLog2(x)));
        nearest.push_back(std::ldexp(1.0, roundLog2(x)));
    }
    item.check("ceil2", up, {0, 1e-7});        // the file has eight digits
    item.check("floor2", down, {0, 1e-7});     // the file has eight digits
    item.check("round2", nearest, {0, 1e-7});  // the file has eight digits
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

// Training and calibration of the small network
// ------------------------------------------------------------------------

/// The network as TI's wrapper runs it: every layer once in float on quantized inputs, and once more, merged
/// and quantized, when the value reaches the next tracker, which hands on the quantized value with the float
/// value's gradient.
class TrackedNet {
public:
    explicit TrackedNet(const Case& item)
        : w1(item.input("c1.weight")), w2(item.input("c2.weight")), b2(item.input("c2.bias").values),
          gamma(item.input("b1.weight").values), beta(item.input("b1.bias").values),
          mean(item.input("b1.running_mean").values), variance(item.input("b1.running_var").values),
          m_weightBits(item.integer("bits_weights")), m_actBits(item.integer("bits_activations")),
          m_constrains(item.flag("constrain_weights", true)), m_isPerChannel(item.flag("per_channel_q")),
          m_constraint(constraintOf(item)),
          m_first(same(static_cast<std::int64_t>(item.number("padding_c1", 1)))),
          m_second(same(static_cast<std::int64_t>(item.number("padding_c2", (w2.dim(2) - 1) / 2.0)), 1,
                        static_cast<std::int64_t>(item.number("groups_c2", 1)))) {}

    Tensor w1, w2;
    std::vector<double> b2, gamma, beta, mean, variance;
    RangeTracker input, middle{{0, 8}}, output;
    // Of the latest pass: values, the merged layers' inputs and what gradients need.
    Tensor xq, raw1, norm1, middleQ, raw2, y;
    std::vector<double> batchMean, batchVariance;
    Range inputClip, middleClip, outputClip;

    /// The float layers alone, trackers off.
    void floatPass(const Tensor& x) {
        raw1 = conv2d(x, w1, {}, m_first);
        norm1 = normalised(raw1, mean, variance);
        raw2 = conv2d(relu(norm1), w2, b2, m_second);
    }

    void quantizeInput(const Tensor& x) {
        const QParams grid = track(input, x, std::nullopt, inputClip);
        m_inputLayer = layerOf(grid);
        xq = quantized(x, grid);
        raw1 = conv2d(xq, w1, {}, m_first);
    }
    void normaliseByBatch(double momentum) {
        const std::vector<Slice> channels = slices(raw1.shape, 1);
        batchMean.assign(channels.size(), 0.0);
        batchVariance.assign(channels.size(), 0.0);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            const auto n = static_cast<double>(channels[c].size());
            for (const std::size_t i : channels[c]) {
                batchMean[c] += raw1.values[i] / n;
            }
            for (const std::size_t i : channels[c]) {
                batchVariance[c] += (raw1.values[i] - batchMean[c]) * (raw1.values[i] - batchMean[c]) / n;
            }
            mean[c] += momentum * (batchMean[c] - mean[c]);
            variance[c] += momentum * (batchVariance[c] * n / (n - 1) - variance[c]);
        }
        norm1 = normalised(raw1, batchMean, batchVariance);
    }
    void normaliseByRunning() { norm1 = normalised(raw1, mean, variance); }

    void quantizeMiddle(bool writesBack) {
        const QParams grid = track(middle, norm1, false, middleClip);
        Merged merged{w1, {}};
        const std::vector<Slice> channels = slices(w1.shape, 0);
        std::vector<double> factors;
        for (std::size_t c = 0; c < channels.size(); ++c) {
            factors.push_back(gamma[c] / std::sqrt(variance[c] + kEpsilon));
            merged.bias.push_back(beta[c] - mean[c] * factors[c]);
            for (const std::size_t i : channels[c]) {
                merged.weight.values[i] *= factors[c];
            }
        }
        const QuantizedLayer q = quantize(merged, writesBack, m_inputLayer);
        if (writesBack) {
            for (std::size_t c = 0; c < channels.size(); ++c) {
                const double divisor = std::copysign(std::max(std::fabs(factors[c]), kEpsilon), factors[c]);
                for (const std::size_t i : channels[c]) {
                    w1.values[i] = q.weight[i] / divisor;
                }
            }
        }
        middleQ = quantized(conv2d(xq, fromFloats(w1.shape, q.weight), doubles(q.bias), m_first), grid);
        m_middleLayer = layerOf(grid);
        raw2 = conv2d(middleQ, w2, b2, m_second);
    }
    void quantizeOutput(bool writesBack) {
        const QParams grid = track(output, raw2, std::nullopt, outputClip);
        const Merged merged{w2, {b2.begin(), b2.end()}};
        const QuantizedLayer q = quantize(merged, writesBack, m_middleLayer);
        if (writesBack) {
            w2 = fromFloats(w2.shape, q.weight);
        }
        y = quantized(conv2d(middleQ, fromFloats(w2.shape, q.weight), doubles(q.bias), m_second), grid);
    }

    const ConvShape& first() const { return m_first; }
    const ConvShape& second() const { return m_second; }
    static constexpr double kEpsilon = 1e-5;

private:
    Tensor normalised(Tensor x, const std::vector<double>& center, const std::vector<double>& spread) const {
        const std::vector<Slice> channels = slices(x.shape, 1);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            for (const std::size_t i : channels[c]) {
                x.values[i] =
                    (x.values[i] - center[c]) / std::sqrt(spread[c] + kEpsilon) * gamma[c] + beta[c];
            }
        }
        return x;
    }
    QParams track(RangeTracker& tracker, const Tensor& x, std::optional<bool> isSigned, Range& clip) const {
        // Fewer than 10,000 values: the histogram cuts nothing at 0.01 %.
        const QParams grid =
            activationGrid(tracker.update(histogramExtrema(x.floats(), 0.0)), isSigned, m_actBits);
        clip = clipOf(grid, m_actBits);
        return grid;
    }
    static Tensor quantized(const Tensor& x, const QParams& grid) {
        std::vector<float> out(x.size());
        fakeQuantize(x.floats(), out, grid);
        return fromFloats(x.shape, out);
    }
    PowerOfTwoLayer layerOf(const QParams& grid) const {
        return {1 / static_cast<double>(grid.scale[0]), grid.isSigned(), m_weightBits};
    }
    QuantizedLayer quantize(Merged merged, bool isFirstTime, const PowerOfTwoLayer& layer) const {
        if (isFirstTime && m_constrains && !m_isPerChannel) {
            std::vector<float> values = merged.weight.floats();
            constrainWeights(values);
            merged.weight = fromFloats(merged.weight.shape, values);
        }
        return quantizeLayer(merged, 0, m_isPerChannel && merged.weight.dim(1) == 1, m_weightBits,
                             m_constraint, layer);
    }

    int m_weightBits, m_actBits;
    bool m_constrains, m_isPerChannel;
    BiasConstraint m_constraint;
    ConvShape m_first, m_second;
    PowerOfTwoLayer m_inputLayer, m_middleLayer;
};

std::vector<double> channelMeans(const Tensor& x) {
    std::vector<double> means = channelSums(x);
    for (double& m : means) {
        m /= static_cast<double>(x.size()) / static_cast<double>(means.size());
    }
    return means;
}

std::vector<double> bounds(const RangeTracker& tracker) {
    return {tracker.range().lower, tracker.range().upper};
}

Tensor masked(const Tensor& gradient, const Tensor& at, const Range& clip) {
    std::vector<float> out(gradient.size());
    clampBackward(at.floats(), gradient.floats(), out, static_cast<float>(clip.lower),
                  static_cast<float>(clip.upper));
    return fromFloats(gradient.shape, out);
}

void runTrainingSteps(Case& item) {
    TrackedNet net(item);
    constexpr double kRate = 0.01;
    constexpr double kDecay = 1e-4;
    const Tensor target = item.input("target");
    for (int step = 0; item.hasInput("x" + std::to_string(step)); ++step) {
        const std::string key = "step" + std::to_string(step);
        const Json& wanted = item.expected()[key];
        const auto compare = [&](const std::string& what, const std::vector<double>& got) {
            item.require(wanted.contains(what), key + " has no " + what);
            if (wanted.contains(what)) {
                item.compare(key + "." + what, wanted[what], got, toleranceOf(item));
            }
        };
        const bool isFirst = step == 0;
        net.quantizeInput(item.input("x" + std::to_string(step)));
        net.normaliseByBatch(item.number("bn_momentum"));
        net.quantizeMiddle(isFirst);
        net.quantizeOutput(isFirst);
        double loss = 0;
        Tensor g = net.y;
        for (std::size_t i = 0; i < g.size(); ++i) {
            const double difference = net.y.values[i] - target.values[i];
            loss += difference * difference / static_cast<double>(g.size());
            g.values[i] = 2 * difference / static_cast<double>(g.size());
        }
        // Backwards through the float path: clamp, second layer (its weights as the forward pass left them),
        // clamp, batch norm, first layer.
        const Tensor dRaw2 = masked(g, net.raw2, net.outputClip);
        const Tensor dW2 = conv2dGradientWeight(dRaw2, net.middleQ, net.w2.shape, net.second());
        const Tensor dNorm = masked(conv2dGradientInput(dRaw2, net.w2, net.middleQ.shape, net.second()),
                                    net.norm1, net.middleClip);
        const std::vector<double> dBeta = channelSums(dNorm);
        std::vector<double> dGamma(dBeta.size(), 0.0);
        Tensor dRaw1 = dNorm;
        const std::vector<Slice> channels = slices(dNorm.shape, 1);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            const double inverse = 1 / std::sqrt(net.batchVariance[c] + TrackedNet::kEpsilon);
            const auto n = static_cast<double>(channels[c].size());
            const auto hat = [&](std::size_t i) { return (net.raw1.values[i] - net.batchMean[c]) * inverse; };
            for (const std::size_t i : channels[c]) {
                dGamma[c] += dNorm.values[i] * hat(i);
            }
            for (const std::size_t i : channels[c]) {
                dRaw1.values[i] =
                    net.gamma[c] * inverse * (dNorm.values[i] - dBeta[c] / n - hat(i) * dGamma[c] / n);
            }
        }
        const Tensor dW1 = conv2dGradientWeight(dRaw1, net.xq, net.w1.shape, net.first());
        compare("y", net.y.values);
        compare("loss", {loss});
        compare("buffer.c1.activation_in.clips_act", bounds(net.input));
        compare("buffer.b1.running_mean", net.mean);
        compare("buffer.b1.running_var", net.variance);
        compare("buffer.r1.clips_act", bounds(net.middle));
        compare("buffer.c2.activation_q.clips_act", bounds(net.output));
        const auto update = [&](const std::string& name, std::vector<double>& values,
                                const std::vector<double>& gradient) {
            compare("grad." + name, gradient);
            compare("param_after_forward." + name, values);
            for (std::size_t i = 0; i < values.size(); ++i) {
                values[i] -= kRate * (gradient[i] + kDecay * values[i]);
            }
            compare("param_after_sgd." + name, values);
        };
        update("c1.weight", net.w1.values, dW1.values);
        update("b1.weight", net.gamma, dGamma);
        update("b1.bias", net.beta, dBeta);
        update("c2.weight", net.w2.values, dW2.values);
        update("c2.bias", net.b2, channelSums(dRaw2));
        item.setAside(key, "compared entry by entry");
    }
}

void runCalibration(Case& item) {
    TrackedNet exact(item);
    TrackedNet net(item);
    const double rate = item.number("lr_calib");
    const Json& wanted = item.expected()["per_iteration"];
    const auto adjust = [&](std::vector<double>& bias, const Tensor& floatOutput, const Tensor& output) {
        const std::vector<double> goal = channelMeans(floatOutput);
        const std::vector<double> now = channelMeans(output);
        for (std::size_t c = 0; c < bias.size(); ++c) {
            bias[c] += rate * (goal[c] - now[c]);
        }
    };
    for (int i = 0; i < item.integer("iterations"); ++i) {
        const Tensor x = item.input("x" + std::to_string(i));
        exact.floatPass(x);
        net.quantizeInput(x);
        net.normaliseByRunning();
        adjust(net.beta, exact.norm1, net.norm1);
        net.quantizeMiddle(i == 0);
        adjust(net.b2, exact.raw2, net.raw2);
        net.quantizeOutput(i == 0);
        const Json& after = wanted[static_cast<std::size_t>(i)];
        const std::string where = "iteration " + std::to_string(i) + " ";
        item.compare(where + "y", after["y"], net.y.values, toleranceOf(item));
        item.compare(where + "b1.bias", after["b1.bias"], net.beta, toleranceOf(item));
        item.compare(where + "c2.bias", after["c2.bias"], net.b2, toleranceOf(item));
        item.compare(where + "input range", after["c1.activation_in.clips_act"], bounds(net.input),
                     toleranceOf(item));
        item.compare(where + "middle range", after["r1.clips_act"], bounds(net.middle), toleranceOf(item));
        item.compare(where + "output range", after["c2.activation_q.clips_act"], bounds(net.output),
                     toleranceOf(item));
    }
    const Json& last = item.expected()["final_parameters"];
    item.compare("final c1.weight", last["c1.weight"], net.w1.values, toleranceOf(item));
    item.compare("final b1.weight", last["b1.weight"], net.gamma, toleranceOf(item));
    item.compare("final b1.bias", last["b1.bias"], net.beta, toleranceOf(item));
    item.compare("final c2.weight", last["c2.weight"], net.w2.values, toleranceOf(item));
    item.compare("final c2.bias", last["c2.bias"], net.b2, toleranceOf(item));
    item.setAside("per_iteration", "compared entry by entry");
    item.setAside("final_parameters", "compared entry by entry");
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
        {"training steps", expects("step0"), runTrainingSteps},
        {"calibration", expects("per_iteration"), runCalibration},
        {"module surgery", expects("range_trackers"),
         [](Case& item) { item.skip("Python-only module surgery: which modules the reference replaces"); }},
    };
}

}  // namespace bitlathe::conform
