#pragma once

#include "core/device/device.h"
#include "core/graph/layer.h"
#include "core/types/quant_config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::core {

/// How a layer's requantization parameters are stored (field digest of Rusci et al. 2019, section 7).
enum class FoldScheme { PerLayerFolded, PerLayerIcn, PerChannelIcn };

/// Bytes one layer needs.
struct LayerBudget {
    LayerId layer;
    std::int64_t weightBytes = 0;      ///< packed at their bits, whole bytes per tensor
    std::int64_t biasBytes = 0;        ///< int32 (float32 where the layer is float)
    std::int64_t requantBytes = 0;     ///< multipliers, shifts, zero points
    std::int64_t inputBytes = 0;       ///< all inputs at their bits
    std::int64_t outputBytes = 0;
    std::int64_t liveBytes = 0;        ///< other tensors alive while this layer runs (branches)

    std::int64_t romBytes() const noexcept { return weightBytes + biasBytes + requantBytes; }
    std::int64_t ramBytes() const noexcept { return inputBytes + outputBytes + liveBytes; }
};

/// What a configuration costs. Pure arithmetic over the layers: microseconds, so it runs on every edit.
struct Budget {
    std::vector<LayerBudget> layers;   ///< execution order
    std::int64_t romBytes = 0;
    std::int64_t peakRamBytes = 0;
    int peakLayer = -1;                ///< index into layers; -1 for no layer

    bool fits(const Device& device) const noexcept {
        return romBytes <= device.romLimitBytes() && peakRamBytes <= device.ramLimitBytes();
    }
    /// "ROM 104312 of 524288 B, RAM 14336 of 131072 B: fits" or what is over and by how much, with the layer at the peak.
    std::string verdict(const Device& device) const;
};

/// RAM model: while a layer runs, all its inputs, its output and every tensor a later layer still needs are
/// alive; activations are fused; flatten and max-pool-free views share memory. Float tensors count 4 bytes a value.
Budget computeBudget(const PreparedModel& model, const QuantConfig& config);

}  // namespace bitlathe::core
