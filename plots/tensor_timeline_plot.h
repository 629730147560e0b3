#pragma once

#include "plots/memory_timeline_plot.h"

#include "core/types/bit_width.h"

#include <QString>

#include <optional>
#include <vector>

namespace bitlathe::plots {

/// One stretch of activation memory: where it lies, and from which step to which somebody needs it.
struct TensorSpan {
    core::LayerId layer;  ///< that makes it
    QString name;
    qint64 bytes = 0;
    qint64 offset = 0;  ///< from the start of the arena
    int first = 0;      ///< steps, both included
    int last = 0;
    std::optional<core::BitWidth> bits;  ///< empty: float
    bool isScratch = false;              ///< a kernel's own
};

/// Memory over time: a rectangle for each tensor, as wide as it lives and as high as it is large, at its place in the
/// arena; darker = fewer bits, grey = scratch, orange = of the selected layers. The step that makes the arena as large
/// as it is has a line.
class TensorTimelinePlot final : public MemoryTimelinePlot {
    Q_OBJECT

public:
    explicit TensorTimelinePlot(QWidget* parent = nullptr);

    /// peakStep  -1: none. caption  says what laid the tensors out
    void setSpans(std::vector<TensorSpan> spans, int peakStep, const QString& caption);
    const std::vector<TensorSpan>& spans() const noexcept { return m_spans; }
    /// Up to the highest byte used.
    qint64 totalBytes() const noexcept;
    /// Where span `index` is drawn, px.
    QRectF rectOf(std::size_t index) const;

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;

protected:
    qint64 highestBytes() const override { return totalBytes(); }
    int stepCount() const override;
    void describeData() override;
    void relayout() override;
    int indexAt(const QPointF& position) const override;
    core::LayerId layerAt(int index) const override { return m_spans[static_cast<std::size_t>(index)].layer; }

private:
    QColor fillOf(const TensorSpan& span) const;
    void paintSpans(QPainter& painter) const;
    void paintName(QPainter& painter, std::size_t index) const;
    void paintMarks(QPainter& painter) const;
    void paintHeader(QPainter& painter) const;

    std::vector<TensorSpan> m_spans;
    QString m_caption;
    int m_peakStep = -1;
};

}  // namespace bitlathe::plots
