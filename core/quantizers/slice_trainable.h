#pragma once

#include "core/quantizers/quantizer.h"
#include "core/quantizers/trainable_quantizer.h"

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// One slice's parameters, [parameter][index].
using SliceValues = std::span<const std::span<const float>>;
using SliceGradients = std::span<const std::span<double>>;

/// A TrainableQuantizer written for one slice: this class walks the layout. Elementwise quantizers see a slice
/// in as many runs as the layout has outer blocks, the others as one run (gathered where it is not one).
class SliceTrainable : public TrainableQuantizer {
public:
    const std::vector<LearnedParameter>& parameters() const noexcept final { return m_parameters; }
    bool isElementwise() const noexcept final { return m_isElementwise; }
    void forward(std::span<const float> x, std::span<float> out, const SliceLayout& layout,
                 ParameterValues values) const final;
    void backward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                  const SliceLayout& layout, ParameterValues values,
                  ParameterGradients gradients) const final;
    bool update(std::span<const float> x, const SliceLayout& layout,
                std::span<const std::span<float>> values) const final;
    QParams grid(std::span<const float> x, const SliceLayout& layout, ParameterValues values,
                 std::optional<int> axis) const final;

protected:
    explicit SliceTrainable(bool isElementwise) : m_isElementwise(isElementwise) {}

    /// The grid of one slice, per tensor. `x` is the slice; empty is allowed where elementwise.
    virtual QParams sliceGrid(std::span<const float> x, SliceValues values) const = 0;
    /// By default through sliceGrid and the fused kernels, so that the two agree by construction.
    virtual void sliceForward(std::span<const float> x, std::span<float> out, SliceValues values) const;
    /// Sets gradientX, adds to the parameters' gradients.
    virtual void sliceBackward(std::span<const float> x, std::span<const float> gradient,
                               std::span<float> gradientX, SliceValues values,
                               SliceGradients gradients) const = 0;
    virtual bool sliceUpdate(std::span<const float> x, std::span<const std::span<float>> values) const;

    /// Declares a parameter; its start grows by one slice's values at a time.
    std::size_t declare(LearnedParameter parameter);
    void start(std::size_t parameter, std::span<const double> sliceValues);

private:
    bool m_isElementwise;
    std::vector<LearnedParameter> m_parameters;
};

/// A quantizer whose levels follow the values: its grid is the one its training would start from. Ranges beyond
/// ±1e37 are taken as that.
class FittedQuantizer : public Quantizer {
public:
    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const final;
    QParams fit(const FitInput& input, BitWidth bits, std::optional<int> axis) const final;
    std::unique_ptr<TrainableQuantizer> trainable(const FitInput& input, BitWidth bits) const final;
    bool fitsValues() const noexcept override { return true; }

protected:
    virtual std::string_view name() const noexcept = 0;
    /// Never null; ranges are checked and `input` has slices.
    virtual std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const = 0;
};

/// True when any slice's range has a negative part: full-wave codes.
bool hasNegative(const FitInput& input) noexcept;

/// Errors  InvalidConfig: not positive and finite; names the parameter.
void requirePositive(float value, std::string_view quantizer, std::string_view parameter);

}  // namespace bitlathe::core
