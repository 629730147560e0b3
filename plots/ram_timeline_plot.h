#pragma once

#include "plots/memory_timeline_plot.h"

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
/// named with its bytes, the selected layers orange.
class RamTimelinePlot final : public MemoryTimelinePlot {
    Q_OBJECT

public:
    explicit RamTimelinePlot(QWidget* parent = nullptr);

    void setSteps(std::vector<RamStep> steps);

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    /// Rectangles of the texts above the bars (px): none touch, none leave the widget.
    std::vector<QRectF> labelRects() const;

protected:
    qint64 highestBytes() const override;
    int stepCount() const override { return static_cast<int>(m_steps.size()); }
    void describeData() override;
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

    std::size_t peakIndex() const;
    void paintBars(QPainter& painter) const;
    void paintPeak(QPainter& painter) const;
    void paintHeader(QPainter& painter) const;

    std::vector<RamStep> m_steps;
    Header m_header;
};

}  // namespace bitlathe::plots
