#pragma once

#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// Learned step size (README eq. 12), or the learned clip that is better at 1 and 2 bits (eq. 13).
///
/// Grid::Step  codes -2^(b-1) .. 2^(b-1) - 1, or 0 .. 2^b - 1 when no range has a negative part; one step a
///             slice, started at 2 mean|x| / sqrt(quantMax) (the paper's) or at the range's; a uniform grid.
/// Grid::Clip  2^b levels spread evenly from -a to a (none at zero) or 0 to a; one clip a slice, started at the
///             magnitude of the least-squares grid. Up to 8 bits.
/// Grid::Auto  Clip for full-wave codes of 1 and 2 bits, else Step.
/// The step's gradient is scaled by 1 / sqrt(N quantMax), N the slice's weights or its features of one sample;
/// the clip's by (2^b - 1)^1.5 / sqrt(N), which moves its step at the same rate.
/// Errors  InvalidConfig: 1 bit full wave on Grid::Step; more than 8 bits on a clip without a level at zero.
/// Source  Esser et al. 2020, arXiv:1902.08153; the clip: QTool (model-quantization).
class LsqQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "lsq";

    enum class Grid { Auto, Step, Clip };
    enum class Start { Published, Range };
    explicit LsqQuantizer(Grid grid = Grid::Auto, Start start = Start::Published)
        : m_grid(grid), m_start(start) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    Grid m_grid;
    Start m_start;
};

/// LSQ with a learned offset for activations (README eq. 12): x̂ = round(clamp((x - offset) / step)) step + offset.
///
/// Activations: codes 0 .. 2^b - 1, started at the range (offset its lower end, step its width over the steps).
/// Weights: no offset, signed codes, step started at max(|mean - 3 std|, |mean + 3 std|) / 2^(b-1).
/// A grid with an offset other than 0 has a level table, so at most 8 bits.
/// Source  Bhalgat et al. 2020, arXiv:2004.09576.
class LsqPlusQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "lsq_plus";

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;
};

}  // namespace bitlathe::core
