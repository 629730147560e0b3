#pragma once

#include "core/types/histogram.h"
#include "core/types/range.h"
#include "plots/histogram_bars.h"
#include "plots/plot_theme.h"
#include "plots/value_axis.h"

#include <QFont>
#include <QRect>
#include <QRectF>
#include <QString>

#include <functional>
#include <optional>
#include <vector>

class QPainter;

namespace bitlathe::plots {

/// Where a histogram is drawn.
struct HistogramFrame {
    QRect area;  ///< inside the axes, px of the widget
    ValueAxis axis;
    std::function<double(double)> yOf;  ///< count -> px
    double lowestCount = 0;             ///< counts up to this are no bar
    const PlotTheme* theme = nullptr;
};

/// The representable range as a tint behind the bars.
void paintShade(QPainter& painter, const HistogramFrame& frame, const core::Range& range);
/// Bars in the series' colour inside `kept`, grey outside; exact zeros as a thin bar of their own.
void paintBars(QPainter& painter, const HistogramFrame& frame, const core::Histogram& histogram,
               const core::Range& kept);
/// What each level stands for as a stem with a head: the tensor after quantization.
void paintLevelCounts(QPainter& painter, const HistogramFrame& frame, const std::vector<LevelCount>& levels);
/// Levels as ticks under the axis, ascending; where they come closer than 3 px they merge into a band, so that
/// dense and sparse parts of a grid that is not uniform can be told apart.
void paintLevelTicks(QPainter& painter, const HistogramFrame& frame, const std::vector<double>& levels);
/// Caption and legend as one centred line below the tick labels: "weight, 20,000 values   ▪ dequantized".
/// line  of the widget's width, px
void paintHistogramCaption(QPainter& painter, const HistogramFrame& frame, const QRectF& line,
                           const QString& caption, const QString& legend, const QFont& font);

}  // namespace bitlathe::plots
