#include "plots/tensor_timeline_plot.h"

#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kSidePx = 8;
constexpr double kTextPadPx = 4;
constexpr double kHalfStep = 0.5;

}  // namespace

TensorTimelinePlot::TensorTimelinePlot(QWidget* parent)
    : MemoryTimelinePlot(tr("Tensors over time"), parent) {
    setEmptyText(tr("Open a model to see where its tensors lie."));
    addPicture("data", &TensorTimelinePlot::paintSpans);
    addPicture("overlay", &TensorTimelinePlot::paintMarks);
    addPicture("axes", &TensorTimelinePlot::paintHeader);
    finishConstruction();
}

void TensorTimelinePlot::setSpans(std::vector<TensorSpan> spans, int peakStep, const QString& caption) {
    m_spans = std::move(spans);
    m_peakStep = peakStep;
    m_caption = caption;
    setHasData(!m_spans.empty());
    updateHome();
}

qint64 TensorTimelinePlot::totalBytes() const noexcept {
    qint64 highest = 0;
    for (const TensorSpan& span : m_spans) {
        highest = std::max(highest, span.offset + span.bytes);
    }
    return highest;
}

int TensorTimelinePlot::stepCount() const {
    int steps = 1;
    for (const TensorSpan& span : m_spans) {
        steps = std::max(steps, span.last + 1);
    }
    return steps;
}

void TensorTimelinePlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    const double row = std::ceil(metrics.height());
    setMargins({bytesAxisMargin(), row + 6, 12, row + 8});
}

QRectF TensorTimelinePlot::rectOf(std::size_t index) const {
    const TensorSpan& span = m_spans[index];
    const double left = plot()->xAxis->coordToPixel(span.first - kHalfStep);
    const double right = plot()->xAxis->coordToPixel(span.last + kHalfStep);
    const double top = plot()->yAxis->coordToPixel(static_cast<double>(span.offset + span.bytes));
    const double bottom = plot()->yAxis->coordToPixel(static_cast<double>(span.offset));
    return {left, top, right - left, bottom - top};
}

int TensorTimelinePlot::indexAt(const QPointF& position) const {
    if (!hasData() || !plot()->axisRect()->rect().contains(position.toPoint())) {
        return -1;
    }
    // What was made last lies on top.
    for (std::size_t i = m_spans.size(); i-- > 0;) {
        if (rectOf(i).contains(position)) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

void TensorTimelinePlot::paintSpans(QPainter& painter) const {
    painter.setClipRect(plot()->axisRect()->rect(), Qt::IntersectClip);
    painter.setFont(smallFont());
    for (std::size_t i = 0; i < m_spans.size(); ++i) {
        const TensorSpan& span = m_spans[i];
        const QRectF rect = rectOf(i);
        painter.setPen(QPen(static_cast<int>(i) == hoveredIndex() ? theme().text : theme().surface, 1));
        painter.setBrush(fillOf(span));
        painter.drawRect(rect);
    }
    for (std::size_t i = 0; i < m_spans.size(); ++i) {
        paintName(painter, i);
    }
}

/// Where there is room for it and no later tensor lies on it.
void TensorTimelinePlot::paintName(QPainter& painter, std::size_t index) const {
    const QFontMetricsF metrics(smallFont());
    const TensorSpan& span = m_spans[index];
    const QRectF rect = rectOf(index);
    for (const QString& text : {tr("%1 %2").arg(span.name, exactBytes(span.bytes)), span.name}) {
        const double textWidth = metrics.horizontalAdvance(text) + 2 * kTextPadPx;
        const QRectF place(rect.center().x() - textWidth / 2, rect.center().y() - metrics.height() / 2,
                           textWidth, metrics.height());
        bool isFree = rect.contains(place);
        for (std::size_t later = index + 1; isFree && later < m_spans.size(); ++later) {
            isFree = !rectOf(later).intersects(place);
        }
        if (isFree) {
            painter.setPen(PlotTheme::textOn(fillOf(span)));
            painter.drawText(place, Qt::AlignCenter, text);
            return;
        }
    }
}

QColor TensorTimelinePlot::fillOf(const TensorSpan& span) const {
    return isSelected(span.layer) ? theme().attention
           : span.isScratch       ? theme().greyed
                                  : theme().colorForBits(span.bits);
}

void TensorTimelinePlot::paintMarks(QPainter& painter) const {
    const QRectF area = plot()->axisRect()->rect();
    painter.setClipRect(area, Qt::IntersectClip);
    paintLimit(painter);
    if (m_peakStep >= 0) {
        painter.setPen(QPen(theme().text, 1, Qt::DotLine));
        for (const double edge : {m_peakStep - kHalfStep, m_peakStep + kHalfStep}) {
            const double x = std::round(plot()->xAxis->coordToPixel(edge)) + 0.5;
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
        }
    }
}

void TensorTimelinePlot::paintHeader(QPainter& painter) const {
    if (m_spans.empty()) {
        return;
    }
    const QFontMetricsF metrics(smallFont());
    const double row = std::ceil(metrics.height());
    const QRectF line(kSidePx, 1, width() - 2 * kSidePx, row);
    painter.setFont(smallFont());
    const QString limit = limitText();
    painter.setPen(isOverLimit() ? theme().attention : theme().muted);
    painter.drawText(line, Qt::AlignRight | Qt::AlignVCenter, limit);
    const double room = line.width() - metrics.horizontalAdvance(limit) - 2 * kSidePx;
    QString text = m_caption;
    if (m_peakStep >= 0) {
        text += tr(" · peak in step %1 (dotted)").arg(m_peakStep);
    }
    painter.setPen(theme().muted);
    painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter, metrics.elidedText(text, Qt::ElideRight, room));
}

QString TensorTimelinePlot::toolTipAt(const QPointF& position) const {
    const int index = indexAt(position);
    if (index < 0) {
        return {};
    }
    const TensorSpan& span = m_spans[static_cast<std::size_t>(index)];
    return tr("%1: %2 at byte %3\nneeded from step %4 to %5")
        .arg(span.name, exactBytes(span.bytes), exactBytes(span.offset))
        .arg(span.first)
        .arg(span.last);
}

void TensorTimelinePlot::describeData() {
    QString text = tr("%1 tensors in %2.").arg(m_spans.size()).arg(exactBytes(totalBytes()));
    if (m_peakStep >= 0) {
        text += tr(" Most are alive in step %1.").arg(m_peakStep);
    }
    describe(limitText().isEmpty() ? text : text + QLatin1Char(' ') + limitText() + QLatin1Char('.'));
}

PlotTable TensorTimelinePlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("layer"),      QStringLiteral("name"),
                     QStringLiteral("bytes"),      QStringLiteral("offset"),
                     QStringLiteral("first_step"), QStringLiteral("last_step"),
                     QStringLiteral("is_scratch"), QStringLiteral("alive_at_peak")};
    const QCPRange visible = plot()->xAxis->range();
    for (const TensorSpan& span : m_spans) {
        const bool isVisible =
            span.last + kHalfStep >= visible.lower && span.first - kHalfStep <= visible.upper;
        if (extent == TableExtent::All || isVisible) {
            table.rows.push_back({QString::fromStdString(span.layer.str()), span.name, span.bytes,
                                  span.offset, span.first, span.last, span.isScratch ? 1 : 0,
                                  span.first <= m_peakStep && m_peakStep <= span.last ? 1 : 0});
        }
    }
    return table;
}

}  // namespace bitlathe::plots
