#pragma once

#include "core/observers/divergence_search.h"
#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// The clip whose quantized histogram diverges least from the clipped one (README eq. 29): of magnitudes, so
/// the range is [-T, T], or [0, T] when nothing is negative. Exact zeros are left out, as everywhere in the
/// field.
///
/// At least nine tenths of the values are kept: the search by itself can fall for the first filled bin when
/// the low bins are empty (the folded tail makes P one spike and the divergence zero), and its interpolating
/// form for negative divergences. Statistics without a histogram give their extrema. Errors  NotCalibrated:
/// statistics are empty. Source  Migacz 2017, "8-bit inference with TensorRT" (GTC); the variants in
/// DivergenceForm.
class EntropyObserver final : public Observer {
public:
    static constexpr std::string_view kName = "entropy";

    explicit EntropyObserver(DivergenceForm form = DivergenceForm::TensorRt) : m_form(form) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;

private:
    DivergenceForm m_form;
};

}  // namespace bitlathe::core
