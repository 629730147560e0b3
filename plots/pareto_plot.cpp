#include "plots/pareto_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kPointPx = 4;
constexpr double kHitPx = 8;
constexpr double kLimitReach = 1.6;  // of the largest model: a limit farther out would squeeze the points
constexpr double kFence = 1.5;       // of the distance from the best point to the lower quartile
constexpr std::size_t kFencedPoints = 4;

qint64 bytesOn(const ParetoPoint& point, ByteAxis axis) {
    return axis == ByteAxis::Rom ? point.romBytes : point.ramBytes;
}

/// The lowest accuracy worth an axis. A configuration that guesses (all weights at 2 bits) would leave the others a
/// strip at the top: what lies farther below the best than one and a half times the lower quartile is left out.
double lowestShown(const std::vector<ParetoPoint>& points) {
    std::vector<double> values;
    for (const ParetoPoint& point : points) {
        values.push_back(point.accuracyPercent);
    }
    std::sort(values.begin(), values.end());
    if (values.size() < kFencedPoints) {
        return values.front();
    }
    const double quartile = values[values.size() / 4];
    const double fence = values.back() - kFence * (values.back() - quartile);
    return *std::lower_bound(values.begin(), values.end(), fence);
}

}  // namespace

std::vector<std::size_t> paretoFront(const std::vector<ParetoPoint>& points, ByteAxis axis) {
    std::vector<std::size_t> order(points.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return bytesOn(points[a], axis) != bytesOn(points[b], axis)
                   ? bytesOn(points[a], axis) < bytesOn(points[b], axis)
                   : points[a].accuracyPercent > points[b].accuracyPercent;
    });
    std::vector<std::size_t> front;
    for (const std::size_t index : order) {
        if (front.empty() || points[index].accuracyPercent > points[front.back()].accuracyPercent) {
            front.push_back(index);
        }
    }
    return front;
}

ParetoPlot::ParetoPlot(QWidget* parent) : PlotWidget(tr("Accuracy against ROM"), parent) {
    setEmptyText(tr("No finished runs yet."));
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Bytes));
    plot()->yAxis->setTicker(makeTicker(plot()->yAxis, TickText::Value));
    detail::addPainting(*plot(), QStringLiteral("data"), [this](QPainter& painter) { paintPoints(painter); });
    detail::addPainting(*plot(), QStringLiteral("axes"),
                        [this](QPainter& painter) { paintCaption(painter); });
    finishConstruction();
}

void ParetoPlot::setPoints(std::vector<ParetoPoint> points) {
    std::erase_if(points, [](const ParetoPoint& p) { return !std::isfinite(p.accuracyPercent); });
    m_points = std::move(points);
    findFront();
    setHasData(!m_points.empty());
    updateHome();
}

double ParetoPlot::bytesOf(const ParetoPoint& point) const {
    return static_cast<double>(bytesOn(point, m_axis));
}

bool ParetoPlot::hasEstimates() const {
    return std::any_of(m_points.begin(), m_points.end(), [](const ParetoPoint& p) { return p.isEstimate; });
}

void ParetoPlot::findFront() {
    const bool isOfEstimates = hasEstimates();
    std::vector<ParetoPoint> candidates;
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < m_points.size(); ++i) {
        if (m_points[i].isEstimate == isOfEstimates) {
            candidates.push_back(m_points[i]);
            indices.push_back(i);
        }
    }
    m_front.clear();
    for (const std::size_t index : paretoFront(candidates, m_axis)) {
        m_front.push_back(indices[index]);
    }
}

void ParetoPlot::setByteAxis(ByteAxis axis) {
    m_axis = axis;
    findFront();
    updateHome();
}

void ParetoPlot::setLimit(std::optional<qint64> bytes) {
    m_limit = bytes;
    updateHome();
}

void ParetoPlot::setSelection(std::set<qint64> ids) {
    m_selection = std::move(ids);
    replotLater(Part::Data);
}

void ParetoPlot::updateHome() {
    if (m_points.empty()) {
        return;
    }
    core::Range bytes{HUGE_VAL, -HUGE_VAL};
    core::Range accuracy{HUGE_VAL, -HUGE_VAL};
    for (const ParetoPoint& point : m_points) {
        const double rom = bytesOf(point);
        bytes = {std::min(bytes.lower, rom), std::max(bytes.upper, rom)};
        accuracy.upper = std::max(accuracy.upper, point.accuracyPercent);
    }
    accuracy.lower = lowestShown(m_points);
    if (m_limit && static_cast<double>(*m_limit) < kLimitReach * bytes.upper) {
        bytes = {std::min(bytes.lower, static_cast<double>(*m_limit)),
                 std::max(bytes.upper, static_cast<double>(*m_limit))};
    }
    const double bytePad = bytes.width() > 0 ? 0.06 * bytes.width() : std::max(1.0, 0.1 * bytes.upper);
    const double accuracyPad = accuracy.width() > 0 ? 0.1 * accuracy.width() : 1;
    const core::Range homeX{std::max(0.0, bytes.lower - bytePad), bytes.upper + bytePad};
    const core::Range homeY{std::max(0.0, accuracy.lower - accuracyPad),
                            std::min(101.0, accuracy.upper + accuracyPad)};
    m_floor = homeY.lower;
    setHome(plot()->xAxis, homeX, homeX.width() / 50);
    setHome(plot()->yAxis, homeY, homeY.width() / 50);
    relayout();
    describeData();
    replotLater(Part::All);
}

void ParetoPlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    setMargins({valueAxisMargin(), metrics.height() + 6, 16, 2 * metrics.height() + 6});
}

QPointF ParetoPlot::pixelOf(std::size_t index) const {
    return {plot()->xAxis->coordToPixel(bytesOf(m_points[index])),
            plot()->yAxis->coordToPixel(std::max(m_floor, m_points[index].accuracyPercent))};
}

int ParetoPlot::pointAt(const QPointF& position) const {
    int nearest = -1;
    double nearestDistance = kHitPx;
    for (std::size_t i = 0; i < m_points.size(); ++i) {
        const QPointF offset = pixelOf(i) - position;
        const double distance = std::hypot(offset.x(), offset.y());
        if (distance <= nearestDistance) {
            nearest = static_cast<int>(i);
            nearestDistance = distance;
        }
    }
    return nearest;
}

std::vector<ParetoPlot::Label> ParetoPlot::labels() const {
    // Selected points first, then the front from its best; each beside its point where neither a point nor a
    // name is.
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < m_points.size(); ++i) {
        if (m_selection.contains(m_points[i].id)) {
            order.push_back(i);
        }
    }
    for (auto it = m_front.rbegin(); it != m_front.rend(); ++it) {
        if (!m_selection.contains(m_points[*it].id)) {
            order.push_back(*it);
        }
    }
    const QFontMetricsF metrics(smallFont());
    const QRectF area = plot()->axisRect()->rect();
    std::vector<Label> placed;
    const auto isFree = [&](const QRectF& rect, std::size_t self) {
        if (!area.contains(rect) || std::any_of(placed.begin(), placed.end(),
                                                [&](const Label& l) { return l.rect.intersects(rect); })) {
            return false;
        }
        for (std::size_t i = 0; i < m_points.size(); ++i) {
            const QPointF at = pixelOf(i);
            if (i != self &&
                rect.intersects(QRectF(at.x() - kPointPx, at.y() - kPointPx, 2 * kPointPx, 2 * kPointPx))) {
                return false;
            }
        }
        return true;
    };
    for (const std::size_t index : order) {
        const QPointF at = pixelOf(index);
        if (!area.contains(at)) {
            continue;
        }
        const ParetoPoint& point = m_points[index];
        const QString text =
            isBelowAxis(point) ? tr("%1: %2 %").arg(point.name, valueAtResolution(point.accuracyPercent, 0.1))
                               : point.name;
        const double textWidth = std::ceil(metrics.horizontalAdvance(text)) + 2;
        const double textHeight = metrics.height();
        constexpr double kOff = kPointPx + 3;
        const std::array<QPointF, 5> corners{
            QPointF(at.x() - textWidth - kOff + 4, at.y() - textHeight - 2),  // above the front's line
            QPointF(at.x() + kOff, at.y() + 2), QPointF(at.x() + kOff, at.y() - textHeight - 2),
            QPointF(at.x() - textWidth / 2, at.y() - textHeight - kOff),
            QPointF(at.x() - textWidth - kOff, at.y() + 2)};
        for (const QPointF& corner : corners) {
            const QRectF rect(corner, QSizeF(textWidth, textHeight));
            if (isFree(rect, index)) {
                placed.push_back({text, rect});
                break;
            }
        }
    }
    return placed;
}

std::vector<QRectF> ParetoPlot::labelRects() const {
    std::vector<QRectF> rects;
    for (const Label& label : labels()) {
        rects.push_back(label.rect);
    }
    return rects;
}

void ParetoPlot::paintPoints(QPainter& painter) const {
    const QRectF area = plot()->axisRect()->rect();
    painter.save();
    painter.setClipRect(area.adjusted(-5, -5, 5, 1), Qt::IntersectClip);
    if (m_limit) {
        const double x = std::round(plot()->xAxis->coordToPixel(static_cast<double>(*m_limit))) + 0.5;
        if (x >= area.left() && x <= area.right() + 1) {
            painter.setPen(QPen(theme().attention, 1.5, Qt::DashLine));
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
        }
    }
    painter.setRenderHint(QPainter::Antialiasing);
    // The best accuracy a budget buys: a step up at each point of the front.
    QPolygonF steps;
    for (const std::size_t index : m_front) {
        const QPointF at = pixelOf(index);
        if (!steps.isEmpty()) {
            steps.append({at.x(), steps.last().y()});
        }
        steps.append(at);
    }
    steps.append({area.right() + 10, steps.last().y()});
    painter.setPen(QPen(theme().series, 1.25));
    painter.setBrush(Qt::NoBrush);
    painter.drawPolyline(steps);

    for (std::size_t i = 0; i < m_points.size(); ++i) {
        const QPointF at = pixelOf(i);
        const bool isSelected = m_selection.contains(m_points[i].id);
        const bool isOnFront = std::find(m_front.begin(), m_front.end(), i) != m_front.end();
        const QColor color = isSelected ? theme().attention : isOnFront ? theme().series : theme().muted;
        if (m_points[i].accuracy95 && (isSelected || isOnFront)) {
            painter.setPen(QPen(color, 1));
            painter.drawLine(QPointF(at.x(), plot()->yAxis->coordToPixel(m_points[i].accuracy95->lower)),
                             QPointF(at.x(), plot()->yAxis->coordToPixel(m_points[i].accuracy95->upper)));
        }
        painter.setPen(QPen(color, 1.25));
        painter.setBrush(isOnFront || isSelected ? color : theme().surface);
        const double radius = isSelected ? kPointPx + 1.5 : kPointPx;
        if (isBelowAxis(m_points[i])) {
            painter.drawPolygon(QPolygonF({at + QPointF(-radius, -2 * radius),
                                           at + QPointF(radius, -2 * radius), at - QPointF(0, 0.5)}));
        } else if (hasEstimates() && !m_points[i].isEstimate) {
            painter.setPen(QPen(isSelected ? theme().attention : theme().text, 1.25));
            painter.setBrush(painter.pen().color());
            painter.drawRect(
                QRectF(at.x() - radius + 0.5, at.y() - radius + 0.5, 2 * radius - 1, 2 * radius - 1));
        } else {
            painter.drawEllipse(at, radius, radius);
        }
    }
    painter.restore();
    painter.setFont(smallFont());
    painter.setPen(theme().text);
    for (const Label& label : labels()) {
        painter.drawText(label.rect, Qt::AlignCenter, label.text);
    }
}

QString ParetoPlot::horizontalCaption() const {
    const QString bytes = m_axis == ByteAxis::Rom ? tr("ROM") : tr("RAM");
    const bool isCut = std::any_of(m_points.begin(), m_points.end(),
                                   [this](const ParetoPoint& point) { return isBelowAxis(point); });
    return bytes + (hasEstimates() ? tr("   ● estimated   ■ measured") : QString()) +
           (isCut ? tr("   ▽ below the axis") : QString());
}

void ParetoPlot::paintCaption(QPainter& painter) const {
    const QFontMetricsF metrics(smallFont());
    const QRectF area = plot()->axisRect()->rect();
    painter.setFont(smallFont());
    painter.setPen(theme().muted);
    painter.drawText(QRectF(area.left(), height() - metrics.height() - 1, area.width(), metrics.height()),
                     Qt::AlignCenter, metrics.elidedText(horizontalCaption(), Qt::ElideRight, area.width()));
    painter.drawText(QRectF(6, 2, width() / 2.0, metrics.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     tr("accuracy (%)"));
    if (m_limit) {
        const double left = 6 + metrics.horizontalAdvance(tr("accuracy (%)")) + 12;
        const QRectF rect(left, 2, width() - left - 8, metrics.height());
        painter.drawText(
            rect, Qt::AlignRight | Qt::AlignVCenter,
            metrics.elidedText(tr("limit %1").arg(exactBytes(*m_limit)), Qt::ElideLeft, rect.width()));
    }
}

void ParetoPlot::clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers) {
    const int index = pointAt(position);
    if (index >= 0) {
        Q_EMIT pointClicked(m_points[static_cast<std::size_t>(index)].id, modifiers);
    }
}

void ParetoPlot::hoverAt(const QPointF& position) {
    if (pointAt(position) >= 0) {
        setCursor(Qt::PointingHandCursor);
    } else if (isZoomed()) {
        setCursor(Qt::OpenHandCursor);
    } else {
        unsetCursor();
    }
}

QString ParetoPlot::toolTipAt(const QPointF& position) const {
    const int index = pointAt(position);
    if (index < 0) {
        return {};
    }
    const ParetoPoint& point = m_points[static_cast<std::size_t>(index)];
    QString text =
        tr("%1\n%2 %, ROM %3")
            .arg(point.name, valueAtResolution(point.accuracyPercent, 0.01), exactBytes(point.romBytes));
    if (point.ramBytes > 0) {
        text += tr(", RAM %1").arg(exactBytes(point.ramBytes));
    }
    if (point.isEstimate) {
        text += QLatin1Char('\n') + tr("estimated, not measured");
    }
    if (point.accuracy95) {
        text += QLatin1Char('\n') + tr("95 %: %1 … %2")
                                        .arg(valueAtResolution(point.accuracy95->lower, 0.01),
                                             valueAtResolution(point.accuracy95->upper, 0.01));
    }
    return text;
}

void ParetoPlot::describeData() {
    QStringList names;
    for (const std::size_t index : m_front) {
        names += tr("%1 (%2 %, %3)")
                     .arg(m_points[index].name, valueAtResolution(m_points[index].accuracyPercent, 0.01),
                          shortBytes(bytesOf(m_points[index])));
    }
    describe(tr("%1 runs, %2 of them not beaten by another: %3.")
                 .arg(m_points.size())
                 .arg(m_front.size())
                 .arg(names.join(QStringLiteral(", "))));
}

PlotTable ParetoPlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("run"),
                     QStringLiteral("name"),
                     QStringLiteral("rom_bytes"),
                     QStringLiteral("accuracy_percent"),
                     QStringLiteral("accuracy_lower95"),
                     QStringLiteral("accuracy_upper95"),
                     QStringLiteral("on_front"),
                     QStringLiteral("ram_bytes"),
                     QStringLiteral("is_estimate")};
    for (std::size_t i = 0; i < m_points.size(); ++i) {
        const ParetoPoint& point = m_points[i];
        const bool isVisible = plot()->xAxis->range().contains(bytesOf(point)) &&
                               plot()->yAxis->range().contains(point.accuracyPercent);
        if (extent == TableExtent::Visible && !isVisible) {
            continue;
        }
        const bool isOnFront = std::find(m_front.begin(), m_front.end(), i) != m_front.end();
        table.rows.push_back({point.id, point.name, point.romBytes, point.accuracyPercent,
                              point.accuracy95 ? QVariant(point.accuracy95->lower) : QVariant(),
                              point.accuracy95 ? QVariant(point.accuracy95->upper) : QVariant(),
                              isOnFront ? 1 : 0, point.ramBytes, point.isEstimate ? 1 : 0});
    }
    return table;
}

}  // namespace bitlathe::plots
