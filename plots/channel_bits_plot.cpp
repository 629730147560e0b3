#include "plots/channel_bits_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/channel_bars.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace bitlathe::plots {

ChannelBitsPlot::ChannelBitsPlot(QWidget* parent) : PlotWidget(tr("Bits per channel"), parent) {
    setEmptyText(tr("No bits per channel here."));
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Integer));
    plot()->yAxis->setTicker(makeTicker(plot()->yAxis, TickText::Integer));
    plot()->xAxis->grid()->setVisible(false);
    detail::addPainting(*plot(), QStringLiteral("data"), [this](QPainter& painter) { paintBars(painter); });
    detail::addPainting(*plot(), QStringLiteral("axes"),
                        [this](QPainter& painter) { paintCaption(painter); });
    finishConstruction();
}

void ChannelBitsPlot::setChannels(std::vector<ChannelBits> channels, std::vector<int> sequence) {
    m_channels = std::move(channels);
    m_sequence = std::move(sequence);
    if (m_sequence.size() != m_channels.size()) {
        m_sequence.resize(m_channels.size());
        std::iota(m_sequence.begin(), m_sequence.end(), 0);
    }
    setHasData(!m_channels.empty());
    if (!hasData()) {
        return;
    }
    double highest = 1;
    for (const ChannelBits& channel : m_channels) {
        highest = std::max(highest, channel.given);
    }
    plot()->yAxis->setRange(0, highest * 1.08);
    const auto count = static_cast<double>(m_channels.size());
    setHome(plot()->xAxis, {-0.5, count - 0.5}, std::min(count, 4.0));
    relayout();
    describe(tr("%1 channels have %2 bits on average and use %3 of them.")
                 .arg(m_channels.size())
                 .arg(shortValue(meanGiven()), shortValue(meanUsed())));
    replotLater(Part::All);
}

double ChannelBitsPlot::meanGiven() const noexcept {
    double sum = 0;
    for (const ChannelBits& channel : m_channels) {
        sum += channel.given;
    }
    return m_channels.empty() ? 0 : sum / static_cast<double>(m_channels.size());
}

double ChannelBitsPlot::meanUsed() const noexcept {
    double sum = 0;
    for (const ChannelBits& channel : m_channels) {
        sum += channel.used;
    }
    return m_channels.empty() ? 0 : sum / static_cast<double>(m_channels.size());
}

void ChannelBitsPlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    setMargins({valueAxisMargin(), 8, 12, 2 * metrics.height() + 6});
}

int ChannelBitsPlot::channelAt(const QPointF& position) const {
    return hasData() ? detail::channelAt(*plot(), m_sequence, position) : -1;
}

void ChannelBitsPlot::paintBars(QPainter& painter) const {
    const QRect area = plot()->axisRect()->rect();
    painter.setClipRect(area.adjusted(0, 0, 1, 0), Qt::IntersectClip);
    const auto y = [&](double bits) {
        return static_cast<int>(std::lround(plot()->yAxis->coordToPixel(bits)));
    };
    detail::forEachChannelBar(*plot(), m_sequence, [&](int channel, int left, int barWidth) {
        const ChannelBits& bits = m_channels[static_cast<std::size_t>(channel)];
        const int whole =
            std::clamp(static_cast<int>(std::lround(bits.given)), core::BitWidth::kMin, core::BitWidth::kMax);
        painter.fillRect(QRect(left, y(bits.given), barWidth, area.bottom() - y(bits.given)), theme().greyed);
        painter.fillRect(QRect(left, y(bits.used), barWidth, area.bottom() - y(bits.used)),
                         bits.given > 0 ? theme().colorForBits(core::BitWidth(whole)) : theme().greyed);
        painter.fillRect(QRect(left, y(bits.given), barWidth, 1), theme().text);
    });
}

void ChannelBitsPlot::paintCaption(QPainter& painter) const {
    const QFontMetricsF metrics(smallFont());
    const QString text = tr("bits per channel: given %1, used %2 on average")
                             .arg(QString::number(meanGiven(), 'f', 2), QString::number(meanUsed(), 'f', 2));
    const QRectF area = plot()->axisRect()->rect();
    painter.setFont(smallFont());
    painter.setPen(theme().muted);
    painter.drawText(QRectF(area.left(), height() - metrics.height() - 1, area.width(), metrics.height()),
                     Qt::AlignCenter, metrics.elidedText(text, Qt::ElideRight, area.width()));
}

QString ChannelBitsPlot::toolTipAt(const QPointF& position) const {
    const int channel = channelAt(position);
    if (channel < 0) {
        return {};
    }
    const ChannelBits& bits = m_channels[static_cast<std::size_t>(channel)];
    return tr("channel %1: uses %2 of %3 bits")
        .arg(channel)
        .arg(QString::number(bits.used, 'f', 2), QString::number(bits.given, 'g', 3));
}

PlotTable ChannelBitsPlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("channel"), QStringLiteral("bits_given"), QStringLiteral("bits_used")};
    const QCPRange visible = plot()->xAxis->range();
    for (std::size_t place = 0; place < m_sequence.size(); ++place) {
        if (extent == TableExtent::Visible && !visible.contains(static_cast<double>(place))) {
            continue;
        }
        const ChannelBits& bits = m_channels[static_cast<std::size_t>(m_sequence[place])];
        table.rows.push_back({m_sequence[place], bits.given, bits.used});
    }
    return table;
}

}  // namespace bitlathe::plots
