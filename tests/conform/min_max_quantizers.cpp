#include "tests/conform/min_max_cases.h"

namespace bitlathe::conform::min_max_cases {

namespace {

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

}  // namespace

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
    std::vector<double> scale(result.qparams.scale.begin(), result.qparams.scale.end());
    const std::size_t perChannel = result.codes.size() / scale.size();
    for (std::size_t c = 0; c < scale.size(); ++c) {
        const auto first = result.transformed.begin() + static_cast<std::ptrdiff_t>(c * perChannel);
        if (std::all_of(first, first + static_cast<std::ptrdiff_t>(perChannel),
                        [](float u) { return u == 0; })) {
            scale[c] = 0;  // of a channel of zeros, as in quantizeTo
        }
    }
    item.check("scale", scale, toleranceOf(item));
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

}  // namespace bitlathe::conform::min_max_cases
