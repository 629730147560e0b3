#pragma once

#include "core/quantizers/quantizer.h"

#include <memory>

namespace bitlathe::core {

/// Adaptive weight normalisation ("var-mean"): every slice of a weight is brought to mean 0 and deviation 1, goes
/// through the inner quantizer, and back or not (README eq. 16, 38):
///   Restored    x̂ = deviation * inner((x - mean) / deviation) + mean
///   Normalised  x̂ = inner((x - mean) / deviation)      the batch norm behind learns to live with it
/// The moments are those of the weights as they are and carry no gradient, so dx is the inner one. The levels keep
/// the inner spacing but no longer hold zero: the grid has level tables, at most 8 bits. Activations, and weights
/// of which the range alone is known, go to the inner quantizer as they are.
/// Source  Li et al. 2019, arXiv:1909.13144, section 2.3; QTool's "var-mean" (Normalised), with
/// "adaptive_restore" (Restored).
class NormalisedQuantizer final : public Quantizer {
public:
    enum class Units { Restored, Normalised };

    NormalisedQuantizer(std::unique_ptr<Quantizer> inner, Units units)
        : m_inner(std::move(inner)), m_units(units) {}

    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const override {
        return m_inner->qparams(ranges, bits, axis);
    }
    QParams fit(const FitInput& input, BitWidth bits, std::optional<int> axis) const override;
    std::unique_ptr<TrainableQuantizer> trainable(const FitInput& input, BitWidth bits) const override;
    bool fitsValues() const noexcept override { return m_inner->fitsValues(); }
    StraightThrough straightThrough() const noexcept override { return m_inner->straightThrough(); }

private:
    std::unique_ptr<Quantizer> m_inner;
    Units m_units;
};

}  // namespace bitlathe::core
