#pragma once

#include "plots/plot_widget.h"

#include <QString>

#include <optional>
#include <set>
#include <vector>

namespace bitlathe::plots {

struct ParetoPoint {
    qint64 id = 0;
    QString name;
    qint64 romBytes = 0;
    double accuracyPercent = 0;
    std::optional<core::Range> accuracy95;  ///< 95 % interval, %
    bool isEstimate = false;                ///< a search's guess, not measured
    qint64 ramBytes = 0;                    ///< for the RAM axis
};

/// Which bytes lie on the horizontal axis.
enum class ByteAxis { Rom, Ram };

/// Indices of the points that no other beats: none has at most the bytes and at least the accuracy, and one
/// of them better. In ascending bytes; of equal points the first.
std::vector<std::size_t> paretoFront(const std::vector<ParetoPoint>& points, ByteAxis axis = ByteAxis::Rom);

/// Accuracy against ROM (or RAM) of many runs; the front is a line, the points under it are hollow. Where some points
/// are estimates, the front is theirs, and what was measured stands beside them as squares. Points can be clicked.
/// Horizontal: bytes, vertical: accuracy in %, from where most points are: those far below lie at the lower edge as
/// arrows that tell their accuracy.
class ParetoPlot final : public PlotWidget {
    Q_OBJECT

public:
    explicit ParetoPlot(QWidget* parent = nullptr);

    /// Points whose accuracy is not finite are left out.
    void setPoints(std::vector<ParetoPoint> points);
    void setByteAxis(ByteAxis axis);
    /// ROM (or RAM) of the device, B; empty: none.
    void setLimit(std::optional<qint64> bytes);
    const std::vector<ParetoPoint>& points() const noexcept { return m_points; }
    void setSelection(std::set<qint64> ids);

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    /// Rectangles of the names beside points (px): none touch, none leave the plot.
    std::vector<QRectF> labelRects() const;
    /// Lowest accuracy the axis shows, %.
    double axisFloor() const noexcept { return m_floor; }
    /// Where point `index` is drawn, px.
    QPointF pixelOf(std::size_t index) const;

Q_SIGNALS:
    void pointClicked(qint64 id, Qt::KeyboardModifiers modifiers);

protected:
    void relayout() override;
    void clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers) override;
    void hoverAt(const QPointF& position) override;

private:
    struct Label {
        QString text;
        QRectF rect;
    };

    QString horizontalCaption() const;
    double bytesOf(const ParetoPoint& point) const;
    bool isBelowAxis(const ParetoPoint& point) const noexcept { return point.accuracyPercent < m_floor; }
    bool hasEstimates() const;
    void findFront();
    std::vector<Label> labels() const;
    int pointAt(const QPointF& position) const;
    void updateHome();
    void describeData();
    void paintPoints(QPainter& painter) const;
    void paintCaption(QPainter& painter) const;

    std::vector<ParetoPoint> m_points;
    std::vector<std::size_t> m_front;
    std::set<qint64> m_selection;
    std::optional<qint64> m_limit;
    ByteAxis m_axis = ByteAxis::Rom;
    double m_floor = 0;  ///< %, where points below the axis are drawn
};

}  // namespace bitlathe::plots
