#pragma once

#include "plots/plot_table.h"

#include <QString>

class QImage;
class QMenu;

namespace bitlathe::plots {

class PlotWidget;

/// Saving plots. Works on a widget that was never shown (give it a size first), with
/// QT_QPA_PLATFORM=offscreen too. The picture is the widget's own size, view and theme. Files are replaced
/// whole or not at all.
///
/// Functions that write return an empty text when done, else one message: what, where, why.

/// scale  pixels per logical pixel: 1, 2, 4
QImage renderImage(PlotWidget& plot, int scale = 1);
QString savePng(PlotWidget& plot, const QString& path, int scale = 1);
QString saveSvg(PlotWidget& plot, const QString& path);
QString savePdf(PlotWidget& plot, const QString& path);
QString saveCsv(PlotWidget& plot, const QString& path, TableExtent extent = TableExtent::All);
/// By the path's suffix: png (at 2x), svg, pdf or csv (all data).
QString savePlot(PlotWidget& plot, const QString& path);

/// Copy image, Save PNG (1x, 2x, 4x), SVG, PDF, CSV of what is visible, CSV of all. Results go to the plot's
/// exported and exportFailed signals.
void addExportActions(QMenu& menu, PlotWidget& plot);

}  // namespace bitlathe::plots
