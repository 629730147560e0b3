#include "plots/rom_bar.h"

#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kNearShare = 0.5;  // of the limit; below it, the axis is cut
constexpr double kSidePx = 8;

}  // namespace

RomBar::RomBar(QWidget* parent) : LayerPlot(tr("ROM by layer"), parent) {
    setEmptyText(tr("Open a model to see its ROM."));
    plot()->xAxis->setVisible(false);
    plot()->yAxis->setVisible(false);
    plot()->xAxis->grid()->setVisible(false);
    plot()->yAxis->grid()->setVisible(false);
    detail::addPainting(*plot(), QStringLiteral("data"), [this](QPainter& painter) { paintBar(painter); });
    detail::addPainting(*plot(), QStringLiteral("axes"),
                        [this](QPainter& painter) { paintCaption(painter); });
    finishConstruction();
}

void RomBar::setSegments(std::vector<RomSegment> segments) {
    m_segments = std::move(segments);
    m_starts.clear();
    m_total = 0;
    for (const RomSegment& segment : m_segments) {
        m_starts.push_back(m_total);
        m_total += segment.bytes;
    }
    setHasData(m_total > 0);
    updateHome();
}

void RomBar::setLimit(std::optional<qint64> bytes) {
    m_limit = bytes;
    updateHome();
}

bool RomBar::isLimitNear() const {
    return m_limit && static_cast<double>(m_total) >= kNearShare * static_cast<double>(*m_limit);
}

void RomBar::updateHome() {
    if (m_total <= 0) {
        return;
    }
    const double longest = static_cast<double>(isLimitNear() ? std::max(m_total, *m_limit) : m_total);
    setHome(plot()->xAxis, {0, longest}, longest / 1000);
    describeData();
    replotLater(Part::All);
}

QSize RomBar::sizeHint() const {
    return {1000, minimumSizeHint().height()};
}

QSize RomBar::minimumSizeHint() const {
    return {160, static_cast<int>(std::ceil(QFontMetricsF(smallFont()).height())) + 34};
}

void RomBar::relayout() {
    setMargins({kSidePx, QFontMetricsF(smallFont()).height() + 6, kSidePx, 5});
}

QRectF RomBar::segmentRect(std::size_t index) const {
    const QRectF area = plot()->axisRect()->rect();
    const auto x = [&](qint64 bytes) { return plot()->xAxis->coordToPixel(static_cast<double>(bytes)); };
    const double left = std::clamp(x(m_starts[index]), area.left(), area.right() + 1);
    const double right =
        std::clamp(x(m_starts[index] + m_segments[index].bytes), area.left(), area.right() + 1);
    return {left, area.top(), right - left, area.height()};
}

int RomBar::indexAt(const QPointF& position) const {
    if (!hasData() || !plot()->axisRect()->rect().contains(position.toPoint())) {
        return -1;
    }
    const double bytes = plot()->xAxis->pixelToCoord(position.x());
    for (std::size_t i = 0; i < m_segments.size(); ++i) {
        const auto start = static_cast<double>(m_starts[i]);
        if (bytes >= start && bytes < start + static_cast<double>(m_segments[i].bytes)) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

void RomBar::paintBar(QPainter& painter) const {
    const QRectF area = plot()->axisRect()->rect();
    const QFontMetricsF metrics(smallFont());
    painter.setFont(smallFont());
    for (std::size_t i = 0; i < m_segments.size(); ++i) {
        const QRectF rect = segmentRect(i);
        if (rect.width() <= 0) {
            continue;
        }
        const QColor fill =
            isSelected(m_segments[i].layer) ? theme().attention : theme().colorForBits(m_segments[i].bits);
        painter.fillRect(rect, fill);
        const double textWidth = metrics.horizontalAdvance(m_segments[i].name);
        if (textWidth + 10 < rect.width() && metrics.height() < rect.height()) {
            painter.setPen(PlotTheme::textOn(fill));
            painter.drawText(rect, Qt::AlignCenter, m_segments[i].name);
        }
    }
    // Boundaries on top of the fills, where layers are wide enough to have one.
    for (std::size_t i = 1; i < m_segments.size(); ++i) {
        const QRectF rect = segmentRect(i);
        if (rect.width() > 2 && rect.left() > area.left()) {
            painter.fillRect(QRectF(std::round(rect.left()) - 0.5, rect.top(), 1, rect.height()),
                             theme().surface);
        }
    }
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(theme().border, 1));
    painter.drawRect(area.adjusted(-0.5, -0.5, 0.5, 0.5));
    if (hoveredIndex() >= 0 && hoveredIndex() < static_cast<int>(m_segments.size())) {
        painter.setPen(QPen(theme().text, 1));
        painter.drawRect(segmentRect(static_cast<std::size_t>(hoveredIndex())).adjusted(0, 0, -1, -1));
    }
    if (isLimitNear()) {
        const double x = std::round(plot()->xAxis->coordToPixel(static_cast<double>(*m_limit)));
        if (x >= area.left() && x <= area.right() + 2) {
            painter.setPen(QPen(theme().attention, 2));
            painter.drawLine(QPointF(x, area.top() - 3), QPointF(x, area.bottom() + 4));
        }
    }
}

QString RomBar::totalText() const {
    if (!m_limit) {
        return exactBytes(m_total);
    }
    const QString share =
        *m_limit > 0
            ? tr(" (%1)").arg(percentText(static_cast<double>(m_total) / static_cast<double>(*m_limit)))
            : QString();
    const QString text = tr("%1 of %2").arg(QLocale().toString(m_total), exactBytes(*m_limit)) + share;
    if (m_total > *m_limit) {
        return text + tr(", %1 over").arg(exactBytes(m_total - *m_limit));
    }
    return isLimitNear() ? text : text + tr(", axis cut");
}

void RomBar::paintCaption(QPainter& painter) const {
    const QFontMetricsF metrics(smallFont());
    const QRectF line(kSidePx, 1, width() - 2 * kSidePx, metrics.height());
    painter.setFont(smallFont());
    const bool isOver = m_limit && m_total > *m_limit;
    const QString total = metrics.elidedText(totalText(), Qt::ElideLeft, line.width());
    painter.setPen(isOver ? theme().attention : theme().text);
    painter.drawText(line, Qt::AlignRight | Qt::AlignVCenter, total);
    const double room = line.width() - metrics.horizontalAdvance(total) - 12;
    if (room > 30) {
        painter.setPen(theme().muted);
        const QString full = tr("ROM by layer (darker = fewer bits)");
        const QString caption = metrics.horizontalAdvance(full) <= room ? full : tr("ROM by layer");
        painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
                         metrics.elidedText(caption, Qt::ElideRight, room));
    }
}

QString RomBar::toolTipAt(const QPointF& position) const {
    const int index = indexAt(position);
    if (index < 0) {
        return m_limit && position.y() < plot()->axisRect()->top() ? totalText() : QString();
    }
    const RomSegment& segment = m_segments[static_cast<std::size_t>(index)];
    const QString bits = segment.bits ? tr("%1 bits").arg(segment.bits->bits()) : tr("float");
    return tr("%1\n%2, %3, %4 of the model")
        .arg(segment.name, exactBytes(segment.bytes), bits,
             percentText(static_cast<double>(segment.bytes) / static_cast<double>(m_total)));
}

void RomBar::describeData() {
    QString text = tr("ROM %1.").arg(totalText());
    const auto largest =
        std::max_element(m_segments.begin(), m_segments.end(),
                         [](const RomSegment& a, const RomSegment& b) { return a.bytes < b.bytes; });
    if (largest != m_segments.end()) {
        text += QLatin1Char(' ') + tr("Largest of %1 layers: %2, %3.")
                                       .arg(m_segments.size())
                                       .arg(largest->name, exactBytes(largest->bytes));
    }
    describe(text);
}

PlotTable RomBar::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("layer"), QStringLiteral("name"), QStringLiteral("rom_bytes"),
                     QStringLiteral("weight_bits")};
    for (std::size_t i = 0; i < m_segments.size(); ++i) {
        const RomSegment& segment = m_segments[i];
        if (extent == TableExtent::All || segmentRect(i).width() > 0) {
            table.rows.push_back(
                {QString::fromStdString(segment.layer.str()), segment.name, segment.bytes,
                 segment.bits ? QVariant(segment.bits->bits()) : QVariant(QStringLiteral("float"))});
        }
    }
    return table;
}

}  // namespace bitlathe::plots
