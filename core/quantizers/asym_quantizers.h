#pragma once

#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// PerLayerAsymMinMax and PerChannelsAsymMinMax of Rusci et al. (which of them is the granularity's business):
/// the affine grid of the extrema, step (upper - lower) / (2^b - 1), anchored at zero, and every weight passes its
/// gradient (README eq. 33). A range without zero is extended to it, so that padding has a code.
/// Source  Rusci et al. 2019, arXiv:1905.13082; training-mixed-precision-quantized-networks.
class AsymMinMaxQuantizer final : public Quantizer {
public:
    static constexpr std::string_view kName = "asym_min_max";

    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const override;
    StraightThrough straightThrough() const noexcept override { return StraightThrough::Pass; }
};

/// PerLayerAsymPACT: the slice is clipped at two learned thresholds, the affine grid spans what is left
/// (README eq. 33).
///
/// Thresholds start at Start::Projection (ten rounds of codes and least squares) or at the range. Weights set
/// the grid as they are now; activations take the thresholds themselves.
/// Source  as AsymMinMaxQuantizer.
class AsymPactQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "asym_pact";

    enum class Start { Projection, Range };
    explicit AsymPactQuantizer(Start start = Start::Projection) : m_start(start) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    Start m_start;
};

/// The grid of gemmlowp as ACIQ uses it: scale = width / (2^b - 1), zeroPoint = round(-lower / scale), the range
/// taken as it is (README eq. 37). Where the range does not hold zero, the zero point lies beyond the codes: then
/// the grid has a level table (up to 8 bits). Zero::InsideOnly leaves such a range at its lower end, without a level
/// that is a multiple of the step from zero.
/// Degenerate  zero width, or a range without zero at more than 8 bits: the affine grid, extended to zero.
/// Source  gemmlowp/doc/quantization.md; Banner et al. 2019, arXiv:1810.05723 (code).
class GemmlowpQuantizer final : public Quantizer {
public:
    static constexpr std::string_view kName = "gemmlowp";

    enum class Zero { Preserved, InsideOnly };
    explicit GemmlowpQuantizer(Zero zero = Zero::Preserved) : m_zero(zero) {}

    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const override;

private:
    Zero m_zero;
};

/// Mid-tread grid of a whole number of bins, for tensors that will be entropy-coded (README eq. 28): step =
/// width / bins, levels the multiples of the step within the range, zero among them.
///
/// bins  0: 2^b - 1. At most that many, so that the codes fit their bits.
/// Degenerate  all zero: step 1.  Errors  InvalidConfig: more bins than codes.
/// Source  Banner et al. 2019, arXiv:1810.05723 (code, mid-tread quantization).
class MidTreadQuantizer final : public Quantizer {
public:
    static constexpr std::string_view kName = "mid_tread";

    explicit MidTreadQuantizer(int bins = 0) : m_bins(bins) {}

    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const override;

private:
    int m_bins;
};

}  // namespace bitlathe::core
