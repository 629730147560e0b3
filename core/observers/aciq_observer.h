#pragma once

#include "core/observers/analytic_clip.h"
#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// Analytic clipping: the clip of least expected error under a Laplace or Gauss density (README eq. 23),
/// about the mean for two-sided tensors, from zero for rectified ones (Sides::Auto: by the sign of the minimum).
/// Sides::One on a tensor with a negative part: [0, max(mean, 0) + clip], the clip of half the density with the
/// scale of the whole (the tensor before its ReLU). The result never leaves the extrema:
/// no level is spent where no value is. Errors  NotCalibrated: statistics are empty. Source  Banner et al.
/// 2019, arXiv:1810.05723, section 3.
class AciqObserver final : public Observer {
public:
    static constexpr std::string_view kName = "aciq";

    enum class Sides { Auto, Two, One };
    explicit AciqObserver(ClipPrior prior = ClipPrior::Laplace, ClipModel model = ClipModel::Analytic,
                          Sides sides = Sides::Auto)
        : m_prior(prior), m_model(model), m_sides(sides) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;

private:
    ClipPrior m_prior;
    ClipModel m_model;
    Sides m_sides;
};

}  // namespace bitlathe::core
