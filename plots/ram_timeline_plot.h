#pragma once

#include "plots/layer_plot.h"

#include <QString>

#include <optional>
#include <vector>

namespace bitlathe::plots {

/// Bytes alive while one layer runs.
struct RamStep {
    core::LayerId layer;
    QString name;
    qint64 inputBytes = 0;
    qint64 outputBytes = 0;
    qint64 otherBytes = 0;  ///< tensors a later layer still needs
    qint64 total() const noexcept { return inputBytes + outputBytes + otherBytes; }
};

/// RAM over time: one stacked bar per layer in execution order (input, output, other live tensors), the peak
/// named with its bytes, the selected layers orange. The device's limit is a line where it is near; where the
/// peak is under half of it, the axis is cut and the text says so. Horizontal: index of the layer, from 0 as
/// in the table. Vertical: bytes.
class RamTimelinePlot final : public LayerPlot {
    Q_OBJECT

public:
    explicit RamTimelinePlot(QWidget* parent = nullptr);

    void setSteps(std::vector<RamStep> steps);
    /// RAM of the device, B; empty: no device chosen.
    void setLimit(std::optional<qint64> bytes);

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    QSize sizeHint() const override { return {1000, 180}; }
    /// Rectangles of the texts above the bars (px): none touch, none leave the widget.
    std::vector<QRectF> labelRects() const;

protected:
    void relayout() override;
    void followView() override;
    int indexAt(const QPointF& position) const override;
    core::LayerId layerAt(int index) const override { return m_steps[static_cast<std::size_t>(index)].layer; }

private:
    /// Texts above the bars, placed.
    struct Header {
        QString caption;
        QString limit;
        QString peak;
        QRectF captionRect;
        QRectF limitRect;
        QRectF legendRect;
        QRectF peakRect;
        double height = 0;
    };

    bool isLimitNear() const;
    QString limitText() const;
    std::size_t peakIndex() const;
    void updateHome();
    void describeData();
    void paintBars(QPainter& painter) const;
    void paintLimit(QPainter& painter) const;
    void paintHeader(QPainter& painter) const;

    std::vector<RamStep> m_steps;
    std::optional<qint64> m_limit;
    Header m_header;
};

}  // namespace bitlathe::plots
