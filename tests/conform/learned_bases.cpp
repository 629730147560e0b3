#include "tests/conform/learned_cases.h"

namespace bitlathe::conform::learned_cases {

namespace {

// Learned basis
// ------------------------------------------------------------------------------------------------------
/// Values as the basis sees them, and how to undo it: mean and deviation of each group (weights) or sample
/// (activations).
struct Adaptation {
    std::vector<double> shift, divisor;  // by value

    Adaptation(const Case& item, const Data& data, const std::vector<Slice>& groups)
        : shift(data.x.size(), 0.0), divisor(data.x.size(), 1.0) {
        const std::string adaptive = item.text("adaptive", "none");
        constexpr double kGuard = 1e-5;
        const std::vector<Slice> parts = isWeight(item) ? groups : slices(data.shape, 0);
        for (const Slice& part : parts) {
            const WeightMoments m = weightMoments(gather(data.x, part));
            for (const std::size_t i : part) {
                if (isWeight(item)) {
                    shift[i] = adaptive.find("mean") != std::string::npos ? m.mean : 0.0;
                    divisor[i] = adaptive.find("var") != std::string::npos ? m.deviation + kGuard : 1.0;
                } else if (adaptive == "mean") {
                    divisor[i] = m.mean + kGuard;
                } else if (adaptive == "var") {
                    divisor[i] = m.deviation + kGuard;
                }
            }
        }
    }
};

/// The library's fit, regularised as the reference does it. Weights: (diagonal + 1e-4) * 1.000001, rounded to
/// float32, against 1e-4 v; codes are -1 and 1, so each diagonal is the number of values. Activations: nothing,
/// except that a code bit no value has gives a basis number of 0.
std::vector<double> referenceFit(const Case& item, const std::vector<float>& values,
                                 const std::vector<std::uint32_t>& indices, const BasisLevels& levels,
                                 const std::vector<double>& basis) {
    constexpr double kRidge = 1e-4;
    const bool isHalfWave = item.flag("half_range");
    if (!isWeight(item)) {
        return leastSquaresBasis(values, indices, levels, std::vector<double>(basis.size(), 0.0), isHalfWave,
                                 1e-9);
    }
    const auto count = static_cast<float>(values.size());
    const float diagonal = (count + static_cast<float>(kRidge)) * 1.000001F;
    const double ridge = static_cast<double>(diagonal) - static_cast<double>(count);
    std::vector<double> drawnTo = basis;
    for (double& value : drawnTo) {
        value *= kRidge / ridge;
    }
    return leastSquaresBasis(values, indices, levels, drawnTo, isHalfWave, ridge);
}

/// The most update steps that a field of the case asks for: "basis_after_<steps>_...".
int stepsOf(const Case& item) {
    const std::string prefix = "basis_after_";
    int steps = 1;
    for (const auto& [key, value] : item.expected().items()) {
        if (key.starts_with(prefix) && std::isdigit(static_cast<unsigned char>(key[prefix.size()])) != 0) {
            steps = std::max(steps, std::stoi(key.substr(prefix.size())));
        }
    }
    return steps;
}

std::vector<double> columnOf(const Tensor& basis, std::size_t group, std::size_t groups) {
    std::vector<double> result;
    for (std::size_t i = group; i < basis.size(); i += groups) {
        result.push_back(basis.values[i]);
    }
    return result;
}

}  // namespace

void runLearnedBasis(Case& item) {
    const Data data = dataOf(item);
    const Tolerance tolerance = toleranceOf(item);
    const Tensor basis = item.input("basis");
    const bool isHalfWave = item.flag("half_range");
    const std::vector<Slice> groups = groupsOf(item, data.shape);
    const std::size_t count = groups.size();
    const Adaptation adaptation(item, data, groups);
    std::vector<float> normalised(data.x.size());
    for (std::size_t i = 0; i < data.x.size(); ++i) {
        normalised[i] = static_cast<float>((data.x[i] - adaptation.shift[i]) / adaptation.divisor[i]);
    }
    std::vector<float> y(data.x.size());
    std::vector<float> dx = data.gradient;
    std::map<std::string, std::vector<double>> perGroup;  // key -> row-major [row][group]
    const auto put = [&](const std::string& key, const std::vector<double>& values, std::size_t group) {
        std::vector<double>& matrix = perGroup[key];
        matrix.resize(values.size() * count);
        for (std::size_t r = 0; r < values.size(); ++r) {
            matrix[r * count + group] = values[r];
        }
    };
    for (std::size_t g = 0; g < count; ++g) {
        const std::vector<float> part = gather(normalised, groups[g]);
        std::vector<float> out(part.size());
        std::vector<std::uint32_t> indices(part.size());
        const std::vector<double> start = columnOf(basis, g, count);
        const BasisLevels levels = basisLevels(start, isHalfWave);
        quantizeToBasis(part, out, indices, levels);
        scatter(y, groups[g], out);
        put("levels_sorted", levels.levels, g);
        put("thresholds", levels.thresholds, g);
        const std::vector<double> fitted = referenceFit(item, part, indices, levels, start);
        put("basis_least_squares", fitted, g);
        if (!isWeight(item)) {
            for (std::size_t i = 0; i < part.size(); ++i) {
                if (!(part[i] < levels.levels.back())) {
                    dx[groups[g][i]] = 0;
                }
            }
        }
        // Repeated updates, by moving average and by cumulative mean.
        const int steps = stepsOf(item);
        const double ema = item.number("ema", 0.9);
        std::vector<double> moving = start;
        std::vector<double> cumulative = start;
        for (int step = 1; step <= steps; ++step) {
            for (auto* v : {&moving, &cumulative}) {
                const BasisLevels now = basisLevels(*v, isHalfWave);
                quantizeToBasis(part, out, indices, now);
                const std::vector<double> target = referenceFit(item, part, indices, now, *v);
                for (std::size_t i = 0; i < v->size(); ++i) {
                    (*v)[i] = v == &moving ? ema * (*v)[i] + (1 - ema) * target[i]
                                           : ((*v)[i] * (step - 1) + target[i]) / step;
                }
            }
            if (step == 1) {
                put("basis_after_ema", moving, g);
                put("basis_after_custom_update_first_step", cumulative, g);
            }
            put("basis_after_" + std::to_string(step) + "_ema_steps", moving, g);
            put("basis_after_" + std::to_string(step) + "_custom_update_steps", cumulative, g);
        }
    }
    std::vector<double> restored;
    for (std::size_t i = 0; i < y.size(); ++i) {
        restored.push_back(y[i] * adaptation.divisor[i] + adaptation.shift[i]);
    }
    item.check("y", restored, tolerance);
    item.check("grad_x", dx, tolerance);
    for (const auto& [key, values] : perGroup) {
        if (item.expects(key)) {
            item.check(key, values, tolerance);
        }
    }
}

void runBasisStart(Case& item) {
    const int bits = item.integer("bits");
    const double kernel = item.number("K") * item.number("K");
    // QTool's starts: activations as weights of deviation 2; weights of He's deviation for their fan-in.
    item.check("act_basis", initialWeightBasis(bits, 2.0), toleranceOf(item));
    item.check("wt_basis_per_channel", initialWeightBasis(bits, std::sqrt(2 / (item.number("CI") * kernel))),
               toleranceOf(item));
    item.check("wt_fan_used", item.number("CI") * kernel, {});
    comparePaper(item, "act_basis", initialActivationBasis(bits), toleranceOf(item));
    comparePaper(item, "wt_basis_per_channel",
                 initialWeightBasis(bits, std::sqrt(2 / (item.number("CO") * kernel))), toleranceOf(item));
    comparePaper(item, "wt_fan_used", {item.number("CO") * kernel}, {});
}

}  // namespace bitlathe::conform::learned_cases
