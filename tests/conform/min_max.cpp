// Cases of the min-max, moving-average and relative-entropy family (MXNet simulation, TensorRT, ncnn).

#include "core/graph/graph.h"
#include "core/graph/prepare.h"
#include "core/observers/divergence_search.h"
#include "core/observers/moving_average_observer.h"
#include "core/observers/sample_extrema.h"
#include "core/plan/quantized_bias.h"
#include "core/ptq/winograd_weights.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/symmetric_quantizer.h"
#include "core/types/rounding.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitlathe::conform {

namespace {

using namespace bitlathe::core;

Tolerance toleranceOf(const Case& item) {
    const Json& json = item.json()["tolerance"];
    const double both = json.is_number() ? json.get<double>() : 2e-6;
    return {both, both};
}

/// The scheme of the family: symmetric about zero, half away, narrow.
SymmetricQuantizer symmetric(bool isSigned) {
    return SymmetricQuantizer(
        SymmetricQuantizer::Codes::Narrow,
        isSigned ? SymmetricQuantizer::Sign::Signed : SymmetricQuantizer::Sign::Unsigned, Rounding::HalfAway);
}

struct Result {
    std::vector<float> values;
    std::vector<std::int32_t> codes;
    std::vector<float> scale;
    int quantMax = 0;
};

Result quantizeTo(const std::vector<float>& x, double reach, int bits, bool isSigned) {
    const SymmetricQuantizer scheme = symmetric(isSigned);
    const QParams q = scheme.qparams(Range{isSigned ? -reach : 0.0, reach}, BitWidth(bits));
    Result result{std::vector<float>(x.size()), std::vector<std::int32_t>(x.size()), q.scale, q.quantMax};
    fakeQuantize(x, result.values, q);
    quantize(x, result.codes, q);
    return result;
}

std::vector<std::int64_t> wide(const std::vector<std::int32_t>& codes) {
    return {codes.begin(), codes.end()};
}

float largestMagnitude(const std::vector<float>& values) {
    float largest = 0;
    for (const float x : values) {
        largest = std::max(largest, std::fabs(x));
    }
    return largest;
}

/// Weights with one scale per slice of the output channels.
Result quantizeWeights(const Tensor& w, std::int64_t channelsPerSlice, int bits) {
    const std::vector<float> values = w.floats();
    Result result{std::vector<float>(values.size()), std::vector<std::int32_t>(values.size()), {}, 0};
    for (const Slice& slice : slices(w.shape, 0, channelsPerSlice)) {
        const std::vector<float> part = gather(values, slice);
        const Result own = quantizeTo(part, largestMagnitude(part), bits, true);
        scatter(result.values, slice, own.values);
        for (std::size_t i = 0; i < slice.size(); ++i) {
            result.codes[slice[i]] = own.codes[i];
        }
        result.scale.push_back(own.scale.front());
    }
    return result;
}

void runRounding(Case& item) {
    std::vector<double> y;
    for (const double x : item.input("x").values) {
        y.push_back(roundTo(x, Rounding::HalfAway));
    }
    item.check("y", y, {});
}

void runInput(Case& item) {
    const Tensor x = item.input("x");
    const std::vector<float> values = x.floats();
    const int bits = item.integer("bits");
    const bool isSigned = item.flag("signed");
    const double online = meanSampleMagnitude(values, static_cast<std::size_t>(x.dim(0)));
    const Result a = quantizeTo(values, online, bits, isSigned);
    const Result b = quantizeTo(values, item.number("offline_range"), bits, isSigned);
    item.check("online_range", online, toleranceOf(item));
    item.checkExact("qmax", a.quantMax);
    item.check("scale_online", std::vector<double>{a.scale[0]}, toleranceOf(item));
    item.check("scale_offline", std::vector<double>{b.scale[0]}, toleranceOf(item));
    item.check("y_online", a.values, toleranceOf(item));
    item.check("y_offline", b.values, toleranceOf(item));
    item.checkExact("q_online", wide(a.codes));
    item.checkExact("q_offline", wide(b.codes));
    item.setAside("y_online_as_in_repo_negatives_clipped_to_zero", "a bug of the reference's dense layer");
    item.setAside("y_offline_as_in_repo_negatives_clipped_to_zero", "a bug of the reference's dense layer");
}

void runWeights(Case& item) {
    const Tensor w = item.input("w");
    const int bits = item.integer("bits");
    const Result layer = quantizeWeights(w, w.dim(0), bits);
    const Result channel = quantizeWeights(w, 1, bits);
    const Result group =
        quantizeWeights(w, w.dim(0) / static_cast<std::int64_t>(item.number("num_group", 1)), bits);
    for (const auto& [suffix, result] :
         {std::pair{"layer", &layer}, {"group", &group}, {"channel", &channel}}) {
        const std::string name = suffix;
        item.check("scale_" + name, std::vector<double>(result->scale.begin(), result->scale.end()),
                   toleranceOf(item));
        item.check("w_" + name, result->values, toleranceOf(item));
        item.checkExact("q_" + name, wide(result->codes));
    }
    item.checkExact("q", wide(channel.codes));
}

void runMovingAverage(Case& item) {
    std::vector<double> current;
    std::vector<double> average;
    MovingAverage ema(1 - item.number("momentum"), MovingAverage::Start::Zero);
    for (int i = 0; item.hasInput("batch" + std::to_string(i)); ++i) {
        const Tensor batch = item.input("batch" + std::to_string(i));
        current.push_back(meanSampleMagnitude(batch.floats(), static_cast<std::size_t>(batch.dim(0))));
        average.push_back(ema.add(current.back()));
    }
    item.check("current", current, toleranceOf(item));
    item.check("ema_after_each", average, toleranceOf(item));
}

/// Weight and bias with the batch norm folded in, by the library's own folding.
struct Folded {
    Tensor weight;
    std::vector<double> bias;
};

Folded fold(const Case& item, double epsilon) {
    const Tensor w = item.input("w");
    const auto vector = [&](const char* key) {
        const std::vector<float> values = item.floats(key);
        return FloatTensor({static_cast<std::int64_t>(values.size())}, values);
    };
    Conv2dOp conv;
    conv.weight = FloatTensor(w.shape, w.floats());
    conv.bias = vector("bias");
    conv.padding = {1, 1, 1, 1};
    const std::int64_t channels = w.dim(1) == 1 ? w.dim(0) : w.dim(1);
    conv.groups = channels / w.dim(1);
    Graph graph;
    const NodeId input = graph.append("input", InputOp{}, {});
    const NodeId convId = graph.append("conv", conv, {input});
    graph.output = graph.append("bn",
                                BatchNormOp{vector("gamma"), vector("beta"), vector("running_mean"),
                                            vector("running_var"), epsilon, 0.1},
                                {convId});
    inferShapes(graph, {1, channels, 8, 8});
    const Graph folded = foldBatchNorm(graph);
    for (const Node& node : folded.nodes) {
        if (const auto* op = std::get_if<Conv2dOp>(&node.op)) {
            const auto weights = op->weight.values();
            const auto bias = op->bias.values();
            return {{w.shape, {weights.begin(), weights.end()}}, {bias.begin(), bias.end()}};
        }
    }
    return {};
}

void runFolding(Case& item) {
    const Folded merged = fold(item, item.number("eps"));
    const std::int64_t perSlice = item.text("quant_type") == "layer" ? merged.weight.dim(0) : 1;
    const Result q = quantizeWeights(merged.weight, perSlice, item.integer("bits"));
    item.check("w_merged", merged.weight.values, toleranceOf(item));
    item.check("bias_merged", merged.bias, toleranceOf(item));
    item.check("w_merged_eps_1e-5", fold(item, 1e-5).weight.values, toleranceOf(item));
    item.check("scale", std::vector<double>(q.scale.begin(), q.scale.end()), toleranceOf(item));
    item.check("w_quantised", q.values, toleranceOf(item));
}

void runFoldingStatistics(Case& item) {
    const Tensor w = item.input("w");
    const std::vector<double> bias = item.input("bias").values;
    std::vector<MovingAverage> mean;
    std::vector<MovingAverage> variance;
    const std::vector<double> mean0 = item.input("running_mean0").values;
    const std::vector<double> variance0 = item.input("running_var0").values;
    for (std::size_t c = 0; c < mean0.size(); ++c) {
        mean.emplace_back(1 - item.number("momentum"), mean0[c]);
        variance.emplace_back(1 - item.number("momentum"), variance0[c]);
    }
    const Json& after = item.expected()["after_each"];
    for (std::size_t i = 0; i < after.size(); ++i) {
        const Tensor y = conv2d(item.input("x" + std::to_string(i)), w, bias,
                                same(static_cast<std::int64_t>(item.number("padding")),
                                     static_cast<std::int64_t>(item.number("stride"))));
        std::vector<double> batchMean = channelSums(y);
        const double count = static_cast<double>(y.size()) / static_cast<double>(batchMean.size());
        Tensor squares = y;
        const std::vector<Slice> channels = slices(y.shape, 1);
        std::vector<double> batchVariance(batchMean.size(), 0.0);
        std::vector<double> runningMean;
        std::vector<double> runningVariance;
        for (std::size_t c = 0; c < channels.size(); ++c) {
            batchMean[c] /= count;
            for (const std::size_t k : channels[c]) {
                batchVariance[c] += (y.values[k] - batchMean[c]) * (y.values[k] - batchMean[c]) / count;
            }
            runningMean.push_back(mean[c].add(batchMean[c]));
            runningVariance.push_back(variance[c].add(batchVariance[c]));
        }
        const std::string where = "batch " + std::to_string(i) + " ";
        item.compare(where + "batch_mean", after[i]["batch_mean"], batchMean, toleranceOf(item));
        item.compare(where + "batch_var", after[i]["batch_var"], batchVariance, toleranceOf(item));
        item.compare(where + "running_mean", after[i]["running_mean"], runningMean, toleranceOf(item));
        item.compare(where + "running_var", after[i]["running_var"], runningVariance, toleranceOf(item));
    }
    item.setAside("after_each", "compared entry by entry");
}

void runTrainingStep(Case& item) {
    // Straight through everywhere: the layer's backward sees quantized input and weights, the quantizers pass
    // gradients as they are.
    const Tensor x = item.input("x");
    const Tensor dy = item.input("dy");
    const int bits = item.integer("bits");
    const bool isFolded = item.flag("fake_bn");
    Tensor w = item.input("w");
    std::vector<double> bias = item.input("bias").values;
    if (isFolded) {
        const Folded merged = fold(item, item.number("eps", 1e-10));
        w = merged.weight;
        bias = merged.bias;
    }
    const Result wq = quantizeWeights(w, item.text("quant_type") == "layer" ? w.dim(0) : 1, bits);
    const Result xq =
        quantizeTo(x.floats(), meanSampleMagnitude(x.floats(), static_cast<std::size_t>(x.dim(0))), bits,
                   item.flag("signed"));
    const ConvShape shape = same(static_cast<std::int64_t>(item.number("padding")),
                                 static_cast<std::int64_t>(item.number("stride")));
    const Tensor xt = fromFloats(x.shape, xq.values);
    const Tensor wt = fromFloats(w.shape, wq.values);
    item.check("xq", xq.values, toleranceOf(item));
    item.check("wq", wq.values, toleranceOf(item));
    item.check("y", conv2d(xt, wt, bias, shape).values, toleranceOf(item));
    item.check("grad_x", conv2dGradientInput(dy, wt, x.shape, shape).values, toleranceOf(item));
    Tensor dw = conv2dGradientWeight(dy, xt, w.shape, shape);
    std::vector<double> db = channelSums(dy);
    if (isFolded) {
        // Through the folding: w' = w g, b' = (b - mean) g + beta with g = gamma / sqrt(variance + eps).
        const Tensor raw = item.input("w");
        const std::vector<double> rawBias = item.input("bias").values;
        const std::vector<double> gamma = item.input("gamma").values;
        const std::vector<double> mean = item.input("running_mean").values;
        const std::vector<double> variance = item.input("running_var").values;
        std::vector<double> dGamma(gamma.size(), 0.0);
        const std::vector<double> dBeta = db;
        const std::vector<Slice> channels = slices(w.shape, 0);
        for (std::size_t c = 0; c < gamma.size(); ++c) {
            const double inverse = 1 / std::sqrt(variance[c] + item.number("eps", 1e-10));
            for (const std::size_t i : channels[c]) {
                dGamma[c] += dw.values[i] * raw.values[i] * inverse;
                dw.values[i] *= gamma[c] * inverse;
            }
            dGamma[c] += db[c] * (rawBias[c] - mean[c]) * inverse;
            db[c] *= gamma[c] * inverse;
        }
        item.check("grad_gamma", dGamma, toleranceOf(item));
        item.check("grad_beta", dBeta, toleranceOf(item));
    }
    item.check("grad_w", dw.values, toleranceOf(item));
    item.check("grad_bias", db, toleranceOf(item));
}

void runWinograd(Case& item) {
    const Tensor w = item.input("w");
    const std::string name = item.text("transform");
    const WinogradTile tile =
        name == "F23" ? WinogradTile::F2 : (name == "F43" ? WinogradTile::F4 : WinogradTile::F6);
    const WinogradWeights result =
        quantizeWinograd(FloatTensor(w.shape, w.floats()), tile, item.integer("bits"));
    const std::vector<double> g = winogradTransform(tile);
    item.compare("G", item.inputs()["G"], g, {1e-6, 1e-6});
    item.check("U", result.transformed, toleranceOf(item));
    item.check("scale", std::vector<double>(result.qparams.scale.begin(), result.qparams.scale.end()),
               toleranceOf(item));
    item.checkExact("U_q", wide(result.codes));
    item.check("w_out", result.weights, toleranceOf(item));
}

void runActivation(Case& item) {
    const Tensor x = item.input("x");
    if (!item.hasParam("bits")) {
        // relu6, which networks of the family run before their quantizers: a clamp.
        std::vector<double> y = x.values;
        for (double& value : y) {
            value = std::clamp(value, 0.0, 6.0);
        }
        item.check("y", y, {});
        return;
    }
    std::vector<float> values = x.floats();
    for (float& value : values) {
        value = std::max(value, 0.0F);
    }
    const double range = meanSampleMaximum(values, static_cast<std::size_t>(x.dim(0)));
    item.check("range", range, toleranceOf(item));
    item.check("y", quantizeTo(values, range, item.integer("bits"), false).values, toleranceOf(item));
}

void runIntegerConvolution(Case& item) {
    const Tensor raw = item.input("x");
    const Tensor w = item.input("w");
    const auto groups = static_cast<std::int64_t>(item.number("groups"));
    Tensor x{{raw.dim(0), raw.dim(1), raw.dim(2) + 2, raw.dim(3) + 2}, {}};
    for (std::int64_t plane = 0; plane < raw.dim(0) * raw.dim(1); ++plane) {
        for (std::int64_t r = -1; r <= raw.dim(2); ++r) {
            for (std::int64_t c = -1; c <= raw.dim(3); ++c) {
                const bool isInside = r >= 0 && r < raw.dim(2) && c >= 0 && c < raw.dim(3);
                x.values.push_back(
                    isInside ? raw.values[static_cast<std::size_t>((plane * raw.dim(2) + r) * raw.dim(3) + c)]
                             : 0.0);
            }
        }
    }
    const bool isSigned = item.text("input_type") == "int8";
    const Result qx = quantizeTo(x.floats(), largestMagnitude(x.floats()), 8, isSigned);
    const Result qw = quantizeWeights(w, w.dim(0), 8);
    QParams in;
    in.scale = qx.scale;
    QParams weight;
    weight.scale = qw.scale;
    const QuantizedBias bias = quantizedBias(item.floats("bias"), in, weight);
    const Tensor acc =
        conv2d({x.shape, {qx.codes.begin(), qx.codes.end()}}, {w.shape, {qw.codes.begin(), qw.codes.end()}},
               {bias.codes.begin(), bias.codes.end()}, same(0, 1, groups));
    std::vector<double> y;
    for (const double a : acc.values) {
        y.push_back(a * bias.scale[0]);
    }
    item.check("in_scale", qx.scale[0], toleranceOf(item));
    item.check("w_scale", qw.scale[0], toleranceOf(item));
    item.checkExact("qx_padded", wide(qx.codes));
    item.checkExact("qw", wide(qw.codes));
    item.checkExact("qb", wide(bias.codes));
    item.check("acc_int32", acc.values, {});
    item.check("y", y, toleranceOf(item));
}

void runNcnnConvolution(Case& item) {
    // ncnn multiplies by 127 / threshold; the library divides by the step. The cases keep values away from
    // ties.
    Tensor x = item.input("x");
    const Tensor w = item.input("w");
    const auto groups = static_cast<std::int64_t>(item.number("groups"));
    const double inScale = item.inputs()["in_scale"].get<double>();
    const std::vector<double> wScales = item.input("w_scales").values;
    const auto codesOf = [](const std::vector<float>& values, double multiplier) {
        QParams grid;
        grid.scale = {static_cast<float>(1 / multiplier)};
        grid.zeroPoint = {0};
        grid.quantMin = -127;
        grid.quantMax = 127;
        grid.rounding = Rounding::HalfAway;
        std::vector<std::int32_t> codes(values.size());
        quantize(values, codes, grid);
        return codes;
    };
    const std::vector<std::int32_t> qx = codesOf(x.floats(), inScale);
    std::vector<std::int32_t> qw(w.size());
    const std::vector<Slice> channels = slices(w.shape, 0);
    const std::vector<float> weights = w.floats();
    for (std::size_t c = 0; c < channels.size(); ++c) {
        const std::vector<std::int32_t> codes =
            codesOf(gather(weights, channels[c]), wScales[wScales.size() == 1 ? 0 : c]);
        for (std::size_t i = 0; i < codes.size(); ++i) {
            qw[channels[c][i]] = codes[i];
        }
    }
    const std::vector<std::int64_t> batched{1, x.dim(0), x.dim(1), x.dim(2)};
    const Tensor acc = conv2d({batched, {qx.begin(), qx.end()}}, {w.shape, {qw.begin(), qw.end()}}, {},
                              same(static_cast<std::int64_t>(item.number("padding")),
                                   static_cast<std::int64_t>(item.number("stride")), groups));
    const std::vector<double> bias = item.input("bias").values;
    const std::vector<Slice> outputs = slices(acc.shape, 1);
    std::vector<float> y(acc.size());
    for (std::size_t c = 0; c < outputs.size(); ++c) {
        for (const std::size_t i : outputs[c]) {
            y[i] = static_cast<float>(
                std::max(0.0, acc.values[i] / (inScale * wScales[wScales.size() == 1 ? 0 : c]) + bias[c]));
        }
    }
    item.checkExact("qx", wide(qx));
    item.checkExact("qw", wide(qw));
    item.check("acc", acc.values, {});
    item.check("y_relu", y, toleranceOf(item));
    item.checkExact("requantised", wide(codesOf(y, item.inputs()["top_scale"].get<double>())));
}

// Relative entropy
// ---------------------------------------------------------------------------------------------------

void compareSearch(Case& item, const std::string& key, const std::vector<double>& histogram,
                   std::size_t levels, DivergenceForm form, double maximum) {
    if (!item.expects(key)) {
        return;
    }
    const Json& wanted = item.expected()[key];
    const DivergenceCurve curve = divergenceCurve(histogram, levels, form);
    const auto wantedBins = wanted["best_bins"].get<std::size_t>();
    const double gap = wanted.value("gap_to_second", 1.0);
    item.compare(key + ".divergence", wanted["divergence"], {curve.bestDivergence()}, {2e-5, 2e-5});
    std::size_t best = curve.best();
    if (gap <= 1e-7 && wantedBins >= curve.firstCandidate &&
        wantedBins - curve.firstCandidate < curve.divergence.size() &&
        curve.divergence[wantedBins - curve.firstCandidate] <= curve.bestDivergence() + 1e-6) {
        best = wantedBins;  // as good as ours to the last digits that mean anything
    }
    item.compare(key + ".best_bins", wanted["best_bins"], {static_cast<double>(best)}, {});
    item.compare(key + ".threshold", wanted["threshold"],
                 {divergenceThreshold(best, maximum / static_cast<double>(histogram.size()))}, {0, 1e-5});
}

/// The samples a case describes by a linear congruential generator, and their histogram.
std::vector<double> generatedHistogram(const Case& item, double& maximum) {
    auto state = static_cast<std::uint64_t>(item.number("seed"));
    const auto count = static_cast<std::size_t>(item.number("n"));
    const bool dropsByIndex = item.text("generator").find("index mod 10") != std::string::npos;
    std::vector<float> samples;
    for (std::size_t i = 0; i < count; ++i) {
        state = (state * 1664525 + 1013904223) % (std::uint64_t{1} << 32);
        const double u = static_cast<double>(state) / 4294967296.0;
        const bool isDropped = dropsByIndex ? i % 10 < 3 : u < 0.3;
        samples.push_back(isDropped ? 0.0F : static_cast<float>(6 * std::pow(u, item.number("p"))));
    }
    const float largest = *std::max_element(samples.begin(), samples.end());
    maximum = largest;
    const auto bins = static_cast<std::size_t>(item.number("bins"));
    std::vector<double> histogram(bins, 0.0);
    const auto factor = static_cast<float>(static_cast<double>(bins) / (maximum + 1e-5));
    for (const float x : samples) {
        if (x != 0.0F) {
            histogram[std::min(bins - 1, static_cast<std::size_t>(x * factor))] += 1;
        }
    }
    return histogram;
}

void runDivergence(Case& item) {
    double maximum = item.number("max", 0);
    std::vector<double> histogram;
    if (item.hasInput("hist")) {
        histogram = item.input("hist").values;
    } else {
        histogram = generatedHistogram(item, maximum);
        double sum = 0;
        for (const double count : histogram) {
            sum += count;
        }
        // "An off-by-one in at most 4 bins is acceptable": two samples may fall on the other side of an edge.
        item.check("max", maximum, {0, 1e-6});
        item.check("hist_sum", sum, {});
        item.check("hist_first16", std::vector<double>(histogram.begin(), histogram.begin() + 16), {1, 0});
        item.check("hist_last8", std::vector<double>(histogram.end() - 8, histogram.end()), {1, 0});
    }
    const auto levels = static_cast<std::size_t>(item.number("levels"));
    compareSearch(item, "linear_interpolation_variant", histogram, levels, DivergenceForm::Interpolating,
                  maximum);
    compareSearch(item, "tensorrt_style", histogram, levels, DivergenceForm::TensorRt, maximum);
    compareSearch(item, "ncnn_style_128", histogram, 128, DivergenceForm::Ncnn, maximum);
    compareSearch(item, "ncnn_style_128_on_same_histogram", histogram, 128, DivergenceForm::Ncnn, maximum);
    for (const char* key : {"linear_interpolation_variant", "tensorrt_style", "ncnn_style_128",
                            "ncnn_style_128_on_same_histogram"}) {
        item.setAside(key, "compared entry by entry");
    }
}

bool isMxnet(const Case& item) {
    return item.json().contains("tolerance") && !item.hasParam("variant") && !item.json().contains("source");
}

}  // namespace

std::vector<Kind> minMaxKinds() {
    const auto expects = [](const char* key) {
        return [key](const Case& item) { return isMxnet(item) && item.expects(key); };
    };
    return {
        {"rounding", [](const Case& c) { return c.text("op").starts_with("round(x), ties away"); },
         runRounding},
        {"input ranges", expects("online_range"), runInput},
        {"folded weights", expects("w_merged"), runFolding},
        {"folding statistics",
         [](const Case& c) { return c.hasInput("running_mean0") && c.expects("after_each"); },
         runFoldingStatistics},
        {"Winograd weights", expects("U_q"), runWinograd},
        {"training step", expects("wq"), runTrainingStep},
        {"integer convolution", expects("qx_padded"), runIntegerConvolution},
        {"ncnn convolution", expects("y_relu"), runNcnnConvolution},
        {"weights", [](const Case& c) { return isMxnet(c) && c.expects("w_channel"); }, runWeights},
        {"moving average", expects("ema_after_each"), runMovingAverage},
        {"relative entropy", expects("linear_interpolation_variant"), runDivergence},
        {"histogram over chunks", expects("hist_chunk1"),
         [](Case& item) {
             item.skip("defect of the reference: its first batch fixes the histogram's reach and later "
                       "outliers pile up in the last bin; ours grows");
         }},
        {"scale table", expects("table_text"),
         [](Case& item) { item.skip("not supported yet: writing ncnn's scale table"); }},
        {"activation",
         [](const Case& c) {
             return isMxnet(c) && c.expects("y") && c.hasInput("x") &&
                    (c.params().empty() || c.text("rule").starts_with("after ReLU"));
         },
         runActivation},
    };
}

}  // namespace bitlathe::conform
