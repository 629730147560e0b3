#include "tests/conform/aciq_cases.h"

namespace bitlathe::conform::aciq_cases {

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
    const double highest = item.number("max_omega", 955);  // where the reference's table ends
    for (const double omega : flatten(item.inputs()["omega"])) {
        symmetric.push_back(interpolatedLaplaceClip(omega));
        if (2 * omega <= highest) {
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

void runTwoChannels(Case& item) {
    const std::vector<float> x = item.floats("x");
    const std::vector<float> y = item.floats("y");
    const double total = item.number("total_bins");
    const std::vector<double> fractions = item.input("fraction_for_x").values;
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

}  // namespace bitlathe::conform::aciq_cases
