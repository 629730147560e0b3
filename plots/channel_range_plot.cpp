#include "plots/channel_range_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/channel_bars.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <QMenu>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace bitlathe::plots {

ChannelRangePlot::ChannelRangePlot(QWidget* parent) : PlotWidget(tr("Ranges per channel"), parent) {
    setEmptyText(tr("No ranges per channel here."));
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Integer));
    plot()->yAxis->setTicker(makeTicker(plot()->yAxis, TickText::Value));
    plot()->xAxis->grid()->setVisible(false);
    detail::addPainting(*plot(), QStringLiteral("data"), [this](QPainter& painter) { paintBars(painter); });
    detail::addPainting(*plot(), QStringLiteral("axes"),
                        [this](QPainter& painter) { paintCaption(painter); });
    finishConstruction();
}

void ChannelRangePlot::setChannels(std::vector<core::Range> observed,
                                   std::vector<core::Range> representable) {
    Q_ASSERT(representable.size() <= 1 || representable.size() == observed.size());
    m_observed = std::move(observed);
    m_representable = std::move(representable);
    setHasData(!m_observed.empty());
    if (!hasData()) {
        return;
    }
    core::Range values{0, 0};  // zero belongs into the picture: every grid is about it
    for (const std::vector<core::Range>* ranges : {&m_observed, &m_representable}) {
        for (const core::Range& range : *ranges) {
            values.lower = std::min(values.lower, range.lower);
            values.upper = std::max(values.upper, range.upper);
        }
    }
    const double pad = values.width() > 0 ? 0.05 * values.width() : 1;
    plot()->yAxis->setRange(values.lower - pad, values.upper + pad);
    const auto count = static_cast<double>(m_observed.size());
    setHome(plot()->xAxis, {-0.5, count - 0.5}, std::min(count, 4.0));
    sortChannels();
    relayout();
    describeData();
    replotLater(Part::All);
}

void ChannelRangePlot::setOrder(ChannelOrder order) {
    m_order = order;
    sortChannels();
    replotLater(Part::All);
}

void ChannelRangePlot::sortChannels() {
    m_sequence.resize(m_observed.size());
    std::iota(m_sequence.begin(), m_sequence.end(), 0);
    if (m_order == ChannelOrder::ByWidth) {
        std::stable_sort(m_sequence.begin(), m_sequence.end(), [this](int a, int b) {
            return m_observed[static_cast<std::size_t>(a)].width() >
                   m_observed[static_cast<std::size_t>(b)].width();
        });
    }
}

void ChannelRangePlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    setMargins({valueAxisMargin(), 8, 12, 2 * metrics.height() + 6});
}

core::Range ChannelRangePlot::representable(int channel) const {
    if (m_representable.empty()) {
        return {-HUGE_VAL, HUGE_VAL};
    }
    return m_representable.size() == 1 ? m_representable.front()
                                       : m_representable[static_cast<std::size_t>(channel)];
}

int ChannelRangePlot::channelAt(const QPointF& position) const {
    return hasData() ? detail::channelAt(*plot(), m_sequence, position) : -1;
}

void ChannelRangePlot::paintBars(QPainter& painter) const {
    const QRect area = plot()->axisRect()->rect();
    painter.setClipRect(area, Qt::IntersectClip);
    const auto y = [&](double value) {
        return static_cast<int>(std::lround(plot()->yAxis->coordToPixel(value)));
    };
    if (m_representable.size() == 1) {
        const core::Range range = m_representable.front();
        painter.fillRect(QRect(QPoint(area.left(), y(range.upper)), QPoint(area.right(), y(range.lower) - 1)),
                         theme().shade);
    }
    painter.fillRect(QRect(area.left(), y(0), area.width(), 1), theme().border);
    detail::forEachChannelBar(*plot(), m_sequence, [&](int channel, int left, int barWidth) {
        const core::Range seen = m_observed[static_cast<std::size_t>(channel)];
        const core::Range kept = representable(channel);
        const auto bar = [&](double upper, double lower, const QColor& color) {
            painter.fillRect(QRect(left, y(upper), barWidth, std::max(1, y(lower) - y(upper))), color);
        };
        bar(seen.upper, seen.lower, theme().greyed);
        if (std::max(seen.lower, kept.lower) <= std::min(seen.upper, kept.upper)) {
            bar(std::min(seen.upper, kept.upper), std::max(seen.lower, kept.lower), theme().series);
        }
        if (m_representable.size() > 1) {
            painter.fillRect(QRect(left, y(kept.upper) - 1, barWidth, 2), theme().attention);
            painter.fillRect(QRect(left, y(kept.lower) - 1, barWidth, 2), theme().attention);
        }
    });
    if (m_representable.size() == 1) {
        for (const double bound : {m_representable.front().lower, m_representable.front().upper}) {
            painter.fillRect(QRect(area.left(), y(bound) - 1, area.width(), 2), theme().attention);
        }
    }
}

void ChannelRangePlot::paintCaption(QPainter& painter) const {
    const QFontMetricsF metrics(smallFont());
    const QString text = m_order == ChannelOrder::ByWidth
                             ? tr("channels, widest first; orange: representable range")
                             : tr("channel; orange: representable range");
    const QRectF area = plot()->axisRect()->rect();
    painter.setFont(smallFont());
    painter.setPen(theme().muted);
    painter.drawText(QRectF(area.left(), height() - metrics.height() - 1, area.width(), metrics.height()),
                     Qt::AlignCenter, metrics.elidedText(text, Qt::ElideRight, area.width()));
}

void ChannelRangePlot::clickAt(const QPointF& position, Qt::KeyboardModifiers) {
    const int channel = channelAt(position);
    if (channel >= 0) {
        Q_EMIT channelClicked(channel);
    }
}

void ChannelRangePlot::extendMenu(QMenu& menu) {
    QAction* sorted = menu.addAction(tr("Widest channels first"));
    sorted->setCheckable(true);
    sorted->setChecked(m_order == ChannelOrder::ByWidth);
    connect(sorted, &QAction::toggled, this, [this](bool isOn) {
        setOrder(isOn ? ChannelOrder::ByWidth : ChannelOrder::ByIndex);
        Q_EMIT orderChanged(m_order);
    });
}

QString ChannelRangePlot::toolTipAt(const QPointF& position) const {
    const int channel = channelAt(position);
    if (channel < 0) {
        return {};
    }
    const core::Range seen = m_observed[static_cast<std::size_t>(channel)];
    QString text =
        tr("channel %1: %2 to %3").arg(channel).arg(shortValue(seen.lower), shortValue(seen.upper));
    if (!m_representable.empty()) {
        const core::Range kept = representable(channel);
        text += QLatin1Char('\n') +
                tr("representable: %1 to %2").arg(shortValue(kept.lower), shortValue(kept.upper));
    }
    return text;
}

void ChannelRangePlot::describeData() {
    const auto byWidth = [](const core::Range& a, const core::Range& b) { return a.width() < b.width(); };
    const auto [narrowest, widest] = std::minmax_element(m_observed.begin(), m_observed.end(), byWidth);
    describe(tr("%1 channels; the widest range is %2 (channel %3), the narrowest %4 (channel %5).")
                 .arg(m_observed.size())
                 .arg(shortValue(widest->width()))
                 .arg(widest - m_observed.begin())
                 .arg(shortValue(narrowest->width()))
                 .arg(narrowest - m_observed.begin()));
}

PlotTable ChannelRangePlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("channel"), QStringLiteral("minimum"), QStringLiteral("maximum")};
    if (!m_representable.empty()) {
        table.columns += {QStringLiteral("representable_lower"), QStringLiteral("representable_upper")};
    }
    const QCPRange visible = plot()->xAxis->range();
    for (std::size_t place = 0; place < m_sequence.size(); ++place) {
        if (extent == TableExtent::Visible && !visible.contains(static_cast<double>(place))) {
            continue;
        }
        const int channel = m_sequence[place];
        const core::Range seen = m_observed[static_cast<std::size_t>(channel)];
        std::vector<QVariant> row{channel, seen.lower, seen.upper};
        if (!m_representable.empty()) {
            row.insert(row.end(), {representable(channel).lower, representable(channel).upper});
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

}  // namespace bitlathe::plots
