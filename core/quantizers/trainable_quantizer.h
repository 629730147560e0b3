#pragma once

#include "core/types/qparams.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// A contiguous tensor cut into slices that share their parameters: `outer` blocks of `slices` runs of `inner`
/// neighbouring values. A weight [out, ...] per channel is {1, out, rest}; an activation N,C,H,W per channel
/// {N, C, H*W}, in groups of g channels {N, C/g, g*H*W}; anything per tensor {1, 1, all}, in any memory order.
struct SliceLayout {
    std::int64_t outer = 1;
    std::int64_t slices = 1;
    std::int64_t inner = 0;
};

/// One kind of number a quantizer learns, and where it starts.
struct LearnedParameter {
    std::string name;  ///< "step", "offset", "alpha", "basis"
    std::int64_t perSlice = 1;
    std::vector<float> start;  ///< slices * perSlice, slice by slice
    /// An optimizer keeps the values within these after every step (a scale must stay positive).
    float minimum = -std::numeric_limits<float>::infinity();
    float maximum = std::numeric_limits<float>::infinity();
    bool isLearnedByGradient = true;  ///< false: moved by update() alone; backward() gives 0
    bool isDecayed = false;           ///< its paper applies weight decay to it (PACT's alpha)
};

/// Values (or gradients) of all parameters, in the order of parameters().
using ParameterValues = std::span<const std::span<const float>>;
using ParameterGradients = std::span<const std::span<float>>;

/// A quantizer in training: forward, and backward for the input and every learned parameter. Stateless; the
/// trainer owns the parameters. Made by Quantizer::trainable().
///
/// Forward and the grid agree: fakeQuantize(x, grid(x, ...)) equals forward(x, ...) value for value.
/// Errors  ShapeMismatch: sizes that do not fit the layout.  InvalidConfig: a parameter outside its domain
/// (zero step, NaN); the text names it and the slice.
class TrainableQuantizer {
public:
    virtual ~TrainableQuantizer() = default;

    virtual const std::vector<LearnedParameter>& parameters() const noexcept = 0;

    /// True when each value depends on its x and the parameters alone: then a tensor may be split between
    /// threads (whole outer blocks or, per tensor, anywhere) and the parameters' gradients summed. False where
    /// the slice's own moments matter (DoReFa's maximum, XNOR's mean magnitude, standardised weights).
    virtual bool isElementwise() const noexcept = 0;

    virtual void forward(std::span<const float> x, std::span<float> out, const SliceLayout& layout,
                         ParameterValues values) const = 0;
    /// Sets gradientX and the parameters' gradients (their published scale factors, such as LSQ's
    /// 1 / sqrt(N quantMax), are applied). gradientX may be the same memory as gradient.
    virtual void backward(std::span<const float> x, std::span<const float> gradient,
                          std::span<float> gradientX, const SliceLayout& layout, ParameterValues values,
                          ParameterGradients gradients) const = 0;
    /// The step that is not a gradient (LQ-Nets' basis), after the forward of a training batch. Writes the new
    /// values and returns true; returns false, touching nothing, where there is none.
    virtual bool update(std::span<const float> x, const SliceLayout& layout,
                        std::span<const std::span<float>> values) const;

    /// The grid these parameters stand for: what the plan stores, evaluation runs and exporters write. `x` is
    /// the weight; it may be empty where isElementwise().
    virtual QParams grid(std::span<const float> x, const SliceLayout& layout, ParameterValues values,
                         std::optional<int> axis) const = 0;
};

}  // namespace bitlathe::core
