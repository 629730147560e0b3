#pragma once

#include <QString>

#include <functional>

class QCustomPlot;
class QPainter;

namespace bitlathe::plots::detail {

/// Adds a picture drawn by hand to one of the plot's layers: `paint` runs with widget coordinates (px)
/// whenever the layer is drawn, on screen or into an exported file. Lives as long as the plot.
void addPainting(QCustomPlot& plot, const QString& layer, std::function<void(QPainter&)> paint);

}  // namespace bitlathe::plots::detail
