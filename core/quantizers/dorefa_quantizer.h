#pragma once

#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// DoReFa (README eq. 14).
///
/// Weights      ŵ = E (2 round(n (tanh(w) / (2 M) + 1/2)) / n - 1) with M = max|tanh(w)| of the slice; at 1 bit
///              E sign(w). Up to 8 bits: the thresholds lie on the tanh's inverse. Gradients through tanh and M; at
///              1 bit straight through.
/// Activations  [0, c] in 2^b - 1 steps ([-c, c] where a range has a negative part), c the range's reach or `clip`
///              (1 in the paper), never learned; any number of bits.
/// E            Scale::Paper: 1 (mean|w| at 1 bit), for training with batch norm behind, which absorbs it;
///              Scale::LeastSquares: <q, w> / <q, q>, what a trained model needs. It carries no gradient.
/// Source  Zhou et al. 2016, arXiv:1606.06160, eq. 7 to 9.
class DorefaQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "dorefa";

    enum class Scale { LeastSquares, Paper };
    explicit DorefaQuantizer(Scale scale = Scale::LeastSquares, double clip = 0)
        : m_scale(scale), m_clip(clip) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    Scale m_scale;
    double m_clip;
};

}  // namespace bitlathe::core
