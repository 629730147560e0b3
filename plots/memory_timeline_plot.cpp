#include "plots/memory_timeline_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kNearShare = 0.5;  // of the limit; below it, the axis is cut

}  // namespace

MemoryTimelinePlot::MemoryTimelinePlot(const QString& title, QWidget* parent) : LayerPlot(title, parent) {
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Integer));
    plot()->yAxis->setTicker(makeTicker(plot()->yAxis, TickText::Bytes));
    plot()->xAxis->grid()->setVisible(false);
}

void MemoryTimelinePlot::addPainting(const char* layer, std::function<void(QPainter&)> paint) {
    detail::addPainting(*plot(), QLatin1String(layer), std::move(paint));
}

void MemoryTimelinePlot::setLimit(std::optional<qint64> bytes) {
    m_limit = bytes;
    updateHome();
}

bool MemoryTimelinePlot::isLimitNear() const {
    return m_limit && static_cast<double>(highestBytes()) >= kNearShare * static_cast<double>(*m_limit);
}

void MemoryTimelinePlot::updateHome() {
    if (!hasData()) {
        return;
    }
    const auto steps = static_cast<double>(stepCount());
    setHome(plot()->xAxis, {-0.6, steps - 0.4}, std::min(steps, 4.0));
    double highest = static_cast<double>(std::max<qint64>(highestBytes(), 1));
    if (isLimitNear()) {
        highest = std::max(highest, static_cast<double>(*m_limit));
    }
    plot()->yAxis->setRange(0, highest * 1.04);
    relayout();
    describeData();
    replotLater(Part::All);
}

QString MemoryTimelinePlot::limitText() const {
    if (!m_limit) {
        return {};
    }
    const qint64 over = highestBytes() - *m_limit;
    if (over > 0) {
        return tr("limit %1, %2 over").arg(exactBytes(*m_limit), exactBytes(over));
    }
    return isLimitNear() ? tr("limit %1").arg(exactBytes(*m_limit))
                         : tr("limit %1 (axis cut)").arg(exactBytes(*m_limit));
}

void MemoryTimelinePlot::paintLimit(QPainter& painter) const {
    if (isLimitNear()) {
        const QRectF area = plot()->axisRect()->rect();
        const double y = std::round(plot()->yAxis->coordToPixel(static_cast<double>(*m_limit))) + 0.5;
        painter.setPen(QPen(theme().attention, 1.5, Qt::DashLine));
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
    }
}

double MemoryTimelinePlot::bytesAxisMargin() const {
    return QFontMetricsF(smallFont()).horizontalAdvance(QStringLiteral("000 KiB")) + 8;
}

}  // namespace bitlathe::plots
