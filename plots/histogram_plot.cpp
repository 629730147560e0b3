#include "plots/histogram_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/painting.h"
#include "plots/label_layout.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <QKeyEvent>
#include <QMenu>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kColumnPx = 3;  // narrowest bar worth drawing
constexpr double kGrabPx = 8;    // to each side of a handle's line
constexpr double kLevelSpacingPx = 3;
constexpr double kStripPx = 19;  // above the bars: grips and their values
constexpr double kGripWidth = 8;
constexpr double kGripHeight = 16;
constexpr double kLogFloor = 0.5;  // below a count of 1, so that 1 is a bar
constexpr int kKeyGestureMs = 1000;
constexpr int kMarkRows = 3;  // of labels above the bars

constexpr std::array kHandles{HistogramPlot::Handle::Lower, HistogramPlot::Handle::Upper};

quint64 nextGesture() {
    static std::atomic<quint64> counter{0};
    return ++counter;
}

bool isUsable(const core::Range& range) {
    return std::isfinite(range.lower) && std::isfinite(range.upper) && range.lower <= range.upper;
}

}  // namespace

HistogramPlot::HistogramPlot(QWidget* parent) : PlotWidget(tr("Histogram"), parent) {
    setFocusPolicy(Qt::StrongFocus);
    setEmptyText(tr("No values yet. Calibrate to collect a histogram."));
    plot()->yAxis->setScaleType(QCPAxis::stLogarithmic);
    plot()->yAxis->setTicker(makeLogTicker(plot()->yAxis));
    plot()->xAxis->setTicker(makeTicker(plot()->xAxis, TickText::Value));
    plot()->xAxis->grid()->setVisible(false);
    const auto add = [this](const char* layer, void (HistogramPlot::*paint)(QPainter&) const) {
        detail::addPainting(*plot(), QLatin1String(layer),
                            [this, paint](QPainter& painter) { (this->*paint)(painter); });
    };
    add("data", &HistogramPlot::paintShade);
    add("data", &HistogramPlot::paintBars);
    add("data", &HistogramPlot::paintStems);
    add("overlay", &HistogramPlot::paintLevels);
    add("overlay", &HistogramPlot::paintHandles);
    add("overlay", &HistogramPlot::paintMarks);  // above the handles' lines: labels stay readable
    add("axes", &HistogramPlot::paintCaption);
    finishConstruction();
}

// ---- Values in
// -----------------------------------------------------------------------------------------------------

void HistogramPlot::setHistogram(const core::Histogram& histogram) {
    m_histogram = histogram;
    m_occupied = histogram.occupiedRange();
    setHasData(!histogram.empty());
    if (hasData()) {
        updateHome();
        updateGeometry();
        describeData();
    }
}

void HistogramPlot::setRange(const core::Range& range) {
    if (isDragging()) {
        return;
    }
    if (!isUsable(range)) {
        clearRange();
        return;
    }
    m_range = range;
    updateHome();
    describeData();
}

void HistogramPlot::clearRange() {
    if (isDragging()) {
        abandonDrag();
    }
    m_range.reset();
    m_focused.reset();
    m_hovered.reset();
    updateHome();
    describeData();
}

void HistogramPlot::setRepresentableRange(const std::optional<core::Range>& range) {
    m_representable = range && isUsable(*range) ? range : std::nullopt;
    replotLater(Part::Data);
}

void HistogramPlot::setLevels(std::vector<double> levels) {
    m_levels = std::move(levels);
    replotLater(Part::Data);
}

void HistogramPlot::setDequantizedHistogram(const core::Histogram& histogram) {
    m_dequantized = histogram;
    relayout();
    replotLater(Part::All);
}

void HistogramPlot::setMarks(std::vector<PlotMark> marks) {
    m_marks.setMarks(std::move(marks));
    updateHome();
}

void HistogramPlot::setValueCaption(const QString& caption) {
    m_caption = caption;
    relayout();
    replotLater(Part::All);
}

void HistogramPlot::setSnap(std::function<double(double)> snap) {
    m_snap = std::move(snap);
}

void HistogramPlot::setMovable(bool lower, bool upper) {
    m_isLowerMovable = lower;
    m_isUpperMovable = upper;
    if (m_focused && !isMovable(*m_focused)) {
        m_focused.reset();
    }
    replotLater(Part::Data);
}

void HistogramPlot::setSymmetric(bool isSymmetric) {
    m_isSymmetric = isSymmetric;
}

void HistogramPlot::setLogarithmic(bool isLogarithmic) {
    if (m_isLogarithmic == isLogarithmic) {
        return;
    }
    m_isLogarithmic = isLogarithmic;
    QCPAxis* axis = plot()->yAxis;
    axis->setScaleType(isLogarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis->setTicker(isLogarithmic ? makeLogTicker(axis) : makeTicker(axis, TickText::Count));
    rescaleCounts();
    replotLater(Part::All);
}

// ---- Geometry
// ------------------------------------------------------------------------------------------------------

core::Range HistogramPlot::visibleRange() const {
    return {plot()->xAxis->range().lower, plot()->xAxis->range().upper};
}

void HistogramPlot::setVisibleRange(const core::Range& range) {
    if (range == visibleRange() || !(range.width() > 0)) {
        return;
    }
    plot()->xAxis->setRange(range.lower, range.upper);
    followView();
    replotLater(Part::All);
}

double HistogramPlot::xOf(double value) const {
    return plot()->xAxis->coordToPixel(value);
}

void HistogramPlot::updateHome() {
    if (m_histogram.empty()) {
        return;
    }
    core::Range home = m_occupied;
    const auto include = [&home](double value) {
        home.lower = std::min(home.lower, value);
        home.upper = std::max(home.upper, value);
    };
    if (m_range) {
        include(m_range->lower);
        include(m_range->upper);
    }
    for (const PlotMark& mark : m_marks.marks()) {
        include(mark.value);
    }
    const double binWidth = m_histogram.binWidth();
    if (!(home.width() > 0)) {  // nothing but zeros
        home = {home.lower - binWidth, home.upper + binWidth};
    }
    const double pad = 0.02 * home.width();
    m_home = {home.lower - pad, home.upper + pad};
    setHome(plot()->xAxis, m_home, 8 * binWidth);
    followView();
    replotLater(Part::All);
}

void HistogramPlot::followView() {
    relayout();
    Q_EMIT axisChanged(m_home, visibleRange());
}

void HistogramPlot::relayout() {
    const QFontMetricsF metrics(smallFont());
    const double label = m_caption.isEmpty() && m_dequantized.empty() ? 0 : metrics.height();
    const auto arrange = [&] {
        setMargins({valueAxisMargin(), kStripPx + m_marks.height() + 2, 12, metrics.height() + 9 + label});
    };
    arrange();  // places the axis, which places the marks, which decide the rows above it
    placeMarks();
    arrange();
    rescaleCounts();  // how many bins a bar joins depends on the width
}

void HistogramPlot::placeMarks() {
    m_marks.place([this](double value) { return xOf(value); }, plot()->axisRect()->rect(), kStripPx, width(),
                  smallFont(), kMarkRows);
}

std::vector<HistogramPlot::Column> HistogramPlot::columns(const core::Histogram& histogram) const {
    std::vector<Column> result;
    if (histogram.counts().empty()) {
        return result;
    }
    const core::Range visible = visibleRange();
    const double pixelsPerBin =
        histogram.binWidth() * std::max(1, plot()->axisRect()->width()) / std::max(visible.width(), 1e-300);
    // Bars join a power of two of bins, counted from zero on the absolute grid: panning does not reshuffle
    // them.
    std::int64_t group = 1;
    while (static_cast<double>(group) * pixelsPerBin < kColumnPx && group < 2 * core::Histogram::kMaxBins) {
        group *= 2;
    }
    const auto floorDivide = [](std::int64_t a, std::int64_t b) {
        return a >= 0 ? a / b : -((-a + b - 1) / b);
    };
    std::int64_t current = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
        if (histogram.counts()[i] == 0) {
            continue;
        }
        const std::int64_t index = floorDivide(histogram.firstBin() + static_cast<std::int64_t>(i), group);
        if (result.empty() || index != current) {
            const double width = histogram.binWidth() * static_cast<double>(group);
            result.push_back({static_cast<double>(index) * width, static_cast<double>(index + 1) * width, 0});
            current = index;
        }
        result.back().count += static_cast<double>(histogram.counts()[i]);
    }
    std::erase_if(result,
                  [&](const Column& c) { return c.upper <= visible.lower || c.lower >= visible.upper; });
    return result;
}

void HistogramPlot::rescaleCounts() {
    double highest = 1;
    for (const Column& column : columns(m_histogram)) {
        highest = std::max(highest, column.count);
    }
    const core::Range visible = visibleRange();
    for (const core::Histogram* histogram : {&m_histogram, &m_dequantized}) {
        if (visible.contains(0)) {
            highest = std::max(highest, static_cast<double>(histogram->zeros()));
        }
    }
    for (std::size_t i = 0; i < m_dequantized.counts().size(); ++i) {
        if (visible.contains(m_dequantized.center(i))) {
            highest = std::max(highest, static_cast<double>(m_dequantized.counts()[i]));
        }
    }
    if (m_isLogarithmic) {
        plot()->yAxis->setRange(kLogFloor, kLogFloor * std::pow(highest / kLogFloor, 1.04));
    } else {
        plot()->yAxis->setRange(0, highest * 1.04);
    }
}

core::Range HistogramPlot::shadedRange() const {
    return m_representable ? *m_representable : *m_range;
}

QRectF HistogramPlot::gripRect(Handle handle) const {
    return {xOf(valueOf(handle)) - kGripWidth / 2, 2, kGripWidth, kGripHeight};
}

std::vector<HistogramPlot::HandleLabel> HistogramPlot::handleLabels() const {
    if (!m_range) {
        return {};
    }
    // Decimals for steps of about one pixel of the whole picture.
    const double resolution =
        std::pow(10, std::floor(std::log10(std::max(m_occupied.width(), 1e-30) / 2000)));
    const QFontMetricsF metrics(smallFont());
    const bool lowerFirst = m_focused == Handle::Lower || (isDragging() && m_dragged == Handle::Lower);
    const std::array<Handle, 2> order{lowerFirst ? Handle::Lower : Handle::Upper,
                                      lowerFirst ? Handle::Upper : Handle::Lower};
    std::vector<HandleLabel> labels;
    std::vector<LabelRequest> requests;
    for (const Handle handle : order) {
        const double x = xOf(valueOf(handle));
        const bool isVisible = x >= plot()->axisRect()->left() - 1 && x <= plot()->axisRect()->right() + 1;
        labels.push_back({valueAtResolution(valueOf(handle), resolution), std::nullopt});
        const double textWidth =
            isVisible ? std::ceil(metrics.horizontalAdvance(labels.back().text)) + 1 : 1e9;
        requests.push_back(
            {x, QSizeF(textWidth, kGripHeight), kGripWidth / 2 + 4.5, handle == Handle::Lower});
    }
    const auto placed = placeLabels(requests, QRectF(0, 2, width(), kGripHeight), kGripHeight,
                                    {gripRect(Handle::Lower), gripRect(Handle::Upper)});
    for (std::size_t i = 0; i < labels.size(); ++i) {
        labels[i].rect = placed[i];
    }
    return labels;
}

std::vector<QRectF> HistogramPlot::labelRects() const {
    std::vector<QRectF> rects;
    for (const HandleLabel& label : handleLabels()) {
        if (label.rect) {
            rects.push_back(*label.rect);
        }
    }
    for (const QRectF& rect : m_marks.labelRects()) {
        rects.push_back(rect);
    }
    return rects;
}

// ---- Painting
// ------------------------------------------------------------------------------------------------------

void HistogramPlot::applyTheme() {
    PlotWidget::applyTheme();
    plot()->xAxis->setTickLabelPadding(6);
    plot()->yAxis->setTickLabelPadding(4);
}

void HistogramPlot::paintShade(QPainter& painter) const {
    if (!m_range) {
        return;
    }
    const QRectF area = plot()->axisRect()->rect();
    const core::Range shaded = shadedRange();
    const double left = std::clamp(xOf(shaded.lower), area.left(), area.right());
    const double right = std::clamp(xOf(shaded.upper), area.left(), area.right());
    painter.fillRect(QRectF(QPointF(left, area.top()), QPointF(right, area.bottom())), theme().shade);
}

void HistogramPlot::paintBars(QPainter& painter) const {
    const QRect area = plot()->axisRect()->rect();
    painter.setClipRect(area, Qt::IntersectClip);
    const int bottom = area.bottom();  // the axis line
    const auto topOf = [&](double count) {
        return std::min(bottom - 1, static_cast<int>(std::lround(plot()->yAxis->coordToPixel(count))));
    };
    const double lowest = m_isLogarithmic ? kLogFloor : 0;
    const core::Range kept = m_range ? shadedRange() : core::Range{-HUGE_VAL, HUGE_VAL};
    // Everything in whole pixels: bars of equal width are drawn equally wide, and edges stay sharp.
    for (const Column& column : columns(m_histogram)) {
        if (column.count <= lowest) {
            continue;
        }
        const auto pixel = [&](double value) { return static_cast<int>(std::lround(xOf(value))); };
        const int left = pixel(column.lower);
        const int right = std::max(left + 1, pixel(column.upper) - 1);
        const int top = topOf(column.count);
        const int keptLeft = column.lower >= kept.lower ? left : std::clamp(pixel(kept.lower), left, right);
        const int keptRight = column.upper <= kept.upper ? right : std::clamp(pixel(kept.upper), left, right);
        painter.fillRect(QRect(left, top, right - left, bottom - top), theme().greyed);
        if (keptRight > keptLeft) {
            painter.fillRect(QRect(keptLeft, top, keptRight - keptLeft, bottom - top), theme().series);
        }
    }
    if (m_histogram.zeros() > 0) {
        const int x = static_cast<int>(std::lround(xOf(0)));
        const int top = topOf(static_cast<double>(m_histogram.zeros()));
        painter.fillRect(QRect(x - 1, top, 3, bottom - top), theme().text);
    }
}

void HistogramPlot::paintStems(QPainter& painter) const {
    if (m_dequantized.empty()) {
        return;
    }
    const QRect area = plot()->axisRect()->rect();
    const double bottom = area.bottom();
    const QColor color = PlotTheme::category(1, theme().scheme);
    painter.setClipRect(area.adjusted(-3, -3, 3, 0), Qt::IntersectClip);
    const auto stem = [&](double value, double count) {
        if (count <= 0 || !visibleRange().contains(value)) {
            return;
        }
        const double x = std::round(xOf(value));
        const double top = std::min(bottom - 1, std::round(plot()->yAxis->coordToPixel(count)));
        painter.fillRect(QRectF(x, top, 1, bottom - top), color);
        painter.fillRect(QRectF(x - 1, top - 1, 3, 3), color);
    };
    for (std::size_t i = 0; i < m_dequantized.counts().size(); ++i) {
        stem(m_dequantized.center(i), static_cast<double>(m_dequantized.counts()[i]));
    }
    stem(0, static_cast<double>(m_dequantized.zeros()));
}

void HistogramPlot::paintCaption(QPainter& painter) const {
    // Caption and legend are one centred line below the tick labels: "weight, 20,000 values   ▪ dequantized".
    const QFontMetricsF metrics(smallFont());
    const QRectF area = plot()->axisRect()->rect();
    const QString legend = m_dequantized.empty() ? QString() : tr("dequantized");
    constexpr double kSwatch = 9;
    const double legendWidth = legend.isEmpty() ? 0 : std::ceil(metrics.horizontalAdvance(legend)) + kSwatch;
    const double gap = legend.isEmpty() || m_caption.isEmpty() ? 0 : 14;
    const double room = width() - 8 - legendWidth - gap;
    const QString caption = metrics.elidedText(m_caption, Qt::ElideRight, std::max(0.0, room));
    const double captionWidth = std::ceil(metrics.horizontalAdvance(caption));
    const double total = captionWidth + gap + legendWidth;
    const double left = std::clamp(area.center().x() - total / 2, 4.0, std::max(4.0, width() - 4 - total));
    const QRectF line(left, plot()->viewport().bottom() - metrics.height() - 1, total + 2, metrics.height());
    painter.setFont(smallFont());
    painter.setPen(theme().muted);
    painter.drawText(line, Qt::AlignVCenter | Qt::AlignLeft, caption);
    if (!legend.isEmpty()) {
        const double x = std::round(left + captionWidth + gap);
        painter.fillRect(QRectF(x, std::round(line.center().y()) - 2, 5, 5),
                         PlotTheme::category(1, theme().scheme));
        painter.drawText(line.adjusted(x - left + kSwatch, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft,
                         legend);
    }
}

void HistogramPlot::paintLevels(QPainter& painter) const {
    if (m_levels.size() < 2) {
        return;
    }
    const double spacing =
        std::abs(xOf(m_levels.back()) - xOf(m_levels.front())) / static_cast<double>(m_levels.size() - 1);
    if (spacing < kLevelSpacingPx) {
        return;
    }
    const QRect area = plot()->axisRect()->rect();
    for (const double level : m_levels) {
        const int x = static_cast<int>(std::lround(xOf(level)));
        if (x >= area.left() && x <= area.right() + 1) {
            painter.fillRect(QRect(x, area.bottom() + 2, 1, 4), theme().attention);
        }
    }
}

void HistogramPlot::paintMarks(QPainter& painter) const {
    m_marks.paint(painter, theme(), plot()->axisRect()->bottom());
}

void HistogramPlot::paintHandles(QPainter& painter) const {
    if (!m_range) {
        return;
    }
    const QRect area = plot()->axisRect()->rect();
    painter.setFont(smallFont());
    painter.setPen(theme().text);
    for (const HandleLabel& label : handleLabels()) {
        if (label.rect) {
            painter.drawText(*label.rect, Qt::AlignVCenter | Qt::AlignHCenter, label.text);
        }
    }
    painter.setRenderHint(QPainter::Antialiasing);
    for (const Handle handle : kHandles) {
        const QRectF grip = gripRect(handle);
        const double x = grip.center().x();
        if (x < area.left() - 1 || x > area.right() + 2) {
            continue;
        }
        // A handle that cannot be moved is an outline.
        const bool isHot = m_hovered == handle || (isDragging() && m_dragged == handle);
        painter.setPen(QPen(theme().attention, isHot ? 2 : 1.5));
        painter.drawLine(QPointF(x, grip.bottom()), QPointF(x, area.bottom() + 1));
        painter.setBrush(isMovable(handle) ? QBrush(theme().attention) : QBrush(theme().surface));
        painter.drawRoundedRect(grip.adjusted(0.5, 0.5, -0.5, -0.5), 2.5, 2.5);
        if (m_focused == handle && hasFocus()) {
            painter.setPen(QPen(theme().accent, 1.5));
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(grip.adjusted(-2.25, -1.25, 2.25, 2.25), 4, 4);
        }
    }
}

// ---- Handles
// -------------------------------------------------------------------------------------------------------

std::optional<HistogramPlot::Handle> HistogramPlot::handleAt(const QPointF& position) const {
    if (!m_range || !hasData() || position.y() > plot()->axisRect()->bottom() + kGrabPx) {
        return std::nullopt;
    }
    const double toLower = position.x() - xOf(m_range->lower);
    const double toUpper = position.x() - xOf(m_range->upper);
    const QRect area = plot()->axisRect()->rect();
    const auto isNear = [&](Handle handle, double distance) {
        const double x = position.x() - distance;  // zoomed in, a handle may be out of sight
        return isMovable(handle) && std::abs(distance) <= kGrabPx && x >= area.left() - 1 &&
               x <= area.right() + 2;
    };
    const bool nearLower = isNear(Handle::Lower, toLower);
    const bool nearUpper = isNear(Handle::Upper, toUpper);
    if (nearLower && nearUpper) {
        // Close together, or on each other: the nearer one, and at a tie the one on the pointer's side.
        if (std::abs(toLower) != std::abs(toUpper)) {
            return std::abs(toLower) < std::abs(toUpper) ? Handle::Lower : Handle::Upper;
        }
        return toLower < 0 ? Handle::Lower : Handle::Upper;
    }
    if (nearLower) {
        return Handle::Lower;
    }
    return nearUpper ? std::optional(Handle::Upper) : std::nullopt;
}

core::Range HistogramPlot::moved(Handle handle, double value, bool isSymmetric) const {
    // At least one bin stays between the handles; a narrower range than that means nothing on this histogram.
    const double least = m_histogram.binWidth();
    const double snapped = m_snap ? m_snap(value) : value;
    if (isSymmetric) {
        const double bound = std::max(least / 2, handle == Handle::Upper ? snapped : -snapped);
        return {-bound, bound};
    }
    core::Range range = *m_range;
    if (handle == Handle::Lower) {
        range.lower = std::min(snapped, range.upper - least);
    } else {
        range.upper = std::max(snapped, range.lower + least);
    }
    return range;
}

bool HistogramPlot::applyRange(const core::Range& range) {
    if (m_range == range || !isUsable(range)) {
        return false;
    }
    m_range = range;
    m_hasGestureMoved = true;
    replotLater(Part::Data);
    Q_EMIT rangeDragged(range, m_gesture);
    return true;
}

bool HistogramPlot::beginDrag(const QPointF& position, Qt::KeyboardModifiers) {
    const std::optional<Handle> handle = handleAt(position);
    if (!handle) {
        return false;
    }
    m_dragged = *handle;
    m_focused = *handle;
    m_rangeAtGrab = *m_range;
    m_grabOffsetPx = position.x() - xOf(valueOf(*handle));
    m_gesture = nextGesture();
    m_hasGestureMoved = false;
    m_lastKeyPress.invalidate();
    setCursor(Qt::SizeHorCursor);
    replotLater(Part::Data);
    return true;
}

void HistogramPlot::dragTo(const QPointF& position, Qt::KeyboardModifiers modifiers) {
    // The handle stays in the picture: beyond the edge there is nothing to aim at.
    const QRect area = plot()->axisRect()->rect();
    const double x = std::clamp(position.x() - m_grabOffsetPx, static_cast<double>(area.left()),
                                static_cast<double>(area.right() + 1));
    const bool isSymmetric = m_isSymmetric || modifiers.testFlag(Qt::ControlModifier);
    applyRange(moved(m_dragged, plot()->xAxis->pixelToCoord(x), isSymmetric));
}

void HistogramPlot::drop() {
    if (m_range && m_hasGestureMoved && !(*m_range == m_rangeAtGrab)) {
        Q_EMIT rangeCommitted(*m_range, m_gesture);
    }
    updateHome();
    describeData();
}

void HistogramPlot::hoverAt(const QPointF& position) {
    const std::optional<Handle> handle = handleAt(position);
    if (handle) {
        setCursor(Qt::SizeHorCursor);
    } else if (isZoomed()) {
        setCursor(Qt::OpenHandCursor);
    } else {
        unsetCursor();
    }
    if (handle != m_hovered) {
        m_hovered = handle;
        replotLater(Part::Data);
    }
}

void HistogramPlot::leaveEvent(QEvent* event) {
    PlotWidget::leaveEvent(event);
    m_hovered.reset();
    replotLater(Part::Data);
}

// ---- Keys
// ----------------------------------------------------------------------------------------------------------

bool HistogramPlot::event(QEvent* event) {
    // Esc belongs to the drag while there is one, whatever shortcut the window has for it.
    if (event->type() == QEvent::ShortcutOverride && isDragging() &&
        static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) {
        event->accept();
        return true;
    }
    return PlotWidget::event(event);
}

void HistogramPlot::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape && isDragging()) {
        abandonDrag();
        applyRange(m_rangeAtGrab);
        updateHome();
        Q_EMIT dragCancelled(m_gesture);
        return;
    }
    const bool isForward = event->key() == Qt::Key_Right || event->key() == Qt::Key_Up;
    const bool isBackward = event->key() == Qt::Key_Left || event->key() == Qt::Key_Down;
    if (!m_focused || !m_range || !hasData() || isDragging() || (!isForward && !isBackward)) {
        PlotWidget::keyPressEvent(event);
        return;
    }
    if (!m_lastKeyPress.isValid() || m_lastKeyPress.hasExpired(kKeyGestureMs) || m_dragged != *m_focused) {
        m_gesture = nextGesture();
        m_dragged = *m_focused;
    }
    m_lastKeyPress.start();
    double step = m_histogram.binWidth() * (event->modifiers().testFlag(Qt::ShiftModifier) ? 10 : 1);
    step = isForward ? step : -step;
    const double from = valueOf(*m_focused);
    const bool isSymmetric = m_isSymmetric || event->modifiers().testFlag(Qt::ControlModifier);
    // Where values snap, one bin may lead back to where we are: step further until it does not, over one
    // doubling of the data at most.
    for (double reach = step;
         std::abs(reach) <= 4 * std::max({m_occupied.width(), std::abs(from), std::abs(step)}); reach *= 2) {
        if (applyRange(moved(*m_focused, from + reach, isSymmetric))) {
            updateHome();
            Q_EMIT rangeCommitted(*m_range, m_gesture);
            describeData();
            break;
        }
        if (!m_snap) {
            break;
        }
    }
    event->accept();
}

void HistogramPlot::focusInEvent(QFocusEvent* event) {
    PlotWidget::focusInEvent(event);
    // A press has chosen its handle already; coming back to the window keeps the one that had the focus.
    const bool isTab = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason;
    if (m_range && (isTab || (!m_focused && event->reason() != Qt::MouseFocusReason))) {
        const bool fromStart = event->reason() != Qt::BacktabFocusReason;
        const Handle first = fromStart ? Handle::Lower : Handle::Upper;
        const Handle second = fromStart ? Handle::Upper : Handle::Lower;
        m_focused = isMovable(first)    ? std::optional(first)
                    : isMovable(second) ? std::optional(second)
                                        : std::nullopt;
    }
    replotLater(Part::Data);
}

void HistogramPlot::focusOutEvent(QFocusEvent* event) {
    PlotWidget::focusOutEvent(event);
    m_lastKeyPress.invalidate();
    replotLater(Part::Data);
}

bool HistogramPlot::focusNextPrevChild(bool next) {
    const Handle target = next ? Handle::Upper : Handle::Lower;
    if (hasFocus() && m_range && m_focused && *m_focused != target && isMovable(target)) {
        m_focused = target;
        replotLater(Part::Data);
        return true;
    }
    return PlotWidget::focusNextPrevChild(next);
}

void HistogramPlot::extendMenu(QMenu& menu) {
    QAction* logarithmic = menu.addAction(tr("Logarithmic counts"));
    logarithmic->setCheckable(true);
    logarithmic->setChecked(m_isLogarithmic);
    connect(logarithmic, &QAction::toggled, this, [this](bool isOn) {
        setLogarithmic(isOn);
        Q_EMIT logarithmicChanged(isOn);
    });
}

// ---- Words and numbers
// ---------------------------------------------------------------------------------------------

QString HistogramPlot::toolTipAt(const QPointF& position) const {
    const QRect area = plot()->axisRect()->rect();
    if (m_range) {
        for (const Handle handle : kHandles) {
            if (gripRect(handle).adjusted(-3, -2, 3, 3).contains(position)) {
                const QString name =
                    handle == Handle::Lower ? tr("Lower clip value %1") : tr("Upper clip value %1");
                const QString how = isMovable(handle)
                                        ? tr("drag, or Tab and arrow keys; Ctrl keeps it symmetric")
                                        : tr("fixed by the quantizer");
                return name.arg(shortValue(valueOf(handle))) + QLatin1Char('\n') + how;
            }
        }
    }
    if (const auto mark = m_marks.markAt(position)) {
        return tr("%1: %2").arg(m_marks.marks()[*mark].label, shortValue(m_marks.marks()[*mark].value));
    }
    if (!area.contains(position.toPoint())) {
        return {};
    }
    const double value = plot()->xAxis->pixelToCoord(position.x());
    const double total = static_cast<double>(m_histogram.total());
    if (m_histogram.zeros() > 0 && std::abs(position.x() - xOf(0)) <= 2) {
        const auto zeros = static_cast<qint64>(m_histogram.zeros());
        return tr("exactly 0: %1 values (%2)")
            .arg(QLocale().toString(zeros), percentText(static_cast<double>(zeros) / total));
    }
    for (const Column& column : columns(m_histogram)) {
        if (value >= column.lower && value < column.upper) {
            return tr("%1 to %2: %3 values (%4)")
                .arg(shortValue(column.lower), shortValue(column.upper),
                     QLocale().toString(static_cast<qint64>(column.count)),
                     percentText(column.count / total));
        }
    }
    return {};
}

void HistogramPlot::describeData() {
    if (!hasData()) {
        return;
    }
    QString text =
        tr("%1 values from %2 to %3, %4 of them exactly zero.")
            .arg(QLocale().toString(static_cast<qint64>(m_histogram.total())), shortValue(m_occupied.lower),
                 shortValue(m_occupied.upper), QLocale().toString(static_cast<qint64>(m_histogram.zeros())));
    if (m_range) {
        text += QLatin1Char(' ') +
                tr("Clipped to %1 … %2.").arg(shortValue(m_range->lower), shortValue(m_range->upper));
    }
    for (const PlotMark& mark : m_marks.marks()) {
        text += QLatin1Char(' ') + tr("%1 would choose %2.").arg(mark.label, shortValue(mark.value));
    }
    describe(text);
}

PlotTable HistogramPlot::table(TableExtent extent) const {
    PlotTable table;
    table.columns = {QStringLiteral("lower"), QStringLiteral("upper"), QStringLiteral("count")};
    const core::Range visible =
        extent == TableExtent::Visible ? visibleRange() : core::Range{-HUGE_VAL, HUGE_VAL};
    // Exact zeros are a row of zero width, in its place among the bins.
    bool isZeroRowDue = m_histogram.zeros() > 0 && visible.contains(0);
    const auto addZeros = [&] {
        table.rows.push_back({0.0, 0.0, static_cast<qulonglong>(m_histogram.zeros())});
        isZeroRowDue = false;
    };
    for (std::size_t i = 0; i < m_histogram.counts().size(); ++i) {
        const double lower = m_histogram.lowerEdge(i);
        const double upper = lower + m_histogram.binWidth();
        if (isZeroRowDue && lower >= 0) {
            addZeros();
        }
        if (upper > visible.lower && lower < visible.upper) {
            table.rows.push_back({lower, upper, static_cast<qulonglong>(m_histogram.counts()[i])});
        }
    }
    if (isZeroRowDue) {
        addZeros();
    }
    return table;
}

}  // namespace bitlathe::plots
