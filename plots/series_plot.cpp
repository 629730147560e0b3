#include "plots/series_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kHitPx = 10;
constexpr int kFewPoints = 24;        // so few get a dot each
constexpr double kLabelShare = 0.34;  // of the width, for names at the right

constexpr std::array kDashes{Qt::SolidLine, Qt::DashLine, Qt::DotLine, Qt::DashDotLine};

std::optional<QPointF> lastDrawable(const Series& series) {
    const auto found = std::find_if(series.points.rbegin(), series.points.rend(),
                                    [](const QPointF& point) { return std::isfinite(point.y()); });
    return found == series.points.rend() ? std::nullopt : std::optional(*found);
}

}  // namespace

SeriesPlot::SeriesPlot(const QString& title, QWidget* parent) : PlotWidget(title, parent) {
    setEmptyText(tr("Nothing recorded yet."));
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Value));
    plot()->yAxis->setTicker(makeTicker(plot()->yAxis, TickText::Value));
    plot()->xAxis->grid()->setVisible(false);
    detail::addPainting(*plot(), QStringLiteral("main"), [this](QPainter& painter) { paintLines(painter); });
    detail::addPainting(*plot(), QStringLiteral("axes"),
                        [this](QPainter& painter) { paintCaptions(painter); });
    finishConstruction();
}

void SeriesPlot::setSeries(std::vector<Series> series) {
    m_series = std::move(series);
    setHasData(std::any_of(m_series.begin(), m_series.end(),
                           [](const Series& each) { return lastDrawable(each).has_value(); }));
    rescale();
}

void SeriesPlot::setCaptions(const QString& horizontal, const QString& vertical) {
    m_horizontal = horizontal;
    m_vertical = vertical;
    replotLater(Part::All);
}

void SeriesPlot::rescale() {
    if (!hasData()) {
        return;
    }
    core::Range x{HUGE_VAL, -HUGE_VAL};
    core::Range y{HUGE_VAL, -HUGE_VAL};
    QStringList ends;
    for (const Series& series : m_series) {
        for (const QPointF& point : series.points) {
            if (std::isfinite(point.y())) {
                x = {std::min(x.lower, point.x()), std::max(x.upper, point.x())};
                y = {std::min(y.lower, point.y()), std::max(y.upper, point.y())};
            }
        }
        if (const auto last = lastDrawable(series)) {
            ends += tr("%1 ends at %2").arg(series.name, shortValue(last->y()));
        }
    }
    const double xPad = x.width() > 0 ? 0.02 * x.width() : 0.5;
    const double yPad = y.width() > 0 ? 0.08 * y.width() : 0.5;
    setHome(plot()->xAxis, {x.lower - xPad, x.upper + xPad}, std::max(x.width(), 1.0) / 100);
    plot()->yAxis->setRange(y.lower - yPad, y.upper + yPad);
    describe(ends.join(QStringLiteral(", ")));
    relayout();
    replotLater(Part::All);
}

void SeriesPlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    double widest = 0;
    for (const Series& series : m_series) {
        if (!series.isBackground) {
            widest = std::max(widest, std::ceil(metrics.horizontalAdvance(series.name)));
        }
    }
    setMargins({valueAxisMargin(), metrics.height() + 6, std::min(widest + 14, kLabelShare * width()) + 4,
                2 * metrics.height() + 6});
}

QPointF SeriesPlot::pixelOf(const QPointF& point) const {
    return {plot()->xAxis->coordToPixel(point.x()), plot()->yAxis->coordToPixel(point.y())};
}

QPen SeriesPlot::penOf(int series) const {
    if (m_series[static_cast<std::size_t>(series)].isBackground) {
        return QPen(theme().greyed, 1);
    }
    const auto dash = static_cast<std::size_t>(series) % kDashes.size();
    return QPen(PlotTheme::category(series, theme().scheme), 1.75, kDashes[dash], Qt::FlatCap);
}

std::vector<SeriesPlot::Label> SeriesPlot::labels() const {
    // Each at the height of its line's end; those that would touch move down, and back up from the bottom.
    const QFontMetricsF metrics(smallFont());
    const QRectF area(plot()->axisRect()->rect());
    const double left = area.right() + 8;
    const double room = width() - 4 - left;
    std::vector<Label> result;
    for (int i = 0; i < static_cast<int>(m_series.size()); ++i) {
        const Series& series = m_series[static_cast<std::size_t>(i)];
        const auto last = lastDrawable(series);
        if (series.isBackground || !last || room < 20) {
            continue;
        }
        const QString text = metrics.elidedText(series.name, Qt::ElideMiddle, room);
        const double y = std::clamp(pixelOf(*last).y(), area.top(), area.bottom());
        result.push_back({text, QRectF(left, y - metrics.height() / 2, room, metrics.height()), i});
    }
    std::stable_sort(result.begin(), result.end(),
                     [](const Label& a, const Label& b) { return a.rect.top() < b.rect.top(); });
    double floor = -HUGE_VAL;
    for (Label& label : result) {
        label.rect.moveTop(std::max(label.rect.top(), floor));
        floor = label.rect.bottom();
    }
    double ceiling = height() - 1.0;
    for (auto label = result.rbegin(); label != result.rend(); ++label) {
        label->rect.moveTop(std::min(label->rect.top(), ceiling - label->rect.height()));
        ceiling = label->rect.top();
    }
    std::erase_if(result, [](const Label& label) { return label.rect.top() < 0; });
    return result;
}

std::vector<QRectF> SeriesPlot::labelRects() const {
    std::vector<QRectF> rects;
    for (const Label& label : labels()) {
        rects.push_back(label.rect);
    }
    return rects;
}

void SeriesPlot::paintLines(QPainter& painter) const {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setClipRect(QRectF(plot()->axisRect()->rect()).adjusted(-3, -3, 3, 1), Qt::IntersectClip);
    const auto draw = [&](int index) {
        const Series& series = m_series[static_cast<std::size_t>(index)];
        const QPen pen = penOf(index);
        QPolygonF line;
        const auto flush = [&] {
            painter.setPen(pen);
            painter.setBrush(Qt::NoBrush);
            painter.drawPolyline(line);
            if (!series.isBackground && static_cast<int>(series.points.size()) <= kFewPoints) {
                painter.setPen(Qt::NoPen);
                painter.setBrush(pen.color());
                for (const QPointF& point : line) {
                    painter.drawEllipse(point, 2.2, 2.2);
                }
            }
            line.clear();
        };
        for (const QPointF& point : series.points) {
            if (!std::isfinite(point.y())) {
                flush();
                continue;
            }
            const QPointF at = pixelOf(point);
            // Closer than a third of a pixel would only thicken the line.
            if (line.isEmpty() || at.x() - line.last().x() >= 1.0 / 3 || &point == &series.points.back()) {
                line.append(at);
            }
        }
        flush();
    };
    for (const bool isBackground : {true, false}) {
        for (int i = 0; i < static_cast<int>(m_series.size()); ++i) {
            if (m_series[static_cast<std::size_t>(i)].isBackground == isBackground) {
                draw(i);
            }
        }
    }
}

void SeriesPlot::paintCaptions(QPainter& painter) const {
    const QFontMetricsF metrics(smallFont());
    const QRectF area(plot()->axisRect()->rect());
    painter.setFont(smallFont());
    for (const Label& label : labels()) {
        const QPen pen = penOf(label.series);
        painter.setPen(theme().text);
        painter.drawText(label.rect, Qt::AlignVCenter | Qt::AlignLeft, label.text);
        painter.setPen(QPen(pen.color(), 2));
        painter.drawLine(QPointF(label.rect.left() - 5, label.rect.top() + 3),
                         QPointF(label.rect.left() - 5, label.rect.bottom() - 3));
    }
    painter.setPen(theme().muted);
    painter.drawText(QRectF(6, 2, width() - 12.0, metrics.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     m_vertical);
    painter.drawText(QRectF(area.left(), height() - metrics.height() - 1, area.width(), metrics.height()),
                     Qt::AlignCenter, m_horizontal);
}

QString SeriesPlot::toolTipAt(const QPointF& position) const {
    QString text;
    double nearest = kHitPx;
    for (const Series& series : m_series) {
        for (const QPointF& point : series.points) {
            if (!std::isfinite(point.y())) {
                continue;
            }
            const QPointF offset = pixelOf(point) - position;
            const double distance = std::hypot(offset.x(), offset.y());
            if (distance < nearest) {
                nearest = distance;
                text = tr("%1\n%2 %3: %4")
                           .arg(series.name, m_horizontal, shortValue(point.x()), shortValue(point.y()));
            }
        }
    }
    return text;
}

PlotTable SeriesPlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("series"), QStringLiteral("x"), QStringLiteral("y")};
    for (const Series& series : m_series) {
        for (const QPointF& point : series.points) {
            if (extent == TableExtent::All || plot()->xAxis->range().contains(point.x())) {
                table.rows.push_back({series.name, point.x(), point.y()});
            }
        }
    }
    return table;
}

}  // namespace bitlathe::plots
