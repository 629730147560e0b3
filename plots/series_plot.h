#pragma once

#include "plots/plot_widget.h"

#include <QPointF>
#include <QString>

#include <vector>

namespace bitlathe::plots {

/// One line with a name.
struct Series {
    QString name;
    std::vector<QPointF> points;  ///< in ascending x; where y is not finite the line breaks
    bool isBackground = false;    ///< thin and grey, named in the tooltip alone: one of many
};

/// Several lines over one axis: the accuracy of runs by epoch, the learned ranges of layers by step. Each has a
/// colour of the Okabe-Ito set and a dash of its own, and its name at its end.
class SeriesPlot final : public PlotWidget {
    Q_OBJECT

public:
    /// title  its accessible name and suggested file name
    explicit SeriesPlot(const QString& title, QWidget* parent = nullptr);

    /// Series without a point are kept for their colour and drawn nowhere.
    void setSeries(std::vector<Series> series);
    const std::vector<Series>& series() const noexcept { return m_series; }
    void setCaptions(const QString& horizontal, const QString& vertical);

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    /// Rectangles of the names at the lines' ends (px): none touch, none leave the widget.
    std::vector<QRectF> labelRects() const;

protected:
    void relayout() override;

private:
    struct Label {
        QString text;
        QRectF rect;
        int series = 0;
    };

    QPointF pixelOf(const QPointF& point) const;
    std::vector<Label> labels() const;
    QPen penOf(int series) const;
    void rescale();
    void paintLines(QPainter& painter) const;
    void paintCaptions(QPainter& painter) const;

    std::vector<Series> m_series;
    QString m_horizontal;
    QString m_vertical;
};

}  // namespace bitlathe::plots
