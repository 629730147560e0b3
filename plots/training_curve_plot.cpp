#include "plots/training_curve_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace bitlathe::plots {

namespace {

bool isDrawable(const std::optional<double>& value) {
    return value && std::isfinite(*value);
}

}  // namespace

TrainingCurvePlot::TrainingCurvePlot(QWidget* parent) : PlotWidget(tr("Training curve"), parent) {
    setEmptyText(tr("Nothing trained yet."));
    plot()->yAxis2->setVisible(true);
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Value));
    plot()->yAxis->setTicker(makeTicker(plot()->yAxis, TickText::Value));
    plot()->yAxis2->setTicker(makeTicker(plot()->yAxis2, TickText::Value));
    plot()->xAxis->grid()->setVisible(false);
    detail::addPainting(*plot(), QStringLiteral("main"), [this](QPainter& painter) { paintCurves(painter); });
    detail::addPainting(*plot(), QStringLiteral("axes"), [this](QPainter& painter) { paintLegend(painter); });
    finishConstruction();
}

void TrainingCurvePlot::setPoints(std::vector<TrainingPoint> points) {
    m_points = std::move(points);
    setHasData(!m_points.empty());
    rescale();
}

void TrainingCurvePlot::append(const TrainingPoint& point) {
    m_points.push_back(point);
    if (!hasData()) {
        setHasData(true);
    }
    rescale();
}

void TrainingCurvePlot::clear() {
    setPoints({});
}

void TrainingCurvePlot::setPlannedEpochs(std::optional<double> epochs) {
    m_plannedEpochs = epochs;
    rescale();
}

void TrainingCurvePlot::rescale() {
    if (m_points.empty()) {
        return;
    }
    const double first = std::min(0.0, m_points.front().epoch);
    const double lastEpoch = std::max(m_points.back().epoch, m_plannedEpochs.value_or(0));
    setHome(plot()->xAxis, {first, lastEpoch > first ? lastEpoch : first + 1}, (lastEpoch - first) / 100);

    const auto fit = [this](QCPAxis* axis,
                            std::initializer_list<std::optional<double> TrainingPoint::*> members,
                            double highest) {
        std::optional<core::Range> range;
        for (const TrainingPoint& point : m_points) {
            for (const auto member : members) {
                if (isDrawable(point.*member)) {
                    const double value = *(point.*member);
                    range = range ? core::Range{std::min(range->lower, value), std::max(range->upper, value)}
                                  : core::Range{value, value};
                }
            }
        }
        const core::Range values = range.value_or(core::Range{0, 1});
        const double pad = values.width() > 0 ? 0.06 * values.width() : 0.5;
        axis->setRange(std::max(0.0, values.lower - pad), std::min(highest, values.upper + pad));
    };
    fit(plot()->yAxis, {&TrainingPoint::loss}, HUGE_VAL);
    fit(plot()->yAxis2, {&TrainingPoint::accuracyPercent, &TrainingPoint::trainAccuracyPercent}, 101);
    describeData();
    replotLater(Part::All);
}

void TrainingCurvePlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    setMargins({valueAxisMargin(), metrics.height() + 8, valueAxisMargin(), 2 * metrics.height() + 6});
}

std::optional<double> TrainingCurvePlot::last(std::optional<double> TrainingPoint::*member) const {
    const auto found = std::find_if(m_points.rbegin(), m_points.rend(),
                                    [member](const TrainingPoint& p) { return isDrawable(p.*member); });
    return found == m_points.rend() ? std::nullopt : *found.*member;
}

void TrainingCurvePlot::paintCurves(QPainter& painter) const {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setClipRect(QRectF(plot()->axisRect()->rect()).adjusted(-3, -3, 3, 1), Qt::IntersectClip);
    const auto draw = [&](QCPAxis* axis, std::optional<double> TrainingPoint::*member, const QPen& pen) {
        QPolygonF line;
        double previousX = -HUGE_VAL;
        for (const TrainingPoint& point : m_points) {
            if (!isDrawable(point.*member)) {
                continue;
            }
            // Points closer than a third of a pixel would only thicken the line; a training has a hundred
            // thousand of them.
            const double x = plot()->xAxis->coordToPixel(point.epoch);
            if (x - previousX >= 1.0 / 3 || &point == &m_points.back()) {
                line.append({x, axis->coordToPixel(*(point.*member))});
                previousX = x;
            }
        }
        painter.setPen(pen);
        painter.setBrush(Qt::NoBrush);
        painter.drawPolyline(line);
        if (line.size() == 1 || line.size() <= 12) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(pen.color());
            for (const QPointF& point : line) {
                painter.drawEllipse(point, 2.2, 2.2);
            }
        }
    };
    draw(plot()->yAxis, &TrainingPoint::loss, QPen(theme().attention, 1.5, Qt::DashLine, Qt::FlatCap));
    draw(plot()->yAxis2, &TrainingPoint::trainAccuracyPercent,
         QPen(theme().series, 1.25, Qt::DotLine, Qt::FlatCap));
    draw(plot()->yAxis2, &TrainingPoint::accuracyPercent, QPen(theme().series, 1.75));
}

void TrainingCurvePlot::paintLegend(QPainter& painter) const {
    const QFontMetricsF metrics(smallFont());
    const std::optional<double> loss = last(&TrainingPoint::loss);
    const std::optional<double> accuracy = last(&TrainingPoint::accuracyPercent);
    const QString lossText = loss ? tr("loss %1").arg(shortValue(*loss)) : tr("loss");
    const std::optional<double> learning = last(&TrainingPoint::trainAccuracyPercent);
    QString accuracyText =
        accuracy ? tr("accuracy %1 %").arg(valueAtResolution(*accuracy, 0.01)) : tr("accuracy (%)");
    if (learning) {
        const QString whileLearning =
            tr("while learning %1 % (dotted)").arg(valueAtResolution(*learning, 0.1));
        accuracyText =
            accuracy ? tr("%1, %2").arg(accuracyText, whileLearning) : tr("accuracy %1").arg(whileLearning);
    }
    const double lineWidth = 16;
    const double y = 2 + metrics.height() / 2;
    painter.setFont(smallFont());
    painter.setRenderHint(QPainter::Antialiasing);

    // Each name above its axis.
    const double left = 6;
    painter.setPen(QPen(theme().attention, 1.5, Qt::DashLine, Qt::FlatCap));
    painter.drawLine(QPointF(left, y), QPointF(left + lineWidth, y));
    painter.setPen(theme().text);
    painter.drawText(QRectF(left + lineWidth + 5, 2, width() / 2.0 - 30, metrics.height()),
                     Qt::AlignLeft | Qt::AlignVCenter, lossText);
    const double textWidth = std::ceil(metrics.horizontalAdvance(accuracyText)) + 1;
    const double right = width() - 6;
    painter.drawText(QRectF(right - textWidth, 2, textWidth, metrics.height()),
                     Qt::AlignLeft | Qt::AlignVCenter, accuracyText);
    painter.setPen(QPen(theme().series, 1.75));
    painter.drawLine(QPointF(right - textWidth - 5 - lineWidth, y), QPointF(right - textWidth - 5, y));

    const QRectF area = plot()->axisRect()->rect();
    painter.setPen(theme().muted);
    painter.drawText(QRectF(area.left(), height() - metrics.height() - 1, area.width(), metrics.height()),
                     Qt::AlignCenter, tr("epoch"));
}

QString TrainingCurvePlot::toolTipAt(const QPointF& position) const {
    if (m_points.empty() || !plot()->axisRect()->rect().contains(position.toPoint())) {
        return {};
    }
    const double epoch = plot()->xAxis->pixelToCoord(position.x());
    const auto nearest = std::min_element(m_points.begin(), m_points.end(),
                                          [epoch](const TrainingPoint& a, const TrainingPoint& b) {
                                              return std::abs(a.epoch - epoch) < std::abs(b.epoch - epoch);
                                          });
    QStringList parts{tr("epoch %1").arg(shortValue(nearest->epoch))};
    if (nearest->loss) {
        parts += tr("loss %1").arg(shortValue(*nearest->loss));
    }
    if (nearest->trainAccuracyPercent) {
        parts += tr("%1 % while learning").arg(valueAtResolution(*nearest->trainAccuracyPercent, 0.1));
    }
    if (nearest->accuracyPercent) {
        parts += tr("accuracy %1 %").arg(valueAtResolution(*nearest->accuracyPercent, 0.01));
    }
    return parts.join(QStringLiteral(", "));
}

void TrainingCurvePlot::describeData() {
    QStringList parts{tr("Training up to epoch %1").arg(shortValue(m_points.back().epoch))};
    if (const auto loss = last(&TrainingPoint::loss)) {
        parts += tr("loss %1").arg(shortValue(*loss));
    }
    if (const auto accuracy = last(&TrainingPoint::accuracyPercent)) {
        parts += tr("accuracy %1 %").arg(valueAtResolution(*accuracy, 0.01));
    }
    describe(parts.join(QStringLiteral(", ")));
}

PlotTable TrainingCurvePlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("epoch"), QStringLiteral("loss"), QStringLiteral("accuracy_percent"),
                     QStringLiteral("train_accuracy_percent")};
    const auto cell = [](const std::optional<double>& value) {
        return value ? QVariant(*value) : QVariant();
    };
    for (const TrainingPoint& point : m_points) {
        if (extent == TableExtent::All || plot()->xAxis->range().contains(point.epoch)) {
            table.rows.push_back({point.epoch, cell(point.loss), cell(point.accuracyPercent),
                                  cell(point.trainAccuracyPercent)});
        }
    }
    return table;
}

}  // namespace bitlathe::plots
