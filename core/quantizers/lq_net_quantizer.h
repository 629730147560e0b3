#pragma once

#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// LQ-Nets (README eq. 17): every level is a sum of basis numbers, one per bit; 1 to 8 bits, one basis a slice.
///
/// Full wave (codes -1 and 1) where a range has a negative part, else half wave (0 and 1). Start: the authors'
/// basis for the slice's root mean square, then `iterations` alternations of codes and least squares, so that the
/// grid serves without training too; 0 leaves the authors' start. Training: v <- (1 - momentum) v + momentum v*
/// after each forward (update()); v has no gradient. dx = g for weights; for activations g where |x| is below the
/// largest level.
/// Source  Zhang et al. 2018, arXiv:1807.10029.
class LqNetQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "lq_nets";

    explicit LqNetQuantizer(int iterations = 20, double momentum = 0.1)
        : m_iterations(iterations), m_momentum(momentum) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    int m_iterations;
    double m_momentum;
};

}  // namespace bitlathe::core
