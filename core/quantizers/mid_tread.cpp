#include "core/quantizers/mid_tread.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

MidTread midTreadForRange(double minimum, double maximum, double bins) noexcept {
    MidTread grid;
    grid.step = bins > 0 ? (maximum - minimum) / bins : 0.0;
    return grid;
}

MidTread midTreadForLaplace(double mean, double scale, int bins, bool isOneSided,
                            double multiplier) noexcept {
    MidTread grid;
    grid.isClamped = true;
    grid.rest = isOneSided ? 0.0 : mean;
    if (bins <= 0) {
        return grid;
    }
    if (isOneSided) {
        grid.step = (std::max(mean, 0.0) + multiplier * scale) / bins;
        grid.highest = bins;
        return grid;
    }
    grid.step = 2 * multiplier * scale / bins;
    if (grid.step > 0) {
        grid.lowest = mean / grid.step - 0.5 * bins;
        grid.highest = mean / grid.step + 0.5 * bins;
    }
    return grid;
}

void midTread(std::span<const float> in, std::span<float> out, const MidTread& grid) {
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (!(grid.step > 0)) {
            out[i] = static_cast<float>(grid.rest);
            continue;
        }
        double code = std::nearbyint(static_cast<double>(in[i]) / grid.step);
        if (grid.isClamped) {
            code = std::clamp(code, grid.lowest, grid.highest);
        }
        out[i] = static_cast<float>(code * grid.step) + 0.0F;
    }
}

}  // namespace bitlathe::core
