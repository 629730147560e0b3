#include "tests/conform/aciq_cases.h"

namespace bitlathe::conform::aciq_cases {

namespace {

/// Integers may come out of a float32 quotient of 1e7 in the reference (channels with 0 bits have a step of
/// 1e-8): one or two units in its last place there, and exact for every other zero point.
constexpr Tolerance kWhole{1e-9, 1e-6};

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

Scheme schemeOf(const Case& item, std::size_t channels) {
    Scheme scheme;
    scheme.bits = item.integer("bits");
    scheme.clip = item.text("clip", "no");
    if (scheme.clip.starts_with("no")) {
        scheme.clip = "no";
    }
    scheme.isOneSided = item.flag("one_sided");
    // Clipped tensors of a single channel are quantized as a whole, without allocation.
    const bool isSingle = channels == 1 && scheme.clip != "no";
    if (item.flag("bit_alloc") && axisOf(item) && !isSingle) {
        scheme.allocation = item.number("bit_alloc_target", scheme.bits);
        scheme.allocatesByB = item.text("bit_alloc_prior") == "b";
        scheme.rounding =
            item.text("bit_alloc_rounding") == "ceil" ? BitRounding::Ceil : BitRounding::Nearest;
    }
    scheme.usesTensorGrid = scheme.clip == "no" && !axisOf(item);
    return scheme;
}

/// The symbol a float32 value stands for: whole, up to the quotient's own error, or a clamp's fraction.
double symbolOf(float value, double step) {
    constexpr double kFloatError = 1e-6;
    const double symbol = static_cast<double>(value) / step;
    const double whole = std::nearbyint(symbol);
    return std::fabs(symbol - whole) <= kFloatError * std::max(1.0, std::fabs(symbol))
               ? whole
               : std::nearbyint(symbol / kFloatError) * kFloatError;
}

/// The reference writes one number where all slices agree.
std::vector<double> asExpected(const Case& item, const std::string& key, const std::vector<double>& got) {
    if (item.expects(key) && flatten(item.expected()[key]).size() == 1 && got.size() > 1 &&
        std::all_of(got.begin(), got.end(), [&](double x) { return x == got.front(); })) {
        return {got.front()};
    }
    return got;
}

}  // namespace

void runTensor(Case& item) {
    const bool isWeight = item.hasInput("w");
    const Tensor x = item.input(isWeight ? "w" : "x");
    const std::vector<float> values = x.floats();
    const std::vector<Slice> parts = slices(x.shape, axisOf(item));
    const Scheme scheme = schemeOf(item, parts.size());
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
        Json params = item.params();
        params["bits"] = entry["bits"];
        const Json variant{{"params", params}};
        const Scheme scheme = schemeOf(Case(variant), parts.size());
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
            // Without bins the reference's step is the largest float: the mean over it, or 0.
            ++symbols[grid.step > 0 ? symbolOf(y, grid.step) : grid.rest / std::numeric_limits<float>::max()];
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

}  // namespace bitlathe::conform::aciq_cases
