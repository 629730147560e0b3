#include "core/quantizers/normalised_quantizer.h"

#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/fit_sample.h"
#include "core/quantizers/level_table.h"
#include "core/quantizers/trainable_quantizer.h"
#include "core/quantizers/weight_normalisation.h"

#include <algorithm>
#include <limits>

namespace bitlathe::core {

namespace {

bool hasValues(const FitInput& input) {
    return input.kind == SiteKind::Weight &&
           std::all_of(input.slices.begin(), input.slices.end(),
                       [](const FitSlice& slice) { return !slice.values.empty(); });
}

/// Standardised copies of the slices, and what undoes it.
struct Standardised {
    std::vector<float> values;  ///< all slices, one after the other
    std::vector<WeightMoments> moments;

    void add(std::span<const float> slice) {
        moments.push_back(weightMoments(slice));
        const std::size_t begin = values.size();
        values.resize(begin + slice.size());
        standardise(slice, std::span(values).subspan(begin), moments.back());
    }
};

Standardised standardised(std::span<const float> x, const SliceLayout& layout) {
    Standardised result;
    const auto run = static_cast<std::size_t>(layout.inner);
    for (std::size_t begin = 0; begin + run <= x.size() && run > 0; begin += run) {
        result.add(x.subspan(begin, run));
    }
    return result;
}

FitInput standardisedInput(const FitInput& input, Standardised& storage) {
    for (const FitSlice& slice : input.slices) {
        storage.add(clippedValues(slice));
    }
    FitInput result;
    result.kind = SiteKind::Weight;
    std::size_t begin = 0;
    for (const FitSlice& slice : input.slices) {
        FitSlice own;
        own.values = std::span(storage.values).subspan(begin, slice.values.size());
        begin += slice.values.size();
        const auto [low, high] = std::minmax_element(own.values.begin(), own.values.end());
        own.range = {static_cast<double>(*low), static_cast<double>(*high)};
        result.slices.push_back(own);
    }
    return result;
}

using Units = NormalisedQuantizer::Units;

/// The inner table for values in the tensor's own units, exact on the composed kernel.
LevelTable composed(const LevelTable& inner, const WeightMoments& moments, Units units) {
    const auto apply = [&](std::span<const float> in, std::span<float> out) {
        standardise(in, out, moments);
        fakeQuantizeByTable(out, out, inner);
        if (units == Units::Restored) {
            destandardise(out, out, moments);
        }
    };
    // The middle of every level's interval: far from the thresholds, which the change of units moves by a rounding.
    std::vector<double> middles;
    const std::vector<float>& t = inner.thresholds;
    for (std::size_t k = 0; k <= t.size(); ++k) {
        const double below =
            k == 0 ? static_cast<double>(t.empty() ? 0 : t.front()) - 1.0 : static_cast<double>(t[k - 1]);
        const double above = k == t.size() ? below + 1.0 : static_cast<double>(t[k]);
        middles.push_back(0.5 * (below + above));
    }
    std::vector<float> witness;
    for (const double middle : middles) {
        const double x = middle * standardiseDivisor(moments) + moments.mean;
        constexpr double kLargest = std::numeric_limits<float>::max();
        witness.push_back(static_cast<float>(std::clamp(x, -kLargest, kLargest)));
    }
    return tableOfKernel(apply, witness);
}

QParams composedGrid(const QParams& inner, std::span<const WeightMoments> moments, Units units,
                     std::optional<int> axis) {
    std::vector<LevelTable> tables;
    for (std::size_t s = 0; s < inner.slices(); ++s) {
        QParams own = inner;
        own.axis.reset();
        own.scale = {inner.scale[s]};
        own.zeroPoint = {inner.zeroPoint[s]};
        if (!inner.isUniform()) {
            own.tables = {inner.tables[s]};
        }
        tables.push_back(composed(tableOf(own), moments[s], units));
    }
    return tableGrid(std::move(tables), axis);
}

class NormalisedTrainable final : public TrainableQuantizer {
public:
    NormalisedTrainable(std::unique_ptr<TrainableQuantizer> inner, Units units)
        : m_inner(std::move(inner)), m_units(units) {}

    const std::vector<LearnedParameter>& parameters() const noexcept override {
        return m_inner->parameters();
    }
    bool isElementwise() const noexcept override { return false; }
    void forward(std::span<const float> x, std::span<float> out, const SliceLayout& layout,
                 ParameterValues values) const override {
        const Standardised own = standardised(x, layout);
        m_inner->forward(own.values, out, layout, values);
        if (m_units == Units::Normalised) {
            return;
        }
        const auto run = static_cast<std::size_t>(layout.inner);
        for (std::size_t s = 0; s < own.moments.size(); ++s) {
            const std::span<float> slice = out.subspan(s * run, run);
            destandardise(slice, slice, own.moments[s]);
        }
    }
    void backward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                  const SliceLayout& layout, ParameterValues values,
                  ParameterGradients gradients) const override {
        // x̂ = d inner((x - m) / d) + m: dx is the inner one, a parameter's gradient gets the factor d. Not restored, dx
        // is divided by d and a parameter's gradient is the inner one.
        const Standardised own = standardised(x, layout);
        std::vector<float> scaled(gradient.begin(), gradient.end());
        const auto run = static_cast<std::size_t>(layout.inner);
        const auto rescale = [&](std::span<float> numbers, bool isDivided) {
            for (std::size_t i = 0; i < numbers.size(); ++i) {
                const double d = standardiseDivisor(own.moments[i / run]);
                numbers[i] = static_cast<float>(isDivided ? static_cast<double>(numbers[i]) / d
                                                          : static_cast<double>(numbers[i]) * d);
            }
        };
        if (m_units == Units::Restored) {
            rescale(scaled, false);
        }
        m_inner->backward(own.values, scaled, gradientX, layout, values, gradients);
        rescale(gradientX, true);
    }
    bool update(std::span<const float> x, const SliceLayout& layout,
                std::span<const std::span<float>> values) const override {
        return m_inner->update(standardised(x, layout).values, layout, values);
    }
    QParams grid(std::span<const float> x, const SliceLayout& layout, ParameterValues values,
                 std::optional<int> axis) const override {
        const Standardised own = standardised(x, layout);
        return composedGrid(m_inner->grid(own.values, layout, values, axis), own.moments, m_units, axis);
    }

private:
    std::unique_ptr<TrainableQuantizer> m_inner;
    Units m_units;
};

}  // namespace

QParams NormalisedQuantizer::fit(const FitInput& input, BitWidth bits, std::optional<int> axis) const {
    if (!hasValues(input)) {
        return m_inner->fit(input, bits, axis);
    }
    requireTableBits(bits.bits(), "var_mean");
    Standardised storage;
    const QParams inner = m_inner->fit(standardisedInput(input, storage), bits, axis);
    return composedGrid(inner, storage.moments, m_units, axis);
}

std::unique_ptr<TrainableQuantizer> NormalisedQuantizer::trainable(const FitInput& input,
                                                                   BitWidth bits) const {
    if (!hasValues(input)) {
        return m_inner->trainable(input, bits);
    }
    Standardised storage;
    auto inner = m_inner->trainable(standardisedInput(input, storage), bits);
    return inner == nullptr ? nullptr : std::make_unique<NormalisedTrainable>(std::move(inner), m_units);
}

}  // namespace bitlathe::core
