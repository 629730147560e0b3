#include "plots/detail/channel_bars.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>

namespace bitlathe::plots::detail {

int channelAt(const QCustomPlot& plot, const std::vector<int>& sequence, const QPointF& position) {
    if (!plot.axisRect()->rect().contains(position.toPoint())) {
        return -1;
    }
    const double place = std::floor(plot.xAxis->pixelToCoord(position.x()) + 0.5);
    return place >= 0 && place < static_cast<double>(sequence.size())
               ? sequence[static_cast<std::size_t>(place)]
               : -1;
}

void forEachChannelBar(const QCustomPlot& plot, const std::vector<int>& sequence,
                       const std::function<void(int channel, int left, int width)>& paint) {
    const QRect area = plot.axisRect()->rect();
    const auto x = [&](double place) {
        return static_cast<int>(std::lround(plot.xAxis->coordToPixel(place)));
    };
    for (std::size_t place = 0; place < sequence.size(); ++place) {
        const int left = x(static_cast<double>(place) - 0.5);
        const int pitch = x(static_cast<double>(place) + 0.5) - left;
        if (left + pitch >= area.left() && left <= area.right()) {
            paint(sequence[place], left, std::max(1, pitch >= 3 ? pitch - std::max(1, pitch / 5) : pitch));
        }
    }
}

}  // namespace bitlathe::plots::detail
