#include "core/quantizers/slice_trainable.h"

#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/fit_sample.h"
#include "core/quantizers/grid.h"
#include "core/quantizers/level_table.h"
#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

/// Views of one slice's values of every parameter.
template <typename Number>
std::vector<std::span<Number>> ofSlice(const std::vector<LearnedParameter>& parameters,
                                       std::span<const std::span<Number>> values, std::int64_t slice) {
    std::vector<std::span<Number>> result;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
        const auto width = static_cast<std::size_t>(parameters[p].perSlice);
        result.push_back(values[p].subspan(static_cast<std::size_t>(slice) * width, width));
    }
    return result;
}

template <typename Number>
void requireParameters(const std::vector<LearnedParameter>& parameters,
                       std::span<const std::span<Number>> values, const SliceLayout& layout) {
    if (values.size() != parameters.size()) {
        throw Error(ErrorCode::ShapeMismatch,
                    fmt::format("quantizer in training: {} parameters given, it has {}", values.size(),
                                parameters.size()));
    }
    for (std::size_t p = 0; p < parameters.size(); ++p) {
        const std::int64_t expected = layout.slices * parameters[p].perSlice;
        if (static_cast<std::int64_t>(values[p].size()) != expected) {
            throw Error(ErrorCode::ShapeMismatch,
                        fmt::format("quantizer in training: parameter '{}' has {} values, {} slices need {}",
                                    parameters[p].name, values[p].size(), layout.slices, expected));
        }
    }
}

void requireLayout(std::size_t count, const SliceLayout& layout) {
    if (layout.outer < 0 || layout.slices < 1 || layout.inner < 0 ||
        static_cast<std::int64_t>(count) != layout.outer * layout.slices * layout.inner) {
        throw Error(ErrorCode::ShapeMismatch,
                    fmt::format("quantizer in training: {} values cannot be split as {} x {} x {}", count,
                                layout.outer, layout.slices, layout.inner));
    }
}

/// Where the runs of a slice lie.
class Runs {
public:
    Runs(const SliceLayout& layout, std::int64_t slice)
        : m_layout(layout), m_slice(slice), m_inner(static_cast<std::size_t>(layout.inner)) {}
    std::size_t inner() const noexcept { return m_inner; }
    std::size_t begin(std::int64_t outer) const noexcept {
        return static_cast<std::size_t>((outer * m_layout.slices + m_slice) * m_layout.inner);
    }
    bool isOneRun() const noexcept { return m_layout.outer == 1; }
    std::vector<float> gather(std::span<const float> tensor) const {
        std::vector<float> values;
        values.reserve(m_inner * static_cast<std::size_t>(m_layout.outer));
        for (std::int64_t o = 0; o < m_layout.outer; ++o) {
            const auto run = tensor.subspan(begin(o), m_inner);
            values.insert(values.end(), run.begin(), run.end());
        }
        return values;
    }
    void scatter(std::span<const float> values, std::span<float> tensor) const {
        for (std::int64_t o = 0; o < m_layout.outer; ++o) {
            const auto run = values.subspan(static_cast<std::size_t>(o) * m_inner, m_inner);
            std::copy(run.begin(), run.end(), tensor.begin() + static_cast<std::ptrdiff_t>(begin(o)));
        }
    }

private:
    const SliceLayout& m_layout;
    std::int64_t m_slice;
    std::size_t m_inner;
};

std::size_t requireSame(std::size_t a, std::size_t b) {
    if (a != b) {
        throw Error(ErrorCode::ShapeMismatch,
                    fmt::format("quantizer in training: {} values against {}", a, b));
    }
    return a;
}

}  // namespace

void SliceTrainable::sliceForward(std::span<const float> x, std::span<float> out, SliceValues values) const {
    fakeQuantize(x, out, sliceGrid(x, values));
}

bool SliceTrainable::sliceUpdate(std::span<const float> /*x*/,
                                 std::span<const std::span<float>> /*values*/) const {
    return false;
}

std::size_t SliceTrainable::declare(LearnedParameter parameter) {
    m_parameters.push_back(std::move(parameter));
    return m_parameters.size() - 1;
}

void SliceTrainable::start(std::size_t parameter, std::span<const double> sliceValues) {
    LearnedParameter& target = m_parameters[parameter];
    for (const double value : sliceValues) {
        target.start.push_back(std::clamp(static_cast<float>(value), target.minimum, target.maximum));
    }
}

void SliceTrainable::forward(std::span<const float> x, std::span<float> out, const SliceLayout& layout,
                             ParameterValues values) const {
    requireLayout(requireSame(x.size(), out.size()), layout);
    requireParameters(m_parameters, values, layout);
    for (std::int64_t s = 0; s < layout.slices; ++s) {
        const Runs runs(layout, s);
        const auto own = ofSlice(m_parameters, values, s);
        if (!m_isElementwise && !runs.isOneRun()) {
            std::vector<float> slice = runs.gather(x);
            sliceForward(slice, slice, own);
            runs.scatter(slice, out);
            continue;
        }
        for (std::int64_t o = 0; o < layout.outer; ++o) {
            sliceForward(x.subspan(runs.begin(o), runs.inner()), out.subspan(runs.begin(o), runs.inner()),
                         own);
        }
    }
}

void SliceTrainable::backward(std::span<const float> x, std::span<const float> gradient,
                              std::span<float> gradientX, const SliceLayout& layout, ParameterValues values,
                              ParameterGradients gradients) const {
    requireLayout(requireSame(requireSame(x.size(), gradient.size()), gradientX.size()), layout);
    requireParameters(m_parameters, values, layout);
    requireParameters(m_parameters, gradients, layout);
    for (std::int64_t s = 0; s < layout.slices; ++s) {
        const Runs runs(layout, s);
        const auto own = ofSlice(m_parameters, values, s);
        std::vector<std::vector<double>> sums;
        std::vector<std::span<double>> views;
        for (const LearnedParameter& parameter : m_parameters) {
            sums.emplace_back(static_cast<std::size_t>(parameter.perSlice), 0.0);
        }
        for (std::vector<double>& sum : sums) {
            views.emplace_back(sum);
        }
        if (!m_isElementwise && !runs.isOneRun()) {
            const std::vector<float> slice = runs.gather(x);
            std::vector<float> sliceGradient = runs.gather(gradient);
            std::vector<float> result(slice.size());
            sliceBackward(slice, sliceGradient, result, own, views);
            runs.scatter(result, gradientX);
        } else {
            for (std::int64_t o = 0; o < layout.outer; ++o) {
                const std::size_t begin = runs.begin(o);
                sliceBackward(x.subspan(begin, runs.inner()), gradient.subspan(begin, runs.inner()),
                              gradientX.subspan(begin, runs.inner()), own, views);
            }
        }
        const auto targets = ofSlice(m_parameters, gradients, s);
        for (std::size_t p = 0; p < sums.size(); ++p) {
            for (std::size_t i = 0; i < sums[p].size(); ++i) {
                targets[p][i] = m_parameters[p].isLearnedByGradient ? static_cast<float>(sums[p][i]) : 0.0F;
            }
        }
    }
}

bool SliceTrainable::update(std::span<const float> x, const SliceLayout& layout,
                            std::span<const std::span<float>> values) const {
    requireLayout(x.size(), layout);
    requireParameters(m_parameters, values, layout);
    bool isUpdated = false;
    for (std::int64_t s = 0; s < layout.slices; ++s) {
        const Runs runs(layout, s);
        const auto own = ofSlice(m_parameters, values, s);
        isUpdated = (runs.isOneRun() ? sliceUpdate(x.subspan(runs.begin(0), runs.inner()), own)
                                     : sliceUpdate(runs.gather(x), own)) ||
                    isUpdated;
    }
    return isUpdated;
}

QParams SliceTrainable::grid(std::span<const float> x, const SliceLayout& layout, ParameterValues values,
                             std::optional<int> axis) const {
    if (!x.empty()) {
        requireLayout(x.size(), layout);
    }
    requireParameters(m_parameters, values, layout);
    std::vector<QParams> grids;
    for (std::int64_t s = 0; s < layout.slices; ++s) {
        const std::vector<float> slice = x.empty() ? std::vector<float>() : Runs(layout, s).gather(x);
        grids.push_back(sliceGrid(slice, ofSlice(m_parameters, values, s)));
    }
    return joinGrids(std::move(grids), axis);
}

QParams FittedQuantizer::qparams(std::span<const Range> ranges, BitWidth bits,
                                 std::optional<int> axis) const {
    FitInput input;
    for (const Range& range : ranges) {
        FitSlice slice;
        slice.range = range;
        input.slices.push_back(slice);
    }
    return fit(input, bits, axis);
}

std::unique_ptr<TrainableQuantizer> FittedQuantizer::trainable(const FitInput& input, BitWidth bits) const {
    requireRanges(input.ranges(), name());
    // Sums and squares of the learned numbers stay finite as floats.
    constexpr double kWidest = 1e37;
    FitInput tame = input;
    for (FitSlice& slice : tame.slices) {
        slice.range = {std::clamp(slice.range.lower, -kWidest, kWidest),
                       std::clamp(slice.range.upper, -kWidest, kWidest)};
    }
    return start(tame, bits);
}

QParams FittedQuantizer::fit(const FitInput& input, BitWidth bits, std::optional<int> axis) const {
    const std::unique_ptr<TrainableQuantizer> learner = trainable(input, bits);
    std::vector<std::span<const float>> values;
    for (const LearnedParameter& parameter : learner->parameters()) {
        values.emplace_back(parameter.start);
    }
    SliceLayout layout{1, static_cast<std::int64_t>(input.slices.size()), 0};
    std::vector<float> x;
    if (!learner->isElementwise()) {
        for (const FitSlice& slice : input.slices) {
            const std::vector<float> own = clippedValues(slice);  // values are floats: no need to tame
            x.insert(x.end(), own.begin(), own.end());
            layout.inner = static_cast<std::int64_t>(own.size());
        }
    }
    return learner->grid(x, layout, values, axis);
}

bool hasNegative(const FitInput& input) noexcept {
    return std::any_of(input.slices.begin(), input.slices.end(),
                       [](const FitSlice& slice) { return slice.range.lower < 0.0; });
}

void requirePositive(float value, std::string_view quantizer, std::string_view parameter) {
    if (!(value > 0.0F) || !std::isfinite(value)) {
        throw Error(
            ErrorCode::InvalidConfig,
            fmt::format("quantizer '{}': {} is {} but must be positive and finite; keep it above a floor "
                        "while training",
                        quantizer, parameter, value));
    }
}

}  // namespace bitlathe::core
