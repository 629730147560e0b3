#include "core/plan/clamp_in_grid.h"

#include "core/quantizers/fake_quantize.h"

#include <array>

namespace bitlathe::core {

bool gridImpliesClamp(const QParams& grid, const ClampOp& clamp) {
    const std::array<float, 2> bounds{static_cast<float>(clamp.lower), static_cast<float>(clamp.upper)};
    for (std::size_t channel = 0; channel < grid.scale.size(); ++channel) {
        std::array<std::int32_t, 2> codes{};
        quantize(bounds, codes, grid, channel);
        if (codes[0] != grid.quantMin || codes[1] != grid.quantMax) {
            return false;
        }
    }
    return true;
}

} // namespace bitlathe::core
