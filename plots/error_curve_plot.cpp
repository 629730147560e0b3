#include "plots/error_curve_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr int kMarkRows = 2;       // of labels; the curve needs the height
constexpr double kDynamicDb = 45;  // shown below the best SQNR: what is worse than that is lost anyway

}  // namespace

ErrorCurvePlot::ErrorCurvePlot(QWidget* parent) : PlotWidget(tr("Error against clip value"), parent) {
    setEmptyText(tr("No error curve yet."));
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Value));
    plot()->xAxis->grid()->setVisible(false);
    const auto add = [this](const char* layer, void (ErrorCurvePlot::*paint)(QPainter&) const) {
        detail::addPainting(*plot(), QLatin1String(layer),
                            [this, paint](QPainter& painter) { (this->*paint)(painter); });
    };
    add("main", &ErrorCurvePlot::paintCurve);
    add("main", &ErrorCurvePlot::paintMarks);
    add("overlay", &ErrorCurvePlot::paintCurrent);
    add("axes", &ErrorCurvePlot::paintCaption);
    finishConstruction();
}

void ErrorCurvePlot::setCurve(std::vector<ErrorCurvePoint> points, ErrorMeasure measure) {
    m_measure = measure;
    const bool isLogarithmic = measure == ErrorMeasure::MeanSquaredError;
    std::erase_if(points, [isLogarithmic](const ErrorCurvePoint& p) {
        return !std::isfinite(p.clip) || !std::isfinite(p.error) || (isLogarithmic && p.error <= 0);
    });
    m_points = std::move(points);
    QCPAxis* axis = plot()->yAxis;
    axis->setScaleType(isLogarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis->setTicker(isLogarithmic ? makeLogTicker(axis) : makeTicker(axis, TickText::Value));
    setHasData(m_points.size() > 1);
    if (hasData()) {
        updateHome();
        describeData();
    }
}

void ErrorCurvePlot::setMarks(std::vector<PlotMark> marks) {
    m_marks.setMarks(std::move(marks));
    updateHome();
    describeData();
}

void ErrorCurvePlot::setCurrent(std::optional<double> clip) {
    m_current = clip;
    replotLater(Part::Data);
}

core::Range ErrorCurvePlot::visibleRange() const {
    return {plot()->xAxis->range().lower, plot()->xAxis->range().upper};
}

void ErrorCurvePlot::setVisibleRange(const core::Range& range) {
    if (range == visibleRange() || !(range.width() > 0)) {
        return;
    }
    plot()->xAxis->setRange(range.lower, range.upper);
    followView();
    replotLater(Part::All);
}

void ErrorCurvePlot::setAxis(const core::Range& home, const core::Range& visible) {
    m_home = home.width() > 0 ? std::optional(home) : std::nullopt;
    updateHome();
    setVisibleRange(visible);
}

void ErrorCurvePlot::updateHome() {
    if (m_points.size() < 2) {
        return;
    }
    core::Range home{m_points.front().clip, m_points.back().clip};
    for (const PlotMark& mark : m_marks.marks()) {
        home.lower = std::min(home.lower, mark.value);
        home.upper = std::max(home.upper, mark.value);
    }
    const double pad = 0.02 * std::max(home.width(), 1e-30);
    home = m_home.value_or(core::Range{home.lower - pad, home.upper + pad});
    setHome(plot()->xAxis, home, home.width() / 50);

    const auto [worst, best] = std::minmax_element(
        m_points.begin(), m_points.end(),
        [](const ErrorCurvePoint& a, const ErrorCurvePoint& b) { return a.error < b.error; });
    if (m_measure == ErrorMeasure::SqnrDb) {
        const double lower = std::max(worst->error, best->error - kDynamicDb);
        const double span = std::max(best->error - lower, 1.0);
        plot()->yAxis->setRange(lower - 0.05 * span, lower + 1.12 * span);
    } else {
        const double ratio = std::max(best->error / worst->error, 2.0);
        plot()->yAxis->setRange(worst->error / std::pow(ratio, 0.08), worst->error * std::pow(ratio, 1.08));
    }
    followView();
    replotLater(Part::All);
}

void ErrorCurvePlot::followView() {
    relayout();
}

void ErrorCurvePlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    const auto arrange = [&] {
        setMargins({valueAxisMargin(), m_marks.height() + 3, 12, 2 * metrics.height() + 6});
        m_marks.place([this](double value) { return plot()->xAxis->coordToPixel(value); },
                      plot()->axisRect()->rect(), 0, width(), smallFont(), kMarkRows);
    };
    arrange();
    arrange();  // the rows decide the margin above the axis
}

std::optional<double> ErrorCurvePlot::errorAt(double clip) const {
    if (m_points.empty() || clip < m_points.front().clip || clip > m_points.back().clip) {
        return std::nullopt;
    }
    const auto above =
        std::lower_bound(m_points.begin(), m_points.end(), clip,
                         [](const ErrorCurvePoint& p, double value) { return p.clip < value; });
    if (above == m_points.begin()) {
        return above->error;
    }
    const ErrorCurvePoint& below = *std::prev(above);
    const double width = above->clip - below.clip;
    const double share = width > 0 ? (clip - below.clip) / width : 0;
    return below.error + share * (above->error - below.error);
}

QString ErrorCurvePlot::errorText(double error) const {
    return m_measure == ErrorMeasure::SqnrDb ? tr("%1 dB").arg(valueAtResolution(error, 0.01))
                                             : shortValue(error);
}

bool ErrorCurvePlot::hasParts() const {
    return m_measure == ErrorMeasure::MeanSquaredError && !m_points.empty() && m_points.front().rounding;
}

QPen ErrorCurvePlot::penOf(std::optional<double> ErrorCurvePoint::*part) const {
    return QPen(theme().series, 1.25, part == &ErrorCurvePoint::rounding ? Qt::DashLine : Qt::DotLine,
                Qt::FlatCap);
}

void ErrorCurvePlot::paintPart(QPainter& painter, std::optional<double> ErrorCurvePoint::*part) const {
    QPolygonF line;
    for (const ErrorCurvePoint& point : m_points) {
        if ((point.*part).value_or(0) >
            0) {  // nothing is clipped beyond the largest value, and log 0 is nowhere
            line.append(
                {plot()->xAxis->coordToPixel(point.clip), plot()->yAxis->coordToPixel(*(point.*part))});
        }
    }
    painter.setPen(penOf(part));
    painter.drawPolyline(line);
}

void ErrorCurvePlot::paintCurve(QPainter& painter) const {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setClipRect(plot()->axisRect()->rect(), Qt::IntersectClip);
    if (hasParts()) {
        paintPart(painter, &ErrorCurvePoint::rounding);
        paintPart(painter, &ErrorCurvePoint::clipping);
    }
    painter.setPen(QPen(theme().text, 1.5));
    QPolygonF line;
    for (const ErrorCurvePoint& point : m_points) {
        line.append({plot()->xAxis->coordToPixel(point.clip), plot()->yAxis->coordToPixel(point.error)});
    }
    painter.drawPolyline(line);
}

void ErrorCurvePlot::paintMarks(QPainter& painter) const {
    m_marks.paint(painter, theme(), plot()->axisRect()->bottom());
}

void ErrorCurvePlot::paintCurrent(QPainter& painter) const {
    if (!m_current) {
        return;
    }
    const QRectF area = plot()->axisRect()->rect();
    const double x = plot()->xAxis->coordToPixel(*m_current);
    if (x < area.left() - 1 || x > area.right() + 2) {
        return;
    }
    painter.setPen(QPen(theme().attention, 1.5));
    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
    const std::optional<double> error = errorAt(*m_current);
    if (!error) {
        return;
    }
    painter.setRenderHint(QPainter::Antialiasing);
    const double y = std::clamp(plot()->yAxis->coordToPixel(*error), area.top(), area.bottom());
    painter.setPen(QPen(theme().surface, 1.5));
    painter.setBrush(theme().attention);
    painter.drawEllipse(QPointF(x, y), 4, 4);

    // Its value in the lower half, beside the line, on the side with more room; the curve is high there or
    // far away.
    const QFontMetricsF metrics(smallFont());
    const QString text = errorText(*error);
    const double textWidth = std::ceil(metrics.horizontalAdvance(text)) + 4;
    const double left = x + 6 + textWidth <= area.right() ? x + 6 : x - 6 - textWidth;
    const double top = y < area.center().y() ? area.bottom() - metrics.height() - 4 : area.top() + 4;
    const QRectF box(left, top, textWidth, metrics.height());
    painter.fillRect(box, theme().surface);
    painter.setFont(smallFont());
    painter.setPen(theme().text);
    painter.drawText(box, Qt::AlignCenter, text);
}

void ErrorCurvePlot::paintCaption(QPainter& painter) const {
    constexpr double kSwatchPx = 16;
    constexpr double kGapPx = 5;
    constexpr double kBetweenPx = 12;
    const QFontMetricsF metrics(smallFont());
    const QRectF area = plot()->axisRect()->rect();
    const double top = height() - metrics.height() - 1;
    painter.setFont(smallFont());
    painter.setPen(theme().muted);
    if (!hasParts()) {
        const QString full = m_measure == ErrorMeasure::SqnrDb ? tr("SQNR (dB) against clip value")
                                                               : tr("mean squared error against clip value");
        painter.drawText(QRectF(area.left(), top, area.width(), metrics.height()), Qt::AlignCenter,
                         metrics.elidedText(full, Qt::ElideRight, area.width()));
        return;
    }
    struct Entry {
        QString text;
        QPen pen;
    };
    Entry entries[] = {{tr("MSE against clip"), QPen(theme().text, 1.5)},
                       {tr("rounding"), penOf(&ErrorCurvePoint::rounding)},
                       {tr("clipping"), penOf(&ErrorCurvePoint::clipping)}};
    const auto widthOfAll = [&] {
        double total = -kBetweenPx;
        for (const Entry& entry : entries) {
            total += kSwatchPx + kGapPx + std::ceil(metrics.horizontalAdvance(entry.text)) + kBetweenPx;
        }
        return total;
    };
    double total = widthOfAll();
    if (total > width() - 8) {
        entries[0].text = tr("MSE");
        total = widthOfAll();
    }
    double x = std::max(4.0, std::min(area.center().x() - total / 2, width() - 4 - total));
    const double middle = std::round(top + metrics.height() / 2) + 0.5;
    for (const Entry& entry : entries) {
        const double advance = std::ceil(metrics.horizontalAdvance(entry.text));
        painter.setPen(entry.pen);
        painter.drawLine(QPointF(x, middle), QPointF(x + kSwatchPx, middle));
        painter.setPen(theme().muted);
        x += kSwatchPx + kGapPx;
        painter.drawText(QRectF(x, top, advance + 1, metrics.height()), Qt::AlignVCenter | Qt::AlignLeft,
                         entry.text);
        x += advance + kBetweenPx;
    }
}

void ErrorCurvePlot::clickAt(const QPointF& position, Qt::KeyboardModifiers) {
    if (const auto mark = m_marks.markAt(position)) {
        Q_EMIT markClicked(static_cast<int>(*mark));
    }
}

void ErrorCurvePlot::hoverAt(const QPointF& position) {
    if (m_marks.markAt(position)) {
        setCursor(Qt::PointingHandCursor);
    } else {
        unsetCursor();
    }
}

QString ErrorCurvePlot::toolTipAt(const QPointF& position) const {
    if (const auto mark = m_marks.markAt(position)) {
        const PlotMark& found = m_marks.marks()[*mark];
        const std::optional<double> error = errorAt(found.value);
        return error ? tr("%1: %2, %3").arg(found.label, shortValue(found.value), errorText(*error))
                     : tr("%1: %2").arg(found.label, shortValue(found.value));
    }
    if (!plot()->axisRect()->rect().contains(position.toPoint())) {
        return {};
    }
    const double clip = plot()->xAxis->pixelToCoord(position.x());
    const std::optional<double> error = errorAt(clip);
    return error ? tr("clip %1: %2").arg(shortValue(clip), errorText(*error)) : QString();
}

void ErrorCurvePlot::describeData() {
    if (!hasData()) {
        return;
    }
    const auto better = [this](const ErrorCurvePoint& a, const ErrorCurvePoint& b) {
        return m_measure == ErrorMeasure::SqnrDb ? a.error < b.error : a.error > b.error;
    };
    const ErrorCurvePoint best = *std::max_element(m_points.begin(), m_points.end(), better);
    QString text = tr("Best %1 at clip value %2.").arg(errorText(best.error), shortValue(best.clip));
    for (const PlotMark& mark : m_marks.marks()) {
        text += QLatin1Char(' ') + tr("%1 would choose %2.").arg(mark.label, shortValue(mark.value));
    }
    describe(text);
}

PlotTable ErrorCurvePlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("clip"), m_measure == ErrorMeasure::SqnrDb
                                                 ? QStringLiteral("sqnr_db")
                                                 : QStringLiteral("mean_squared_error")};
    if (hasParts()) {
        table.columns += {QStringLiteral("rounding"), QStringLiteral("clipping")};
    }
    for (const ErrorCurvePoint& point : m_points) {
        if (extent != TableExtent::All && !visibleRange().contains(point.clip)) {
            continue;
        }
        std::vector<QVariant> row{point.clip, point.error};
        if (hasParts()) {
            row.insert(row.end(), {point.rounding.value_or(0), point.clipping.value_or(0)});
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

}  // namespace bitlathe::plots
