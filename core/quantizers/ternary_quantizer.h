#pragma once

#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// FATNN's learned steps (README eq. 18), scaled by the number that brings codes closest to the values.
///
///   full wave (a range has a negative part)   codes -1, 0, 1: ternary, 2 bits
///   half wave                                 codes 0 .. L - 1 with L = 2 at 1 bit, 3 or 4 at 2 bits
/// Slopes are learned by gradient; the scale is the least-squares one of the start and stays (in training with
/// batch norm behind, Scale::One leaves codes as they are). Start: the even steps of least error.
/// Errors  InvalidConfig: other bits.
/// Source  Chen et al. 2021 (FATNN), arXiv:2008.05101.
class FatnnQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "fatnn";

    enum class Scale { ClosedForm, One };
    enum class Levels { Three, Four };
    explicit FatnnQuantizer(Levels halfWave = Levels::Three, Scale scale = Scale::ClosedForm)
        : m_halfWave(halfWave), m_scale(scale) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    Levels m_halfWave;
    Scale m_scale;
};

/// Trained ternary quantization: levels -negative, 0, positive; threshold t = ratio * max|x| of the slice (of the
/// weights as they are; of an activation's range). 2 bits.
///
/// Both levels start at the mean magnitude of what lies beyond the threshold on their side.
/// Errors  InvalidConfig: other than 2 bits.
/// Source  Zhu et al. 2017, arXiv:1612.01064 (README eq. 39).
class TtqQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "ttq";

    explicit TtqQuantizer(double ratio = 0.05) : m_ratio(ratio) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    double m_ratio;
};

}  // namespace bitlathe::core
