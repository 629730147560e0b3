#pragma once

#include "plots/plot_widget.h"

#include <vector>

namespace bitlathe::plots {

enum class ChannelOrder { ByIndex, ByWidth };

/// Smallest and largest value of each channel as a bar, against what the quantizer can represent: one band
/// for all, or a pair of orange ticks per channel. What lies outside is grey, unused range shows as white
/// space. Horizontal: channel (or its rank); vertical: value, units of the tensor.
class ChannelRangePlot final : public PlotWidget {
    Q_OBJECT

public:
    explicit ChannelRangePlot(QWidget* parent = nullptr);

    /// observed       one per channel
    /// representable  one for the tensor, or one per channel, or none (float)
    /// Any other number of ranges is our bug and asserted.
    void setChannels(std::vector<core::Range> observed, std::vector<core::Range> representable);
    ChannelOrder order() const noexcept { return m_order; }
    /// Channel at each place of the axis, for a plot below that shares the order.
    const std::vector<int>& sequence() const noexcept { return m_sequence; }

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;

public Q_SLOTS:
    void setOrder(bitlathe::plots::ChannelOrder order);

Q_SIGNALS:
    void channelClicked(int channel);
    /// The user changed the order from the menu.
    void orderChanged(bitlathe::plots::ChannelOrder order);

protected:
    void relayout() override;
    void clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers) override;
    void extendMenu(QMenu& menu) override;

private:
    core::Range representable(int channel) const;
    int channelAt(const QPointF& position) const;
    void sortChannels();
    void describeData();
    void paintBars(QPainter& painter) const;
    void paintCaption(QPainter& painter) const;

    std::vector<core::Range> m_observed;
    std::vector<core::Range> m_representable;
    std::vector<int> m_sequence;  ///< channel at each place of the axis
    ChannelOrder m_order = ChannelOrder::ByIndex;
};

}  // namespace bitlathe::plots
