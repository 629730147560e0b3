#include "plots/ram_timeline_plot.h"

#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kBarShare = 0.72;  // of the space a layer has
constexpr double kSidePx = 8;
constexpr double kSwatchPx = 8;
constexpr double kGapPx = 14;  // between texts in one row

/// Colours of the three parts; a selected layer is orange in three strengths.
struct Parts {
    QColor input;
    QColor output;
    QColor other;
};

QColor faded(const QColor& color, const QColor& ground, double share) {
    const auto mix = [share](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * share)); };
    return {mix(color.red(), ground.red()), mix(color.green(), ground.green()),
            mix(color.blue(), ground.blue())};
}

Parts partsOf(const PlotTheme& theme, bool isSelected) {
    if (isSelected) {
        return {faded(theme.attention, theme.surface, 0.4), theme.attention,
                faded(theme.attention, theme.surface, 0.7)};
    }
    return {theme.colorForBits(core::BitWidth(4)), theme.colorForBits(core::BitWidth(2)), theme.greyed};
}

}  // namespace

RamTimelinePlot::RamTimelinePlot(QWidget* parent) : MemoryTimelinePlot(tr("RAM timeline"), parent) {
    setEmptyText(tr("Open a model to see its RAM."));
    addPicture("data", &RamTimelinePlot::paintBars);
    addPicture("overlay", &RamTimelinePlot::paintPeak);
    addPicture("axes", &RamTimelinePlot::paintHeader);
    finishConstruction();
}

void RamTimelinePlot::setSteps(std::vector<RamStep> steps) {
    m_steps = std::move(steps);
    setHasData(!m_steps.empty());
    updateHome();
}

std::size_t RamTimelinePlot::peakIndex() const {
    return static_cast<std::size_t>(
        std::max_element(m_steps.begin(), m_steps.end(),
                         [](const RamStep& a, const RamStep& b) { return a.total() < b.total(); }) -
        m_steps.begin());
}

qint64 RamTimelinePlot::highestBytes() const {
    return m_steps.empty() ? 0 : m_steps[peakIndex()].total();
}

void RamTimelinePlot::followView() {
    relayout();
}

void RamTimelinePlot::relayout() {
    if (m_steps.empty()) {
        return;
    }
    const QFontMetricsF metrics(smallFont());
    const double row = std::ceil(metrics.height());
    const double left = bytesAxisMargin();
    const auto textWidth = [&](const QString& text) {
        return std::ceil(metrics.horizontalAdvance(text)) + 1;
    };

    // First row: caption, legend, limit. A legend without room there begins the second, which is the peak's.
    Header header;
    const double right = width() - kSidePx;
    header.limit = metrics.elidedText(limitText(), Qt::ElideRight, right - kSidePx);
    header.limitRect = QRectF(right - textWidth(header.limit), 1, textWidth(header.limit), row);
    double legendWidth = 0;
    for (const QString& name : {tr("input"), tr("output"), tr("other live")}) {
        legendWidth += kSwatchPx + 4 + textWidth(name) + kGapPx;
    }
    const double room = (header.limit.isEmpty() ? right : header.limitRect.left() - kGapPx) - kSidePx;
    const QString caption = tr("RAM while each layer runs");
    const bool isOneRow = textWidth(caption) + kGapPx + legendWidth <= room;
    header.caption = metrics.elidedText(caption, Qt::ElideRight, std::max(0.0, room));
    header.captionRect = QRectF(kSidePx, 1, textWidth(header.caption), row);
    header.legendRect = isOneRow ? QRectF(header.captionRect.right() + kGapPx, 1, legendWidth, row)
                                 : QRectF(kSidePx, 1 + row, std::min(legendWidth, right - kSidePx), row);
    double bottom = header.legendRect.bottom();
    setMargins({left, bottom, 12, row + 8});  // horizontally final: the peak's x can be asked for

    const RamStep& peak = m_steps[peakIndex()];
    const QString bytes = exactBytes(peak.total());
    const double x = plot()->xAxis->coordToPixel(static_cast<double>(peakIndex()));
    const QRect area = plot()->axisRect()->rect();
    if (x >= area.left() && x <= area.right()) {
        const QString wanted = tr("peak: %1 %2").arg(peak.name, bytes);
        header.peak = textWidth(wanted) <= right - kSidePx
                          ? wanted
                          : metrics.elidedText(tr("peak %1").arg(bytes), Qt::ElideRight, right - kSidePx);
        const double peakWidth = textWidth(header.peak);
        header.peakRect = QRectF(std::clamp(x - peakWidth / 2, kSidePx, std::max(kSidePx, right - peakWidth)),
                                 1 + row, peakWidth, row);
        const QRectF legend = header.legendRect.adjusted(-kGapPx, 0, kGapPx / 2, 0);
        if (header.peakRect.intersects(legend) && right - peakWidth >= legend.right()) {
            header.peakRect.moveLeft(std::max(header.peakRect.left(), legend.right()));
        } else if (header.peakRect.intersects(legend)) {
            header.peakRect.moveTop(1 + 2 * row);
        }
        bottom = std::max(bottom, header.peakRect.bottom());
    }
    header.height = bottom + 3;
    m_header = header;
    setMargins({left, header.height, 12, row + 8});
}

std::vector<QRectF> RamTimelinePlot::labelRects() const {
    std::vector<QRectF> rects;
    for (const QRectF& rect :
         {m_header.captionRect, m_header.limitRect, m_header.legendRect, m_header.peakRect}) {
        if (rect.width() > 1) {
            rects.push_back(rect);
        }
    }
    return rects;
}

int RamTimelinePlot::indexAt(const QPointF& position) const {
    if (!hasData() || !plot()->axisRect()->rect().adjusted(0, 0, 0, 20).contains(position.toPoint())) {
        return -1;
    }
    const double index = std::floor(plot()->xAxis->pixelToCoord(position.x()) + 0.5);
    return index >= 0 && index < static_cast<double>(m_steps.size()) ? static_cast<int>(index) : -1;
}

void RamTimelinePlot::paintBars(QPainter& painter) const {
    const QRect area = plot()->axisRect()->rect();
    painter.setClipRect(area, Qt::IntersectClip);
    for (std::size_t i = 0; i < m_steps.size(); ++i) {
        const auto middle = static_cast<double>(i);
        const auto x = [&](double value) {
            return static_cast<int>(std::lround(plot()->xAxis->coordToPixel(value)));
        };
        const int left = x(middle - kBarShare / 2);
        const int right = std::max(left + 1, x(middle + kBarShare / 2));
        if (right < area.left() || left > area.right()) {
            continue;
        }
        const Parts parts = partsOf(theme(), isSelected(m_steps[i].layer));
        const std::array<std::pair<qint64, QColor>, 3> stack{std::pair{m_steps[i].inputBytes, parts.input},
                                                             std::pair{m_steps[i].outputBytes, parts.output},
                                                             std::pair{m_steps[i].otherBytes, parts.other}};
        const auto y = [&](qint64 bytes) {
            return static_cast<int>(std::lround(plot()->yAxis->coordToPixel(static_cast<double>(bytes))));
        };
        qint64 below = 0;
        for (const auto& [bytes, color] : stack) {
            if (bytes > 0) {
                const int top = y(below + bytes);
                const int bottom = std::min(y(below), area.bottom());
                painter.fillRect(QRect(left, top, right - left, bottom - top), color);
            }
            below += bytes;
        }
        if (static_cast<int>(i) == hoveredIndex()) {
            painter.setPen(QPen(theme().text, 1));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(QRect(left - 1, y(below) - 1, right - left + 1, area.bottom() - y(below) + 1));
        }
    }
}

void RamTimelinePlot::paintPeak(QPainter& painter) const {
    paintLimit(painter);
    // The peak's text leads to its bar.
    if (!m_header.peak.isEmpty()) {
        const double x = std::round(plot()->xAxis->coordToPixel(static_cast<double>(peakIndex()))) + 0.5;
        const double top = plot()->yAxis->coordToPixel(static_cast<double>(m_steps[peakIndex()].total()));
        const double from = std::clamp(x, m_header.peakRect.left() + 2, m_header.peakRect.right() - 2);
        painter.setPen(QPen(theme().muted, 1, Qt::DotLine));
        painter.drawLine(QPointF(from, m_header.peakRect.bottom()), QPointF(x, top - 1));
    }
}

void RamTimelinePlot::paintHeader(QPainter& painter) const {
    if (m_steps.empty()) {
        return;
    }
    painter.setFont(smallFont());
    const auto write = [&](const QRectF& rect, const QString& text, const QColor& color) {
        painter.setPen(color);
        painter.drawText(rect, Qt::AlignLeft | Qt::AlignVCenter, text);
    };
    write(m_header.captionRect, m_header.caption, theme().muted);
    write(m_header.limitRect, m_header.limit, isOverLimit() ? theme().attention : theme().muted);
    write(m_header.peakRect, m_header.peak, theme().text);
    const Parts parts = partsOf(theme(), false);
    const QFontMetricsF metrics(smallFont());
    double x = m_header.legendRect.left();
    painter.setClipRect(m_header.legendRect, Qt::IntersectClip);
    for (const auto& [name, color] :
         {std::pair{tr("input"), parts.input}, std::pair{tr("output"), parts.output},
          std::pair{tr("other live"), parts.other}}) {
        const double y = std::round(m_header.legendRect.center().y() - kSwatchPx / 2);
        painter.fillRect(QRectF(std::round(x), y, kSwatchPx, kSwatchPx), color);
        const double textWidth = std::ceil(metrics.horizontalAdvance(name)) + 1;
        write(QRectF(x + kSwatchPx + 4, m_header.legendRect.top(), textWidth, m_header.legendRect.height()),
              name, theme().muted);
        x += kSwatchPx + 4 + textWidth + kGapPx;
    }
}

QString RamTimelinePlot::toolTipAt(const QPointF& position) const {
    const int index = indexAt(position);
    if (index < 0) {
        return {};
    }
    const RamStep& step = m_steps[static_cast<std::size_t>(index)];
    QString text = tr("%1 · %2\n%3: input %4, output %5")
                       .arg(index)
                       .arg(step.name, exactBytes(step.total()), exactBytes(step.inputBytes),
                            exactBytes(step.outputBytes));
    if (step.otherBytes > 0) {
        text += tr(", other live %1").arg(exactBytes(step.otherBytes));
    }
    return text;
}

void RamTimelinePlot::describeData() {
    const RamStep& peak = m_steps[peakIndex()];
    QString text = tr("Peak RAM %1 while %2 runs, of %3 layers.")
                       .arg(exactBytes(peak.total()), peak.name)
                       .arg(m_steps.size());
    describe(limitText().isEmpty() ? text : text + QLatin1Char(' ') + limitText() + QLatin1Char('.'));
}

PlotTable RamTimelinePlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("index"),        QStringLiteral("layer"),
                     QStringLiteral("name"),         QStringLiteral("input_bytes"),
                     QStringLiteral("output_bytes"), QStringLiteral("other_bytes"),
                     QStringLiteral("total_bytes")};
    const QCPRange visible = plot()->xAxis->range();
    for (std::size_t i = 0; i < m_steps.size(); ++i) {
        const RamStep& step = m_steps[i];
        if (extent == TableExtent::All || visible.contains(static_cast<double>(i))) {
            table.rows.push_back({static_cast<qulonglong>(i), QString::fromStdString(step.layer.str()),
                                  step.name, step.inputBytes, step.outputBytes, step.otherBytes,
                                  step.total()});
        }
    }
    return table;
}

}  // namespace bitlathe::plots
