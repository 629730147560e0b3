#pragma once

#include "core/ptq/equalization_scales.h"
#include "core/ptq/post_training.h"

#include <map>
#include <optional>
#include <span>
#include <vector>

namespace bitlathe::core {

/// What rounding does to the channels between two layers of a model that is being equalized (README eq. 57): ranges and
/// mean squares from its statistics, kept up to date as channels are scaled, weights from the model as it is.
class EqualizationNoise {
public:
    explicit EqualizationNoise(const PostTrainingState& state) : m_state(state) {}

    /// Errors  NotCalibrated: no statistics of the channels of what the layers read or make.
    std::vector<EqualizedChannel> channels(const Layer& first, const Layer& second);
    /// The channels between the two have been divided by `s`.
    void scale(const Layer& first, const Layer& second, std::span<const double> s);

private:
    struct Values {
        std::vector<Range> range;
        std::vector<double> meanSquare;
    };
    Values& valuesOf(const SiteId& site);
    /// Site of what the layer reads; the graph input's where nothing on the way can be quantized.
    SiteId inputSite(const Layer& layer) const;

    const PostTrainingState& m_state;
    std::map<SiteId, Values> m_values;
};

}  // namespace bitlathe::core
