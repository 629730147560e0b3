#pragma once

#include "core/observers/analytic_clip.h"
#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// Analytic clipping: the clip of least expected error under a Laplace or Gauss density (README eq. 23),
/// about the mean for two-sided tensors, from zero for rectified ones. The result never leaves the extrema:
/// no level is spent where no value is. Errors  NotCalibrated: statistics are empty. Source  Banner et al.
/// 2019, arXiv:1810.05723, section 3.
class AciqObserver final : public Observer {
public:
    static constexpr std::string_view kName = "aciq";

    explicit AciqObserver(ClipPrior prior = ClipPrior::Laplace, ClipModel model = ClipModel::Analytic)
        : m_prior(prior), m_model(model) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;

private:
    ClipPrior m_prior;
    ClipModel m_model;
};

}  // namespace bitlathe::core
