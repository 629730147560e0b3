#pragma once

#include "core/types/bit_width.h"
#include "core/types/layer_id.h"
#include "core/types/param_values.h"
#include "core/types/range.h"

#include <map>
#include <optional>
#include <vector>

namespace bitlathe::core {

/// How many scales a tensor gets.
struct Granularity {
    enum class Kind {
        Tensor,   ///< one scale
        Channel,  ///< one per output channel of a weight (dim 0), one per channel of an activation (dim 1)
        Group,    ///< one per `groupSize` consecutive channels
    };
    Kind kind = Kind::Tensor;
    int groupSize = 0;  ///< channels that share a scale; only for Group
    bool operator==(const Granularity&) const = default;
};

/// Where the range of a graph input or output comes from.
enum class RangeTime {
    Offline,  ///< from calibration, the same for every input
    Online,   ///< from each batch while it passes: nothing to calibrate, but results depend on the batch
};

/// What a convolution's zero padding is made of where the input's grid has no code for zero.
enum class PaddingOrder {
    AfterQuantization,   ///< real zero, put around quantized values
    BeforeQuantization,  ///< the value zero has on the input's grid: zeros put around, then quantized
};

/// How one tensor is quantized. Float is a value of it: no bits.
struct SiteQuant {
    std::optional<BitWidth> bits;        ///< empty: float
    MethodSpec quantizer{"affine", {}};  ///< name in the quantizer registry
    Granularity granularity;
    MethodSpec observer{"min_max", {}};     ///< name in the observer registry
    std::optional<Range> manualRange;       ///< overrides the observer; tensor units, per tensor only
    RangeTime ranges = RangeTime::Offline;  ///< weights are always Offline

    bool isFloat() const noexcept { return !bits.has_value(); }
    bool operator==(const SiteQuant&) const = default;
};

/// What becomes of a layer's batch norm (README eq. 46 to 48). Layers without one ignore it.
enum class BatchNormMode {
    Folded,     ///< into the weights and bias before they are quantized (README eq. 8)
    NotFolded,  ///< weights quantized as they are; batch norm stays a float operator behind the layer
    Icn,  ///< weights quantized as they are; batch norm becomes per-channel integers behind the accumulator
    FakeBn,  ///< quantized as folded, unfolded again, so that batch norm stays trainable; deployed as folded
};

/// One layer's choices. Layers without weights ignore `weight`.
struct LayerQuant {
    SiteQuant weight;
    SiteQuant output;
    BatchNormMode batchNorm = BatchNormMode::Folded;
    bool takesPostTraining = true;  ///< false: QuantConfig::postTraining leaves the layer as it is
    PaddingOrder padding = PaddingOrder::AfterQuantization;
    bool operator==(const LayerQuant&) const = default;
};

/// The whole configuration: one entry per layer of the prepared model, and the graph input.
/// Layers that are absent stay float.
struct QuantConfig {
    SiteQuant input;
    std::map<LayerId, LayerQuant> layers;
    /// Methods that change ranges, weights or biases without training, in the order they are applied; names in the
    /// post-training registry (core/ptq/post_training.h).
    std::vector<MethodSpec> postTraining;

    /// The site's choices; a float SiteQuant when the layer is absent.
    SiteQuant site(const SiteId& id) const;
    bool operator==(const QuantConfig&) const = default;
};

}  // namespace bitlathe::core
