#pragma once

#include "plots/plot_widget.h"

#include <vector>

namespace bitlathe::plots {

/// Bits of one channel: what its grid has, and what its values make use of.
struct ChannelBits {
    double given = 0;  ///< log2 of the number of codes
    double used = 0;   ///< log2 of the codes its range reaches; at most `given`
};

/// Bits per channel: an outline for what the grid gives, filled as far as the channel's values use it; darker =
/// fewer bits given. What one scale for all wastes shows as empty outline, what a bit allocation does as steps.
/// Horizontal: channel (or its rank); vertical: bits.
class ChannelBitsPlot final : public PlotWidget {
    Q_OBJECT

public:
    explicit ChannelBitsPlot(QWidget* parent = nullptr);

    /// sequence  channel at each place of the axis; empty: in order
    void setChannels(std::vector<ChannelBits> channels, std::vector<int> sequence = {});
    double meanGiven() const noexcept;
    double meanUsed() const noexcept;

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    QSize sizeHint() const override { return {370, 120}; }

protected:
    void relayout() override;

private:
    int channelAt(const QPointF& position) const;
    void paintBars(QPainter& painter) const;
    void paintCaption(QPainter& painter) const;

    std::vector<ChannelBits> m_channels;
    std::vector<int> m_sequence;
};

}  // namespace bitlathe::plots
