#pragma once

#include "plots/layer_plot.h"

#include <functional>
#include <optional>

namespace bitlathe::plots {

/// What plots of memory over the steps of a model have in common: steps across, bytes upwards, and the device's limit:
/// a line where it is near; where what is drawn stays under half of it, the axis is cut and the text says so.
/// Horizontal: index of the step, from 0 as in the table of layers. Vertical: bytes.
class MemoryTimelinePlot : public LayerPlot {
    Q_OBJECT

public:
    /// RAM of the device, B; empty: no device chosen.
    void setLimit(std::optional<qint64> bytes);
    QSize sizeHint() const override { return {1000, 180}; }

protected:
    MemoryTimelinePlot(const QString& title, QWidget* parent);

    /// The highest byte drawn; 0: nothing is drawn.
    virtual qint64 highestBytes() const = 0;
    /// Steps drawn.
    virtual int stepCount() const = 0;
    virtual void describeData() = 0;

    /// Adds a picture of a derived plot to a layer of the canvas, as detail::addPainting.
    template <typename Plot>
    void addPicture(const char* layer, void (Plot::*paint)(QPainter&) const);
    /// Axes, layout and description after new data or another limit.
    void updateHome();
    bool isOverLimit() const { return m_limit && highestBytes() > *m_limit; }
    /// Empty without a limit.
    QString limitText() const;
    void paintLimit(QPainter& painter) const;
    /// Room for the labels of the axis of bytes, px.
    double bytesAxisMargin() const;

private:
    bool isLimitNear() const;
    void addPainting(const char* layer, std::function<void(QPainter&)> paint);

    std::optional<qint64> m_limit;
};

template <typename Plot>
void MemoryTimelinePlot::addPicture(const char* layer, void (Plot::*paint)(QPainter&) const) {
    addPainting(layer,
                [this, paint](QPainter& painter) { (static_cast<const Plot*>(this)->*paint)(painter); });
}

}  // namespace bitlathe::plots
