#pragma once

#include "core/quantizers/binary.h"
#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// XNOR-Net: x̂ = E sign(x), sign(0) = +1, one bit (README eq. 15).
///
/// E is the slice's mean magnitude: of the weights as they are now; of an activation as calibration saw it (the
/// published scales per pixel change with every image and have no grid: kernels in binary.h). For tensors about
/// zero: a rectified one becomes a constant.
/// Gradient  Pass, Clipped, Triangle (SignGradient); Printed, FullJacobian (XnorGradient) for weights.
/// Errors  InvalidConfig: other than 1 bit.
/// Source  Rastegari et al. 2016, arXiv:1603.05279; Liu et al. 2018, arXiv:1808.00278 (triangle).
class XnorQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "xnor";

    enum class Gradient { Auto, Pass, Clipped, Triangle, Printed, FullJacobian };
    /// Auto: weights pass everything, activations take the triangle.
    explicit XnorQuantizer(Gradient gradient = Gradient::Auto) : m_gradient(gradient) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    Gradient m_gradient;
};

/// XNOR-Net++: the scale is learned, started at the mean magnitude; its gradient is sum(g x̂) / scale.
/// Source  Bulat and Tzimiropoulos 2019, arXiv:1909.13863 (one scale per slice).
class XnorPlusPlusQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "xnor_plus_plus";

    explicit XnorPlusPlusQuantizer(SignGradient gradient = SignGradient::Triangle) : m_gradient(gradient) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    SignGradient m_gradient;
};

}  // namespace bitlathe::core
