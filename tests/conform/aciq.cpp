// Cases of the ACIQ family (Banner et al. 2019): analytic clips, bit allocation, GEMMLOWP grids, corrections,
// mid-tread, entropy, codebooks, statistics, and small networks end to end.

#include "core/analysis/describe.h"
#include "core/analysis/entropy_coding.h"
#include "core/graph/graph.h"
#include "core/graph/prepare.h"
#include "core/observers/analytic_clip.h"
#include "core/observers/divergence_search.h"
#include "core/ptq/channel_bit_allocation.h"
#include "core/ptq/weight_correction.h"
#include "core/quantizers/codebook.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/gemmlowp_grid.h"
#include "core/quantizers/mid_tread.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace bitlathe::conform {

namespace {

using namespace bitlathe::core;

Tolerance toleranceOf(const Case& item, double relative = 2e-5, double absolute = 1e-6) {
    const Json& json = item.json().value("tolerance", Json::object());
    if (json.is_object()) {
        relative = json.contains("rtol") && json["rtol"].is_number() ? json["rtol"].get<double>() : relative;
        absolute = json.contains("atol") && json["atol"].is_number() ? json["atol"].get<double>() : absolute;
    }
    return {absolute, relative};
}

/// Integers may come out of a float32 quotient of 1e7 in the reference (channels with 0 bits have a step of
/// 1e-8): one or two units in its last place there, and exact for every other zero point.
constexpr Tolerance kWhole{1e-9, 1e-6};

double meanSquare(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    }
    return a.empty() ? 0.0 : sum / static_cast<double>(a.size());
}

std::vector<double> column(const std::vector<Description>& list, double Description::*member) {
    std::vector<double> result;
    for (const Description& item : list) {
        result.push_back(item.*member);
    }
    return result;
}

/// What a quantization of one tensor came to.
struct Quantized {
    std::vector<double> alpha, range, offset, scale, zeroPoint;
    std::vector<int> bits;
    std::vector<float> values;
    std::vector<std::int32_t> codes;
};

struct Scheme {
    int bits = 4;
    std::string clip = "no";  ///< no, laplace, gaus, "<X>std"
    bool isOneSided = false;
    bool usesTensorGrid = false;       ///< half away from zero, zero only where it lies inside
    std::optional<double> allocation;  ///< mean bits per channel
    bool allocatesByB = false;
    BitRounding rounding = BitRounding::Nearest;
};

double clipOf(const Scheme& scheme, int channelBits, const Description& statistics) {
    if (scheme.clip == "laplace") {
        return optimalClip(ClipPrior::Laplace, std::exp2(channelBits), scheme.isOneSided,
                           ClipModel::Published) *
               statistics.meanDeviation;
    }
    if (scheme.clip == "gaus") {
        return optimalClip(ClipPrior::Gauss, std::exp2(scheme.bits), scheme.isOneSided,
                           ClipModel::Published) *
               statistics.deviation;
    }
    return std::stod(scheme.clip) * statistics.deviation;  // "2std"
}

Quantized quantizeTensor(const std::vector<float>& x, const std::vector<Slice>& parts,
                         const std::vector<Description>& statistics, const Scheme& scheme) {
    Quantized result;
    result.values.resize(x.size());
    result.codes.resize(x.size());
    result.bits.assign(parts.size(), scheme.bits);
    if (scheme.allocation && scheme.bits <= 4) {
        const std::vector<double> spread =
            column(statistics, scheme.allocatesByB ? &Description::meanDeviation : &Description::deviation);
        result.bits = allocateBits(spread, *scheme.allocation, scheme.rounding).bits;
    }
    for (std::size_t s = 0; s < parts.size(); ++s) {
        const Description& d = statistics[s];
        Range range{scheme.isOneSided ? 0.0 : d.minimum, d.maximum};
        if (scheme.clip != "no") {
            const double alpha = clipOf(scheme, result.bits[s], d);
            result.alpha.push_back(alpha);
            if (scheme.isOneSided) {
                range = {0.0, std::max(d.mean, 0.0) + alpha};
            } else {
                const double lower = std::max(d.minimum, d.mean - alpha);
                range = {lower, lower + 2 * alpha};
            }
        }
        const GemmlowpGrid grid = scheme.usesTensorGrid ? gemmlowpTensorGrid(range, result.bits[s])
                                                        : gemmlowpGrid(range, result.bits[s]);
        result.range.push_back(range.width());
        result.offset.push_back(range.lower);
        result.scale.push_back(grid.scale);
        result.zeroPoint.push_back(grid.hasZero ? grid.zeroPoint : std::nan(""));
        const std::vector<float> part = gather(x, parts[s]);
        std::vector<float> out(part.size());
        std::vector<std::int32_t> codes(part.size());
        quantizeGemmlowp(part, out, codes, grid);
        for (std::size_t i = 0; i < part.size(); ++i) {
            result.values[parts[s][i]] = out[i];
            result.codes[parts[s][i]] = codes[i];
        }
    }
    return result;
}

std::vector<Description> describeSlices(const std::vector<float>& x, const std::vector<Slice>& parts) {
    std::vector<Description> result;
    for (const Slice& part : parts) {
        result.push_back(describe(gather(x, part)));
    }
    return result;
}

/// Per-sample extrema averaged over the batch replace the tensor's own.
void averageExtrema(Description& d, const Tensor& x) {
    const std::vector<Description> samples = describeSlices(x.floats(), slices(x.shape, 0));
    d.minimum = d.maximum = 0;
    for (const Description& sample : samples) {
        d.minimum += sample.minimum / static_cast<double>(samples.size());
        d.maximum += sample.maximum / static_cast<double>(samples.size());
    }
}

std::vector<Description> offlineStatistics(const Json& json) {
    const std::vector<double> b = flatten(json["mean_b"]);
    const std::vector<double> deviation = flatten(json["mean_std"]);
    const std::vector<double> mean = flatten(json["mean_mean"]);
    const std::vector<double> minimum = flatten(json["mean_min"]);
    const std::vector<double> maximum = flatten(json["mean_max"]);
    std::vector<Description> result(b.size());
    for (std::size_t i = 0; i < b.size(); ++i) {
        result[i].meanDeviation = b[i];
        result[i].deviation = deviation[i];
        result[i].mean = mean[i];
        result[i].minimum = minimum[i];
        result[i].maximum = maximum[i];
    }
    return result;
}

double pooledEntropy(const std::vector<std::int32_t>& codes) {
    return shannonEntropyBits(codeCounts(codes));
}

double meanPerSlice(const std::vector<std::int32_t>& codes, const std::vector<Slice>& parts,
                    double (*measure)(std::span<const std::uint64_t>)) {
    double sum = 0;
    for (const Slice& part : parts) {
        std::vector<std::int32_t> own;
        for (const std::size_t i : part) {
            own.push_back(codes[i]);
        }
        sum += measure(codeCounts(own)) * static_cast<double>(part.size());
    }
    return sum / static_cast<double>(codes.size());
}

double huffmanOf(std::span<const std::uint64_t> counts) {
    return huffmanAverageBits(counts);
}
double entropyOf(std::span<const std::uint64_t> counts) {
    return shannonEntropyBits(counts);
}

std::vector<std::int64_t> wide(const std::vector<std::int32_t>& codes) {
    return {codes.begin(), codes.end()};
}

std::optional<int> axisOf(const Case& item) {
    return item.hasParam("per_channel_axis") ? std::optional<int>(item.integer("per_channel_axis"))
                                             : std::nullopt;
}

Scheme schemeOf(const Case& item) {
    Scheme scheme;
    scheme.bits = item.integer("bits");
    scheme.clip = item.text("clip", "no");
    if (scheme.clip.starts_with("no")) {
        scheme.clip = "no";
    }
    scheme.isOneSided = item.flag("one_sided");
    if (item.flag("bit_alloc") && axisOf(item)) {
        scheme.allocation = item.number("bit_alloc_target", scheme.bits);
        scheme.allocatesByB = item.text("bit_alloc_prior") == "b";
        scheme.rounding =
            item.text("bit_alloc_rounding") == "ceil" ? BitRounding::Ceil : BitRounding::Nearest;
    }
    scheme.usesTensorGrid = scheme.clip == "no" && !axisOf(item);
    return scheme;
}

/// The reference writes one number where all slices agree.
std::vector<double> asExpected(const Case& item, const std::string& key, const std::vector<double>& got) {
    if (item.expects(key) && flatten(item.expected()[key]).size() == 1 && got.size() > 1 &&
        std::all_of(got.begin(), got.end(), [&](double x) { return x == got.front(); })) {
        return {got.front()};
    }
    return got;
}

void runTensor(Case& item) {
    const bool isWeight = item.hasInput("w");
    const Tensor x = item.input(isWeight ? "w" : "x");
    const std::vector<float> values = x.floats();
    const std::vector<Slice> parts = slices(x.shape, axisOf(item));
    const Scheme scheme = schemeOf(item);
    std::vector<Description> statistics = item.text("stats") == "offline"
                                              ? offlineStatistics(item.inputs()["offline_stats"])
                                              : describeSlices(values, parts);
    if (item.flag("minmax_average_over_batch")) {
        averageExtrema(statistics.front(), x);
    }
    const Quantized q = quantizeTensor(values, parts, statistics, scheme);
    const Tolerance tolerance = toleranceOf(item);
    for (const auto& [key, member] : {std::pair{"mean", &Description::mean},
                                      {"b", &Description::meanDeviation},
                                      {"std", &Description::deviation},
                                      {"min", &Description::minimum},
                                      {"max", &Description::maximum}}) {
        item.check("stat_" + std::string(key), column(statistics, member), tolerance);
        if (isWeight) {
            item.check(key, column(statistics, member), tolerance);
        }
    }
    item.check("alpha", q.alpha, tolerance);
    item.check("range", q.range, tolerance);
    item.check("offset", asExpected(item, "offset", q.offset), tolerance);
    item.check("scale", q.scale, tolerance);
    item.check("zero_point", q.zeroPoint, kWhole);
    item.check("zero_preserved", std::isnan(q.zeroPoint.front()) ? 0.0 : 1.0, {});
    item.checkExact("bits_per_channel", {q.bits.begin(), q.bits.end()});
    item.checkExact("codes", wide(q.codes));
    item.check("dequantized", q.values, tolerance);
    item.check("mse", meanSquare(values, q.values),
               {tolerance.absolute, 1e-4});  // squares of differences: more digits cancel
    item.check("pooled_code_entropy_bits", pooledEntropy(q.codes), tolerance);
    item.check("pooled_huffman_avg_bits", huffmanOf(codeCounts(q.codes)), tolerance);
    item.check("per_channel_huffman_avg_bits", meanPerSlice(q.codes, parts, huffmanOf), tolerance);
}

void runEntropy(Case& item) {
    const Tensor x = item.input("x");
    const std::vector<float> values = x.floats();
    const std::vector<Slice> parts = slices(x.shape, axisOf(item));
    const std::vector<Description> statistics = describeSlices(values, parts);
    const Tolerance tolerance = toleranceOf(item);
    for (const Json& entry : item.expected()["per_bits"]) {
        Scheme scheme = schemeOf(Case(Json{{"params",
                                            {{"bits", entry["bits"]},
                                             {"clip", item.text("clip")},
                                             {"one_sided", item.flag("one_sided")},
                                             {"per_channel_axis", *axisOf(item)}}}}));
        const Quantized q = quantizeTensor(values, parts, statistics, scheme);
        const std::string what = "bits " + std::to_string(scheme.bits) + " ";
        item.compare(what + "codes", entry["codes"], {q.codes.begin(), q.codes.end()}, {});
        const std::vector<std::uint64_t> counts = codeCounts(q.codes);
        item.compare(what + "counts", entry["counts"], {counts.begin(), counts.end()}, {});
        item.compare(what + "pooled_entropy_bits", entry["pooled_entropy_bits"], {pooledEntropy(q.codes)},
                     tolerance);
        item.compare(what + "pooled_huffman_avg_bits", entry["pooled_huffman_avg_bits"], {huffmanOf(counts)},
                     tolerance);
        item.compare(what + "per_channel_entropy_mean_bits", entry["per_channel_entropy_mean_bits"],
                     {meanPerSlice(q.codes, parts, entropyOf)}, tolerance);
        item.compare(what + "per_channel_huffman_avg_bits", entry["per_channel_huffman_avg_bits"],
                     {meanPerSlice(q.codes, parts, huffmanOf)}, tolerance);
    }
    item.setAside("per_bits", "compared entry by entry");
}

/// Weights of one layer, quantized and corrected per output channel.
std::vector<float> correctedWeights(const Tensor& w, const Scheme& scheme, bool isPerChannel,
                                    const WeightCorrection& correction) {
    const std::vector<float> values = w.floats();
    const std::vector<Slice> channels = slices(w.shape, 0);
    const std::vector<Slice> parts = isPerChannel ? channels : slices(w.shape, std::nullopt);
    Quantized q = quantizeTensor(values, parts, describeSlices(values, parts), scheme);
    for (const Slice& channel : channels) {
        std::vector<float> part = gather(q.values, channel);
        correctWeights(gather(values, channel), part, correction);
        scatter(q.values, channel, part);
    }
    return q.values;
}

void runCorrection(Case& item) {
    Scheme scheme;
    scheme.bits = item.integer("bits");
    const bool isPerChannel = item.flag("per_channel");
    scheme.usesTensorGrid = !isPerChannel;
    if (item.flag("bit_alloc")) {
        scheme.allocation = item.number("bit_alloc_target");
    }
    const WeightCorrection correction{item.flag("bias_correction"), item.flag("variance_correction")};
    const Tolerance tolerance = toleranceOf(item);
    for (const std::string layer : {"conv", "fc"}) {
        if (!item.hasInput(layer + "_w")) {
            continue;
        }
        Tensor w = item.input(layer + "_w");
        w.shape = item.inputs()[layer + "_shape"].get<std::vector<std::int64_t>>();
        const std::vector<float> corrected = correctedWeights(w, scheme, isPerChannel, correction);
        const std::vector<Slice> channels = slices(w.shape, 0);
        const std::vector<Description> before = describeSlices(w.floats(), channels);
        const std::vector<Description> after = describeSlices(corrected, channels);
        item.check(layer + "_corrected", corrected, tolerance);
        item.check(layer + "_channel_mean", column(before, &Description::mean), tolerance);
        item.check(layer + "_corrected_channel_mean", column(after, &Description::mean), tolerance);
        item.check(layer + "_channel_std", column(before, &Description::deviation), tolerance);
        item.check(layer + "_corrected_channel_std", column(after, &Description::deviation), tolerance);
        item.check(layer + "_mse", meanSquare(w.floats(), corrected), {tolerance.absolute, 1e-4});
    }
}

void runMidTread(Case& item) {
    const Tensor x = item.input("x");
    const std::vector<float> values = x.floats();
    const std::vector<Slice> parts = slices(x.shape, axisOf(item));
    const std::vector<Description> statistics = describeSlices(values, parts);
    const bool isOneSided = item.flag("one_sided");
    const bool isClipped = item.flag("clip");
    const std::vector<double> spread = column(statistics, &Description::deviation);
    const std::vector<double> real = allocateBitsOnce(spread, item.number("target_bits")).bins;
    const std::vector<int> bins = allocateBins(spread, item.number("target_bits"));
    std::vector<double> multipliers;
    std::vector<double> ranges;
    std::vector<double> steps;
    std::vector<float> out(values.size());
    std::map<double, std::uint64_t> symbols;
    for (std::size_t s = 0; s < parts.size(); ++s) {
        const Description& d = statistics[s];
        MidTread grid = midTreadForRange(d.minimum, d.maximum, bins[s]);
        ranges.push_back(d.maximum - d.minimum);
        if (isClipped) {
            multipliers.push_back(interpolatedLaplaceClip(isOneSided ? 2.0 * bins[s] : bins[s]));
            grid = midTreadForLaplace(d.mean, d.meanDeviation, bins[s], isOneSided, multipliers.back());
            ranges.back() = (isOneSided ? std::max(d.mean, 0.0) : multipliers.back() * d.meanDeviation) +
                            multipliers.back() * d.meanDeviation;
            if (isOneSided && grid.step > 0) {
                grid.highest += std::max(d.mean, 0.0) /
                                grid.step;  // the reference counts the mean twice in its upper limit
            }
        }
        steps.push_back(grid.step > 0 ? grid.step : std::nan(""));
        const std::vector<float> part = gather(values, parts[s]);
        std::vector<float> quantized(part.size());
        midTread(part, quantized, grid);
        scatter(out, parts[s], quantized);
        for (const float y : quantized) {
            ++symbols[grid.step > 0 ? std::round(static_cast<double>(y) / grid.step * 1e4) / 1e4 : 0.0];
        }
    }
    std::vector<std::uint64_t> counts;
    for (const auto& [symbol, count] : symbols) {
        counts.push_back(count);
    }
    const Tolerance tolerance = toleranceOf(item);
    item.check("std", spread, tolerance);
    item.check("mean", column(statistics, &Description::mean), tolerance);
    item.check("b", column(statistics, &Description::meanDeviation), tolerance);
    item.check("real_bins", real, tolerance);
    item.checkExact("bins", {bins.begin(), bins.end()});
    item.check("alpha_multiplier", multipliers, tolerance);
    item.check("range", ranges, tolerance);
    item.check("delta", steps, tolerance);
    item.check("dequantized", out, tolerance);
    item.check("mse", meanSquare(values, out), {tolerance.absolute, 1e-4});
    item.check("pooled_symbol_entropy_bits", shannonEntropyBits(counts), tolerance);
}

void runAllocation(Case& item) {
    std::vector<double> spread = flatten(item.inputs()["alpha_or_sigma"]);
    const BitRounding rounding = item.text("rounding") == "ceil" ? BitRounding::Ceil : BitRounding::Nearest;
    const int highest = static_cast<int>(item.number("cap", 8));
    const BitAllocation once = allocateBitsOnce(spread, item.number("target_bits"), rounding, highest);
    const BitAllocation loop = allocateBits(spread, item.number("target_bits"), rounding, highest);
    const Tolerance tolerance = toleranceOf(item);
    std::vector<double> logarithms;
    for (const double bins : once.bins) {
        logarithms.push_back(bins > 0 ? std::log2(bins) : std::nan(""));
    }
    std::vector<double> trace;
    for (const auto& [target, mean] : loop.rounds) {
        trace.insert(trace.end(), {target, mean});
    }
    item.check("real_bins", once.bins, tolerance);
    item.check("log2_bins", logarithms, {1e-5, 2e-5});
    item.checkExact("bits_direct", {once.bits.begin(), once.bits.end()});
    item.checkExact("bits_fixed_target", {loop.bits.begin(), loop.bits.end()});
    item.check("mean_bits_fixed_target", loop.meanBits, tolerance);
    item.check("loop_trace_target_then_mean", trace, tolerance);
}

void runAnalyticTables(Case& item) {
    std::map<std::string, std::vector<double>> got;
    for (const Json& entry : item.params()["bits"]) {
        const double levels = std::exp2(entry.get<double>());
        const double laplace = optimalClip(ClipPrior::Laplace, levels, false);
        const double gauss = optimalClip(ClipPrior::Gauss, levels, false);
        got["laplace_two_sided"].push_back(laplace);
        got["laplace_closed_form_lambertW"].push_back(lambertW(3 * levels * levels));
        got["laplace_one_sided"].push_back(optimalClip(ClipPrior::Laplace, levels, true));
        got["gauss_two_sided"].push_back(gauss);
        got["gauss_one_sided_bits_plus_1"].push_back(optimalClip(ClipPrior::Gauss, levels, true));
        got["laplace_min_mse"].push_back(analyticClipError(ClipPrior::Laplace, laplace, levels));
        got["laplace_half_min_mse"].push_back(analyticClipErrorOneSided(
            ClipPrior::Laplace, optimalClip(ClipPrior::Laplace, levels, true), levels));
        got["gauss_min_mse"].push_back(analyticClipError(ClipPrior::Gauss, gauss, levels));
    }
    for (const auto& [key, values] : got) {
        item.check(key, values, toleranceOf(item, 1e-5, 0));
    }
}

void runPublishedTables(Case& item) {
    for (const auto& [name, table] : item.expected().items()) {
        const ClipPrior prior = name.starts_with("laplace") ? ClipPrior::Laplace : ClipPrior::Gauss;
        for (const auto& [bits, value] : table.items()) {
            item.compare(name + " " + bits, value,
                         {optimalClip(prior, std::exp2(std::stod(bits)), name.ends_with("one_sided"),
                                      ClipModel::Published)},
                         {});
        }
        item.setAside(name, "compared entry by entry");
    }
}

void runTrueOptimum(Case& item) {
    for (const auto& [name, table] : item.expected().items()) {
        const ClipPrior prior = name.starts_with("laplace") ? ClipPrior::Laplace : ClipPrior::Gauss;
        const bool isOneSided = name.ends_with("onesided");
        const bool isMidrise = name.ends_with("midrise");
        const std::vector<double> alphas = flatten(table["alpha"]);
        std::vector<double> clips;
        std::vector<double> errors;
        for (std::size_t i = 0; i < alphas.size(); ++i) {
            const int levels = 1 << item.params()["bits"][i].get<int>();
            // No quantizer of the library has midrise levels with a clip of its own; its error is there to
            // compare with.
            const double clip =
                isMidrise ? alphas[i] : optimalClip(prior, levels, isOneSided, ClipModel::RealGrid);
            clips.push_back(clip);
            errors.push_back(isMidrise ? midriseGridError(prior, clip, levels)
                                       : realGridError(prior, clip, levels, isOneSided));
        }
        item.compare(name + " alpha", table["alpha"], clips, {0.002, 0});
        item.compare(name + " mse", table["mse"], errors, {0, 1e-6});
        item.setAside(name, "compared entry by entry");
    }
}

void runInterpolated(Case& item) {
    std::vector<double> symmetric;
    std::vector<double> asymmetric;
    std::vector<double> closed;
    const std::size_t asymmetricCount = flatten(item.expected()["asymmetric_uses_2_omega"]).size();
    for (const double omega : flatten(item.inputs()["omega"])) {
        symmetric.push_back(interpolatedLaplaceClip(omega));
        if (asymmetric.size() <
            asymmetricCount) {  // the reference's table ends at 955, so the last are missing
            asymmetric.push_back(interpolatedLaplaceClip(2 * omega));
        }
        closed.push_back(optimalClip(ClipPrior::Laplace, omega, false));
    }
    item.check("symmetric", symmetric, {1e-9, 1e-4});
    item.check("asymmetric_uses_2_omega", asymmetric, {1e-9, 1e-4});
    item.check("closed_form_lambertW_3_omega2", closed, {1e-9, 1e-8});
}

void runBins(Case& item) {
    const std::vector<double> sigma = flatten(item.inputs()["sigma"]);
    const double bits = std::log2(item.number("target_bins_per_channel"));
    item.check("bins_real", allocateBitsOnce(sigma, bits).bins, toleranceOf(item));
    const std::vector<int> bins = allocateBins(sigma, bits);
    item.checkExact("bins_rounded", {bins.begin(), bins.end()});
}

void runErrorCurve(Case& item) {
    const ClipPrior prior = item.text("dist") == "laplace" ? ClipPrior::Laplace : ClipPrior::Gauss;
    const double scale = item.number("scale_parameter");
    const int bits = item.integer("bits");
    const std::vector<float> sample = item.floats("sample");
    // Monte Carlo from our own generator, with ten times the reference's samples: then the noise is the
    // reference's alone, which its stated tolerance of 5 % covers.
    std::vector<float> drawn(static_cast<std::size_t>(10 * item.number("mc_samples")));
    std::mt19937 generator(1);
    std::normal_distribution<double> normal;
    std::exponential_distribution<double> exponential;
    for (float& x : drawn) {
        x = static_cast<float>(scale * (prior == ClipPrior::Gauss
                                            ? normal(generator)
                                            : (generator() % 2 == 0 ? 1.0 : -1.0) * exponential(generator)));
    }
    std::vector<double> analytic;
    std::vector<double> onSample;
    std::vector<double> monteCarlo;
    std::vector<double> relativeNoise;  // standard error of the reference's mean, by our samples
    for (const double alpha : flatten(item.inputs()["alpha"])) {
        analytic.push_back(scale * scale * analyticClipError(prior, alpha / scale, std::exp2(bits)));
        QParams grid;
        grid.scale = {static_cast<float>(2 * alpha / std::exp2(bits))};
        grid.zeroPoint = {0};
        grid.quantMin = -(1 << (bits - 1));
        grid.quantMax = 1 << (bits - 1);
        for (const auto& [values, errors] :
             std::initializer_list<std::pair<const std::vector<float>*, std::vector<double>*>>{
                 {&sample, &onSample}, {&drawn, &monteCarlo}}) {
            std::vector<float> out(values->size());
            fakeQuantize(*values, out, grid);
            errors->push_back(meanSquare(*values, out));
            if (values == &drawn) {
                double fourth = 0;
                for (std::size_t i = 0; i < out.size(); ++i) {
                    fourth +=
                        std::pow(static_cast<double>(drawn[i]) - out[i], 4) / static_cast<double>(out.size());
                }
                const double variance = fourth - errors->back() * errors->back();
                relativeNoise.push_back(std::sqrt(variance / item.number("mc_samples")) / errors->back());
            }
        }
    }
    item.check("analytic_mse", analytic, {0, 1e-9});
    item.check("simulated_mse_on_sample", onSample,
               {0, 2e-6});  // float32 values against the reference's doubles
    // Where few samples lie beyond the clip the reference's own noise passes its 5 %: three of its standard
    // errors are added.
    for (std::size_t i = 0; i < monteCarlo.size(); ++i) {
        item.compare("simulated_mse_monte_carlo " + std::to_string(i),
                     item.expected()["simulated_mse_monte_carlo"][i], {monteCarlo[i]},
                     {0, 0.05 + 3 * relativeNoise[i]});
    }
    item.setAside("simulated_mse_monte_carlo", "compared point by point");
}

void runCodebook(Case& item) {
    const Tensor w = item.input("w");
    const std::vector<float> values = w.floats();
    const Tolerance tolerance = toleranceOf(item, 1e-6, 1e-9);
    const Codebook lloyd = lloydCodebook(values, flatten(item.inputs()["init_centers"]));
    const Codebook best = optimalCodebook(values, item.integer("clusters"));
    std::vector<float> quantized(values.size());
    std::vector<std::uint32_t> indices(values.size());
    assignCodebook(values, quantized, indices, lloyd);
    item.check("codebook_sorted", lloyd.levels, {1e-8, 1e-6});
    item.checkExact("labels_sorted", {indices.begin(), indices.end()});
    item.check("inertia", lloyd.inertia, tolerance);
    for (const Slice& row : slices(w.shape, 0)) {
        std::vector<float> part = gather(quantized, row);
        correctWeights(gather(values, row), part, {true, false});
        scatter(quantized, row, part);
    }
    item.check("bias_corrected_rows", quantized, {1e-7, 1e-6});
    item.check("optimal_1d_inertia_dynamic_programming", best.inertia, tolerance);
    item.check("optimal_1d_codebook", best.levels, {1e-8, 1e-6});
    // The reference's default start is random: ours must be at least as good as what it reached.
    item.require(best.inertia <= item.expected().value("repo_default_inertia", 1e300) * (1 + 1e-6),
                 "the optimum is worse than the random start's result");
    for (const char* key : {"repo_default_kmeanspp_codebook_sorted", "repo_default_inertia", "clip_task_min",
                            "clip_task_max"}) {
        item.setAside(key, "of the reference's random start");
    }
}

void runSymmetricDivergence(Case& item) {
    const std::vector<float> x = item.floats("x");
    const SymmetricThreshold found =
        symmetricDivergenceThreshold(x, static_cast<std::size_t>(item.integer("num_bins")),
                                     static_cast<std::size_t>(item.integer("num_quantized_bins")));
    const Description d = describe(x);
    item.check("min", d.minimum, toleranceOf(item));
    item.check("max", d.maximum, toleranceOf(item));
    // The curve must have the reference's divergence at the reference's edge. Its search sometimes misses a
    // lower point of its own curve; ours may not.
    const double wanted = item.expected()["threshold"].get<double>();
    std::size_t nearest = 0;
    for (std::size_t i = 0; i < found.thresholds.size(); ++i) {
        nearest = std::fabs(found.thresholds[i] - wanted) < std::fabs(found.thresholds[nearest] - wanted)
                      ? i
                      : nearest;
    }
    item.check("threshold", found.thresholds[nearest], toleranceOf(item));
    item.check("divergence_nats", found.divergences[nearest], {1e-6, 1e-3});
    item.require(found.divergence <= found.divergences[nearest], "the search missed the lowest divergence");
}

void runTwoChannels(Case& item) {
    const std::vector<float> x = item.floats("x");
    const std::vector<float> y = item.floats("y");
    const double total = item.number("total_bins");
    const std::vector<double> fractions = flatten(item.inputs()["fraction_for_x"]);
    std::vector<double> sums;
    for (const double p : fractions) {
        double sum = 0;
        for (const auto& [values, bins] : {std::pair{&x, p * total}, std::pair{&y, (1 - p) * total}}) {
            const Description d = describe(*values);
            std::vector<float> out(values->size());
            midTread(*values, out, midTreadForRange(d.minimum, d.maximum, bins));
            sum += meanSquare(*values, out);
        }
        sums.push_back(sum);
    }
    item.check("mse_sum", sums, {0, 1e-6});
    item.check("argmin_fraction",
               fractions[static_cast<std::size_t>(std::min_element(sums.begin(), sums.end()) - sums.begin())],
               {1e-12, 0});
}

void runFolding(Case& item) {
    const Tensor w = item.input("w");
    const auto vector = [&](const char* key) {
        const std::vector<float> values = item.floats(key);
        return FloatTensor({static_cast<std::int64_t>(values.size())}, values);
    };
    Conv2dOp conv;
    conv.weight = FloatTensor(w.shape, w.floats());
    if (item.hasInput("bias")) {
        conv.bias = vector("bias");
    }
    BatchNormOp norm{vector("gamma"),       vector("beta"),     vector("running_mean"),
                     vector("running_var"), item.number("eps"), 0.1};
    Graph graph;
    const NodeId input = graph.append("input", InputOp{}, {});
    const NodeId convId = graph.append("conv", conv, {input});
    graph.output = graph.append("bn", norm, {convId});
    inferShapes(graph, {1, w.dim(1), w.dim(2), w.dim(3)});
    const Graph folded = foldBatchNorm(graph);
    for (const Node& node : folded.nodes) {
        if (const auto* op = std::get_if<Conv2dOp>(&node.op)) {
            const auto weights = op->weight.values();
            const auto bias = op->bias.values();
            item.check("w_folded", std::vector<double>(weights.begin(), weights.end()), toleranceOf(item));
            item.check("bias_folded", std::vector<double>(bias.begin(), bias.end()), toleranceOf(item));
        }
    }
}

const std::pair<const char*, double Description::*> kStatistics[] = {
    {"max", &Description::maximum},       {"min", &Description::minimum},
    {"std", &Description::deviation},     {"mean", &Description::mean},
    {"kurtosis", &Description::kurtosis}, {"mean_abs", &Description::meanMagnitude},
    {"b", &Description::meanDeviation},   {"std_pos", &Description::positiveDeviation}};

/// Smallest, mean and largest over batches of each statistic of each slice.
void checkAggregates(Case& item, const std::string& where, const Json& expected,
                     const std::vector<std::vector<Description>>& batches, const Tolerance& tolerance) {
    for (const auto& [key, value] : expected.items()) {
        const std::string aggregate = key.substr(0, key.find('_'));
        const std::string statistic = key.substr(key.find('_') + 1);
        bool isKnown = false;
        for (const auto& [name, member] : kStatistics) {
            if (statistic != name) {
                continue;
            }
            isKnown = true;
            std::vector<double> result;
            for (std::size_t s = 0; s < batches.front().size(); ++s) {
                double lowest = batches.front()[s].*member;
                double highest = lowest;
                double sum = 0;
                for (const auto& batch : batches) {
                    lowest = std::min(lowest, batch[s].*member);
                    highest = std::max(highest, batch[s].*member);
                    sum += batch[s].*member;
                }
                result.push_back(
                    aggregate == "min"
                        ? lowest
                        : (aggregate == "max" ? highest : sum / static_cast<double>(batches.size())));
            }
            item.compare(where + "." + key, value, result, tolerance);
        }
        item.require(isKnown, where + "." + key + " is no statistic we know");
    }
}

/// The same per channel.
void averageChannelExtrema(std::vector<Description>& channels, const Tensor& x) {
    const std::vector<float> values = x.floats();
    const std::vector<Slice> planes =
        slices({x.dim(0) * x.dim(1), static_cast<std::int64_t>(values.size()) / (x.dim(0) * x.dim(1))}, 0);
    const auto samples = static_cast<double>(x.dim(0));
    for (std::size_t c = 0; c < channels.size(); ++c) {
        channels[c].minimum = channels[c].maximum = 0;
        for (std::size_t plane = c; plane < planes.size(); plane += channels.size()) {
            const Description d = describe(gather(values, planes[plane]));
            channels[c].minimum += d.minimum / samples;
            channels[c].maximum += d.maximum / samples;
        }
    }
}

void runStatistics(Case& item) {
    const auto shape = item.inputs()["shape"].get<std::vector<std::int64_t>>();
    std::vector<std::vector<Description>> tensor;
    std::vector<std::vector<Description>> channel;
    for (const Json& batch : item.inputs()["batches"]) {
        const Tensor x{shape, flatten(batch)};
        tensor.push_back(describeSlices(x.floats(), slices(shape, std::nullopt)));
        channel.push_back(describeSlices(x.floats(), slices(shape, 1)));
        if (item.flag("batch_avg_min_max")) {
            averageExtrema(tensor.back().front(), x);
            averageChannelExtrema(channel.back(), x);
        }
    }
    checkAggregates(item, "per_tensor", item.expected()["per_tensor"], tensor, toleranceOf(item));
    checkAggregates(item, "per_channel", item.expected()["per_channel"], channel, toleranceOf(item));
    item.setAside("per_tensor", "compared entry by entry");
    item.setAside("per_channel", "compared entry by entry");
}

// The small network: conv0 -> conv1 -> max pool -> linear, everything quantized as its text describes.

struct TinyNet {
    explicit TinyNet(const Case& source) : item(source) {
        for (const char* layer : {"conv0", "conv1", "fc"}) {
            weights[layer] = item.input(std::string(layer) + ".weight");
            biases[layer] = item.input(std::string(layer) + ".bias").values;
        }
    }
    const Case& item;
    std::map<std::string, Tensor> weights;
    std::map<std::string, std::vector<double>> biases;
};

using LayerStatistics = std::map<std::string, std::vector<Description>>;

/// Means over batches of the statistics of one layer.
std::vector<Description> meanOver(const std::vector<std::vector<Description>>& batches) {
    std::vector<Description> result(batches.front().size());
    for (const auto& batch : batches) {
        for (std::size_t s = 0; s < batch.size(); ++s) {
            for (const auto& [name, member] : kStatistics) {
                result[s].*member += batch[s].*member / static_cast<double>(batches.size());
            }
        }
    }
    return result;
}

struct TinyForward {
    Tensor conv0, conv1, pool, output;
};

TinyForward floatForward(const TinyNet& net, const Tensor& x) {
    TinyForward f;
    f.conv0 = conv2d(x, net.weights.at("conv0"), net.biases.at("conv0"), same(1));
    f.conv1 = conv2d(relu(f.conv0), net.weights.at("conv1"), net.biases.at("conv1"), same(1));
    f.pool = maxPool2x2(relu(f.conv1));
    f.output = linear(f.pool, net.weights.at("fc"), net.biases.at("fc"));
    return f;
}

/// The paper's activation correction: the mean of relu(float output) that quantization lost, added where the
/// quantized value is positive.
void correctActivation(const Tensor& exact, Tensor& quantized) {
    const std::vector<Slice> parts = slices(exact.shape, 1);
    for (const Slice& part : parts) {
        double lost = 0;
        double positive = 0;
        for (const std::size_t i : part) {
            lost += std::max(exact.values[i], 0.0) - quantized.values[i];
            positive += exact.values[i] > 0 ? 1.0 : 0.0;
        }
        const double shift = lost / (positive + 1e-8);
        for (const std::size_t i : part) {
            quantized.values[i] += quantized.values[i] > 0 ? shift : 0.0;
        }
    }
}

Tensor quantizeActivation(const Tensor& x, std::optional<int> axis, const Scheme& scheme,
                          const std::vector<Description>* offline) {
    const std::vector<Slice> parts = slices(x.shape, axis);
    const std::vector<float> values = x.floats();
    const std::vector<Description> own = offline == nullptr ? describeSlices(values, parts) : *offline;
    return fromFloats(x.shape, quantizeTensor(values, parts, own, scheme).values);
}

void runTinyNet(Case& item) {
    TinyNet net(item);
    const int bits = item.integer("bits");
    const std::string weightText = item.text("weights");
    const std::string activationText = item.text("activations");
    const bool isAllocated = weightText.find("bit allocation on") != std::string::npos;
    const bool isCorrected = weightText.find("bias correction on") != std::string::npos;
    const bool isClipped = activationText.find("clip=laplace") != std::string::npos;
    const bool isOffline = item.text("stats_mode") == "use";
    Tensor x = item.input("x");
    const TinyForward exact = floatForward(net, x);

    LayerStatistics offline;
    if (isOffline) {
        const auto shape = item.inputs()["calibration_batch_shape"].get<std::vector<std::int64_t>>();
        std::map<std::string, std::vector<std::vector<Description>>> batches;
        for (const Json& batch : item.inputs()["calibration_batches"]) {
            const TinyForward f = floatForward(net, {shape, flatten(batch)});
            batches["conv0_activation"].push_back(describeSlices(f.conv0.floats(), slices(f.conv0.shape, 1)));
            batches["conv1_activation"].push_back(describeSlices(f.conv1.floats(), slices(f.conv1.shape, 1)));
            batches["conv0_activation_per_tensor"].push_back(
                describeSlices(f.conv0.floats(), slices(f.conv0.shape, std::nullopt)));
            batches["linear0_activation_per_tensor"].push_back(
                describeSlices(f.output.floats(), slices(f.output.shape, std::nullopt)));
            batches["maxpool0_out_per_tensor"].push_back(
                describeSlices(f.pool.floats(), slices(f.pool.shape, std::nullopt)));
        }
        for (const auto& [layer, list] : batches) {
            offline[layer] = meanOver(list);
            checkAggregates(item, layer, item.expected()["collected_stats"][layer], list, {1e-4, 1e-4});
        }
        item.setAside("collected_stats", "compared entry by entry");
    }

    for (const char* layer : {"conv0", "conv1", "fc"}) {
        const bool isFirst = std::string(layer) == "conv0";
        Scheme scheme;
        scheme.bits = isFirst ? 8 : bits;
        if (isAllocated && !isFirst) {
            scheme.allocation = bits;
        }
        Tensor& w = net.weights[layer];
        w = fromFloats(w.shape, correctedWeights(w, scheme, true, {isCorrected, false}));
        item.check(std::string(layer) + "_wq", w.values, toleranceOf(item));
    }

    Scheme convScheme;
    convScheme.bits = bits;
    convScheme.isOneSided = true;
    convScheme.clip = isClipped ? "laplace" : "no";
    if (isClipped && isAllocated) {
        convScheme.allocation = bits;
    }
    const bool correctsActivations = item.flag("activation_bias_correction");
    // Layer by layer on quantized inputs; the statistics of the layer's own output where they are dynamic.
    const Tensor raw0 = conv2d(x, net.weights.at("conv0"), net.biases.at("conv0"), same(1));
    Tensor act0;
    if (isOffline) {
        Scheme first;
        first.bits = 8;
        first.isOneSided = true;
        first.usesTensorGrid = true;
        act0 = quantizeActivation(raw0, std::nullopt, first, &offline.at("conv0_activation_per_tensor"));
    } else {
        act0 = quantizeActivation(raw0, 1, convScheme, nullptr);
    }
    if (correctsActivations) {
        correctActivation(raw0, act0);
    }
    const Tensor raw1 = conv2d(relu(act0), net.weights.at("conv1"), net.biases.at("conv1"), same(1));
    Tensor act1 =
        quantizeActivation(raw1, 1, convScheme, isOffline ? &offline.at("conv1_activation") : nullptr);
    if (correctsActivations) {
        correctActivation(raw1, act1);
    }
    const Tensor pooled = maxPool2x2(relu(act1));
    Scheme poolScheme;
    poolScheme.bits = 8;
    poolScheme.usesTensorGrid = true;
    std::vector<Description> poolStatistics;
    if (isOffline) {
        poolStatistics = offline.at("maxpool0_out_per_tensor");
    } else {
        poolStatistics = describeSlices(pooled.floats(), slices(pooled.shape, std::nullopt));
        averageExtrema(poolStatistics.front(), pooled);
    }
    const Tensor actPool = quantizeActivation(pooled, std::nullopt, poolScheme, &poolStatistics);
    const Tensor raw2 = linear(actPool, net.weights.at("fc"), net.biases.at("fc"));
    Scheme lastScheme;
    lastScheme.bits = bits;
    lastScheme.clip = isClipped ? "laplace" : "no";
    lastScheme.usesTensorGrid = !isClipped;
    std::vector<Description> lastStatistics;
    if (isOffline) {
        lastStatistics = offline.at("linear0_activation_per_tensor");
    } else {
        lastStatistics = describeSlices(raw2.floats(), slices(raw2.shape, std::nullopt));
        if (!isClipped) {
            averageExtrema(lastStatistics.front(), raw2);
        }
    }
    const Tensor output = quantizeActivation(raw2, std::nullopt, lastScheme, &lastStatistics);
    item.check("act_conv0", act0.values, toleranceOf(item));
    item.check("act_conv1", act1.values, toleranceOf(item));
    item.check("act_pool", actPool.values, toleranceOf(item));
    item.check("output", output.values, toleranceOf(item));
    item.check("fp32_output", exact.output.values, toleranceOf(item));
}

bool hasSource(const Case& item) {
    return item.json().contains("source");
}

}  // namespace

std::vector<Kind> aciqKinds() {
    const auto expects = [](const char* key) {
        return [key](const Case& item) { return hasSource(item) && item.expects(key); };
    };
    return {
        {"analytic clips", expects("laplace_closed_form_lambertW"), runAnalyticTables},
        {"published clips",
         [](const Case& item) {
             return hasSource(item) && item.inputs().empty() && item.expects("gauss_one_sided");
         },
         runPublishedTables},
        {"optimal clips", expects("laplace_zero_preserving"), runTrueOptimum},
        {"interpolated clips", expects("closed_form_lambertW_3_omega2"), runInterpolated},
        {"bins", expects("bins_real"), runBins},
        {"error over clip", expects("analytic_mse"), runErrorCurve},
        {"bit allocation", expects("bits_fixed_target"), runAllocation},
        {"weight correction", expects("conv_corrected"), runCorrection},
        {"mid-tread", expects("delta"), runMidTread},
        {"entropy", expects("per_bits"), runEntropy},
        {"codebook", expects("codebook_sorted"), runCodebook},
        {"symmetric divergence", expects("divergence_nats"), runSymmetricDivergence},
        {"two channels", expects("mse_sum"), runTwoChannels},
        {"batch-norm folding", expects("w_folded"), runFolding},
        {"statistics",
         [](const Case& item) {
             return hasSource(item) && item.expects("per_tensor") && item.hasInput("batches");
         },
         runStatistics},
        {"small network", expects("act_pool"), runTinyNet},
        {"tensor",
         [](const Case& item) {
             return hasSource(item) && item.hasParam("clip") && item.expects("dequantized");
         },
         runTensor},
    };
}

}  // namespace bitlathe::conform
