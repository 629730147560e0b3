#pragma once

#include "plots/layer_plot.h"

#include "core/types/bit_width.h"

#include <QString>

#include <optional>
#include <vector>

namespace bitlathe::plots {

struct RomSegment {
    core::LayerId layer;
    QString name;                        ///< as people know it
    qint64 bytes = 0;                    ///< weights, bias and requantization parameters together
    std::optional<core::BitWidth> bits;  ///< of the weights; empty: float
};

/// ROM as one horizontal bar stacked by layer, in execution order; darker = fewer bits, orange = selected.
/// The device's limit is a line where it is near; where the bar would be under half of it, the axis is cut
/// and the text says so. Zoom to see small layers.
class RomBar final : public LayerPlot {
    Q_OBJECT

public:
    explicit RomBar(QWidget* parent = nullptr);

    void setSegments(std::vector<RomSegment> segments);
    /// ROM of the device, B; empty: no device chosen.
    void setLimit(std::optional<qint64> bytes);
    qint64 totalBytes() const noexcept { return m_total; }

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void relayout() override;
    int indexAt(const QPointF& position) const override;
    core::LayerId layerAt(int index) const override {
        return m_segments[static_cast<std::size_t>(index)].layer;
    }

private:
    bool isLimitNear() const;
    QString totalText() const;
    QRectF segmentRect(std::size_t index) const;
    void updateHome();
    void describeData();
    void paintBar(QPainter& painter) const;
    void paintCaption(QPainter& painter) const;

    std::vector<RomSegment> m_segments;
    std::vector<qint64> m_starts;  ///< first byte of each segment
    std::optional<qint64> m_limit;
    qint64 m_total = 0;
};

}  // namespace bitlathe::plots
