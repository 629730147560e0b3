#pragma once

#include "core/types/bit_width.h"
#include "core/types/layer_id.h"
#include "core/types/qparams.h"
#include "core/types/range.h"
#include "core/types/site_statistics.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bitlathe::core {

class TrainableQuantizer;

/// How the gradient passes a quantizer that learns nothing.
enum class StraightThrough {
    Clipped,  ///< where the unclamped code is one of the codes (fakeQuantizeBackward)
    Clamped,  ///< where x lies within the represented range: up to half a step narrower at each end (TI)
    Pass,     ///< everywhere, clipped values too (MXNet)
};

/// One slice of a tensor as a quantizer sees it when it fits its grid.
struct FitSlice {
    Range range;                    ///< what the observer chose, or a person set
    std::span<const float> values;  ///< of a weight; empty for an activation
    const SiteStatistics* statistics =
        nullptr;  ///< of this slice of an activation; null: the range alone is known
};

/// A tensor to fit a grid to.
struct FitInput {
    SiteKind kind = SiteKind::Output;
    std::vector<FitSlice> slices;  ///< one for per-tensor; never empty
    std::vector<Range> ranges() const {
        std::vector<Range> result;
        for (const FitSlice& slice : slices) {
            result.push_back(slice.range);
        }
        return result;
    }
};

/// Places a grid of 2^bits codes over a tensor. Stateless: everything it decides is in the QParams it returns,
/// and the fused kernels of fake_quantize.h do the arithmetic for all of them.
class Quantizer {
public:
    virtual ~Quantizer() = default;

    /// One scale and zero point (or table) per entry of `ranges`.
    /// ranges  one for per-tensor (axis empty), one per slice along `axis` otherwise; tensor units
    /// Degenerate ranges (zero width, all zero) give a grid on which zero, and the constant if there is one,
    /// is exact. Quantizers that fit their levels to the values take them as uniform over the range.
    /// Errors  InvalidConfig: a bound is not finite, lower > upper, bits this quantizer cannot do.
    virtual QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const = 0;

    /// The per-tensor form.
    QParams qparams(const Range& range, BitWidth bits) const {
        return qparams({&range, 1}, bits, std::nullopt);
    }

    /// The grid for a tensor whose values or statistics are known: what a plan uses. Values beyond a slice's
    /// range are clipped to it first. Uniform grids need the ranges alone, and that is the default.
    /// Errors  as qparams; NonFiniteInput: a value is NaN or Inf.
    virtual QParams fit(const FitInput& input, BitWidth bits, std::optional<int> axis) const {
        return qparams(input.ranges(), bits, axis);
    }

    /// True when the levels follow the values, so that the range is a clip and nothing more: searching the range
    /// of least error is pointless then.
    virtual bool fitsValues() const noexcept { return false; }

    /// What quantization-aware training needs where this quantizer has a forward, a gradient or parameters of
    /// its own (trainable_quantizer.h), started from `input`. Null: nothing is learned; train through
    /// fakeQuantize on a grid that follows an observer, with the gradient straightThrough() names.
    virtual std::unique_ptr<TrainableQuantizer> trainable(const FitInput& input, BitWidth bits) const;
    virtual StraightThrough straightThrough() const noexcept { return StraightThrough::Clipped; }
};

}  // namespace bitlathe::core
