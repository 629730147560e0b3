#pragma once

#include <string>

#include "plots/plot_theme.h"

#include <QFont>
#include <QRectF>
#include <QString>

#include <functional>
#include <optional>
#include <vector>

class QPainter;

namespace bitlathe::plots {

/// A value on the horizontal axis with a name: what an observer would choose.
struct PlotMark {
    QString label;
    double value = 0;
    bool isEmphasized = false;  ///< orange: the one in use
};

/// The rows of labels above a plot, and the dotted lines that lead from them down through it. Both plots of
/// the inspector have one.
class MarkStrip {
public:
    /// Marks whose value is not finite are left out. In order of importance: labels without room are dropped
    /// from the end.
    void setMarks(std::vector<PlotMark> marks);
    const std::vector<PlotMark>& marks() const noexcept { return m_marks; }

    /// Finds places for the labels. Everything in px of the widget.
    /// xOf      maps a value to x
    /// visible  the axis rectangle: marks outside its left and right have no label
    /// top      of the first row; width: of the widget; maxRows: what does not fit into them has no label
    void place(const std::function<double(double)>& xOf, const QRectF& visible, double top, double width,
               const QFont& font, int maxRows);
    int rows() const noexcept { return m_rows; }
    double height() const noexcept { return m_rows * m_rowHeight; }
    std::vector<QRectF> labelRects() const;
    std::optional<std::size_t> markAt(const QPointF& position) const;
    void paint(QPainter& painter, const PlotTheme& theme, double bottom) const;

private:
    struct Place {
        double x = 0;
        bool isVisible = false;
        std::optional<QRectF> label;
    };
    std::vector<PlotMark> m_marks;
    std::vector<Place> m_places;
    QFont m_font;
    double m_top = 0;
    double m_rowHeight = 0;
    int m_rows = 0;
};

}  // namespace bitlathe::plots
