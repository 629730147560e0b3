#pragma once

#include "core/quantizers/clipped_activation.h"
#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// Values clipped at a learned or given alpha and spread evenly (README eq. 11): PACT, and the learned and the
/// clipped activation of Rusci et al.
///
///   no negative range   codes 0 .. 2^b - 1 over [0, alpha]
///   otherwise           codes -(2^(b-1) - 1) .. 2^(b-1) - 1 over [-alpha, alpha]
/// One alpha a slice, started at the range's reach or at `alpha`. dx by the mask; dalpha gathers the gradients on
/// and beyond the clip (with their sign on the negative side).
/// Errors  InvalidConfig: 1 bit with a sign.
/// Source  Choi et al. 2018, arXiv:1805.06085; Rusci et al. 2019, arXiv:1905.13082 (Floor, Mask::Open, alpha 6).
class PactQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "pact";

    struct Options {
        double alpha = 0;  ///< start; 0: from the range
        bool isLearned = true;
        Rounding rounding = Rounding::HalfEven;
        ClippedActivation::Mask mask = ClippedActivation::Mask::HalfOpen;
    };
    explicit PactQuantizer(const Options& options) : m_options(options) {}
    bool fitsValues() const noexcept override { return false; }

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    Options m_options;
};

}  // namespace bitlathe::core
