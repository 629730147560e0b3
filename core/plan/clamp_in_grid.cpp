#include "core/plan/clamp_in_grid.h"

#include "core/quantizers/fake_quantize.h"

#include <algorithm>
#include <array>

namespace bitlathe::core {

bool gridImpliesClamp(const QParams& grid, const ClampOp& clamp) {
    const std::size_t ends = std::max<std::size_t>(clamp.channelUpper.size(), 1);
    for (std::size_t i = 0; i < std::max(grid.scale.size(), ends); ++i) {
        const std::size_t channel = grid.scale.size() == 1 ? 0 : i;
        const double upper = clamp.isPerChannel() ? clamp.channelUpper[ends == 1 ? 0 : i] : clamp.upper;
        const std::array<float, 2> bounds{static_cast<float>(clamp.lower), static_cast<float>(upper)};
        std::array<std::int32_t, 2> codes{};
        quantize(bounds, codes, grid, channel);
        if (codes[0] != grid.quantMin || codes[1] != grid.quantMax) {
            return false;
        }
    }
    return true;
}

}  // namespace bitlathe::core
