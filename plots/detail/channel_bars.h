#pragma once

#include <QPointF>

#include <functional>
#include <vector>

class QCustomPlot;

namespace bitlathe::plots::detail {

// Charts with one bar a channel, place p of the horizontal axis from p - 0.5 to p + 0.5; `sequence` has the channel
// at each place.

/// The channel under a point, px; -1 outside the axes and beside the channels.
int channelAt(const QCustomPlot& plot, const std::vector<int>& sequence, const QPointF& position);

/// Calls `paint(channel, left, width)`, px, for every channel in view: bars with a gap between them as long as there
/// is room for one, at least one pixel wide.
void forEachChannelBar(const QCustomPlot& plot, const std::vector<int>& sequence,
                       const std::function<void(int channel, int left, int width)>& paint);

}  // namespace bitlathe::plots::detail
