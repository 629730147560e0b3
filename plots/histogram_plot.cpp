#include "plots/histogram_plot.h"

#include "plots/axis_tickers.h"
#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <QKeyEvent>
#include <QMenu>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kLogFloor = 0.5;  // below a count of 1, so that 1 is a bar
constexpr int kKeyGestureMs = 1000;
constexpr int kMarkRows = 3;  // of labels above the bars

quint64 nextGesture() {
    static std::atomic<quint64> counter{0};
    return ++counter;
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
    add("data", &HistogramPlot::paintTensor);
    add("overlay", &HistogramPlot::paintHandles);
    add("axes", &HistogramPlot::paintCaption);
    finishConstruction();
}

// ---- Values in

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
    if (!ClipHandles::isUsable(range)) {
        clearRange();
        return;
    }
    m_handles.range = range;
    updateHome();
    describeData();
}

void HistogramPlot::clearRange() {
    if (isDragging()) {
        abandonDrag();
    }
    m_handles.clear();
    updateHome();
    describeData();
}

void HistogramPlot::setRepresentableRange(const std::optional<core::Range>& range) {
    m_representable = range && ClipHandles::isUsable(*range) ? range : std::nullopt;
    replotLater(Part::Data);
}

void HistogramPlot::setLevels(std::vector<double> levels) {
    m_levels = std::move(levels);
    replotLater(Part::Data);
}

void HistogramPlot::setLevelCounts(std::vector<LevelCount> levels) {
    const bool hadNone = m_levelCounts.empty();
    m_levelCounts = std::move(levels);
    if (hadNone != m_levelCounts.empty()) {
        relayout();  // the legend comes or goes
    } else {
        rescaleCounts();
    }
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
    m_handles.snap = std::move(snap);
}

void HistogramPlot::setMovable(bool lower, bool upper) {
    m_handles.setMovable(lower, upper);
    replotLater(Part::Data);
}

void HistogramPlot::setSymmetric(bool isSymmetric) {
    m_handles.isSymmetric = isSymmetric;
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
    return axis().xOf(value);
}

ValueAxis HistogramPlot::axis() const {
    const QRect area = plot()->axisRect()->rect();
    const auto left = static_cast<double>(area.left());
    return {plot()->xAxis->range().lower, plot()->xAxis->range().upper, left, left + area.width()};
}

HistogramFrame HistogramPlot::frame() const {
    return {plot()->axisRect()->rect(), axis(),
            [this](double count) { return plot()->yAxis->coordToPixel(count); },
            m_isLogarithmic ? kLogFloor : 0, &theme()};
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
    if (m_handles.range) {
        include(m_handles.range->lower);
        include(m_handles.range->upper);
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
    const double label = m_caption.isEmpty() && m_levelCounts.empty() ? 0 : metrics.height();
    const auto arrange = [&] {
        setMargins({valueAxisMargin(), ClipHandles::kStripPx + m_marks.height() + 2, 12,
                    metrics.height() + 9 + label});
    };
    arrange();  // places the axis, which places the marks, which decide the rows above it
    placeMarks();
    arrange();
    rescaleCounts();  // how many bins a bar joins depends on the width
}

void HistogramPlot::placeMarks() {
    m_marks.place([this](double value) { return xOf(value); }, plot()->axisRect()->rect(),
                  ClipHandles::kStripPx, width(), smallFont(), kMarkRows);
}

void HistogramPlot::rescaleCounts() {
    const double highest =
        highestCount(m_histogram, m_levelCounts, visibleRange(), plot()->axisRect()->width());
    if (m_isLogarithmic) {
        plot()->yAxis->setRange(kLogFloor, kLogFloor * std::pow(highest / kLogFloor, 1.04));
    } else {
        plot()->yAxis->setRange(0, highest * 1.04);
    }
}

core::Range HistogramPlot::shadedRange() const {
    return m_representable ? *m_representable : *m_handles.range;
}

std::vector<ClipHandles::Label> HistogramPlot::handleLabels() const {
    // Decimals for steps of about one pixel of the whole picture.
    const double resolution =
        std::pow(10, std::floor(std::log10(std::max(m_occupied.width(), 1e-30) / 2000)));
    return m_handles.labels(axis(), resolution, width(), smallFont());
}

std::vector<QRectF> HistogramPlot::labelRects() const {
    std::vector<QRectF> rects;
    for (const ClipHandles::Label& label : handleLabels()) {
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

void HistogramPlot::applyTheme() {
    PlotWidget::applyTheme();
    plot()->xAxis->setTickLabelPadding(6);
    plot()->yAxis->setTickLabelPadding(4);
}

void HistogramPlot::paintTensor(QPainter& painter) const {
    const HistogramFrame where = frame();
    painter.save();
    if (m_handles.range) {
        paintShade(painter, where, shadedRange());
    }
    paintBars(painter, where, m_histogram,
              m_handles.range ? shadedRange() : core::Range{-HUGE_VAL, HUGE_VAL});
    painter.restore();
    painter.save();
    paintLevelCounts(painter, where, m_levelCounts);
    painter.restore();
}

void HistogramPlot::paintHandles(QPainter& painter) const {
    const QRect area = plot()->axisRect()->rect();
    paintLevelTicks(painter, frame(), m_levels);
    if (m_handles.range) {
        painter.setFont(smallFont());
        painter.setPen(theme().text);
        for (const ClipHandles::Label& label : handleLabels()) {
            if (label.rect) {
                painter.drawText(*label.rect, Qt::AlignVCenter | Qt::AlignHCenter, label.text);
            }
        }
        painter.save();
        m_handles.paint(painter, {axis(), theme(), area.bottom() + 1.0, hasFocus()});
        painter.restore();
    }
    // Above the handles' lines: labels stay readable.
    m_marks.paint(painter, theme(), area.bottom());
}

void HistogramPlot::paintCaption(QPainter& painter) const {
    const double lineHeight = QFontMetricsF(smallFont()).height();
    const QRectF line(0, plot()->viewport().bottom() - lineHeight - 1, width(), lineHeight);
    paintHistogramCaption(painter, frame(), line, m_caption,
                          m_levelCounts.empty() ? QString() : tr("dequantized"), smallFont());
}

// ---- Handles

std::optional<HistogramPlot::Handle> HistogramPlot::handleAt(const QPointF& position) const {
    const bool isBelow = position.y() > plot()->axisRect()->bottom() + ClipHandles::kGrabPx;
    return hasData() && !isBelow ? m_handles.handleAt(position.x(), axis()) : std::nullopt;
}

core::Range HistogramPlot::moved(Handle handle, double value, Qt::KeyboardModifiers modifiers) const {
    const bool isSymmetric = m_handles.isSymmetric || modifiers.testFlag(Qt::ControlModifier);
    return m_handles.moved(handle, value, isSymmetric, m_histogram.binWidth());
}

bool HistogramPlot::applyRange(const core::Range& range) {
    if (m_handles.range == range || !ClipHandles::isUsable(range)) {
        return false;
    }
    m_handles.range = range;
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
    m_gestureHandle = *handle;
    m_handles.dragged = *handle;
    m_handles.focused = *handle;
    m_rangeAtGrab = *m_handles.range;
    m_grabOffsetPx = position.x() - xOf(m_handles.valueOf(*handle));
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
    applyRange(moved(m_gestureHandle, axis().valueAt(x), modifiers));
}

void HistogramPlot::drop() {
    m_handles.dragged.reset();
    if (m_handles.range && m_hasGestureMoved && !(*m_handles.range == m_rangeAtGrab)) {
        Q_EMIT rangeCommitted(*m_handles.range, m_gesture);
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
    if (handle != m_handles.hovered) {
        m_handles.hovered = handle;
        replotLater(Part::Data);
    }
}

void HistogramPlot::leaveEvent(QEvent* event) {
    PlotWidget::leaveEvent(event);
    m_handles.hovered.reset();
    replotLater(Part::Data);
}

// ---- Keys

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
        m_handles.dragged.reset();
        applyRange(m_rangeAtGrab);
        updateHome();
        Q_EMIT dragCancelled(m_gesture);
        return;
    }
    const bool isForward = event->key() == Qt::Key_Right || event->key() == Qt::Key_Up;
    const bool isBackward = event->key() == Qt::Key_Left || event->key() == Qt::Key_Down;
    if (!m_handles.focused || !m_handles.range || !hasData() || isDragging() || (!isForward && !isBackward)) {
        PlotWidget::keyPressEvent(event);
        return;
    }
    if (!m_lastKeyPress.isValid() || m_lastKeyPress.hasExpired(kKeyGestureMs) ||
        m_gestureHandle != *m_handles.focused) {
        m_gesture = nextGesture();
        m_gestureHandle = *m_handles.focused;
    }
    m_lastKeyPress.start();
    const double step = m_histogram.binWidth() * (event->modifiers().testFlag(Qt::ShiftModifier) ? 10 : 1);
    stepFocused(isForward ? step : -step, event->modifiers());
    event->accept();
}

void HistogramPlot::stepFocused(double step, Qt::KeyboardModifiers modifiers) {
    const double from = m_handles.valueOf(*m_handles.focused);
    // Where values snap, one bin may lead back to where we are: step further until it does not, over one
    // doubling of the data at most.
    for (double reach = step;
         std::abs(reach) <= 4 * std::max({m_occupied.width(), std::abs(from), std::abs(step)}); reach *= 2) {
        if (applyRange(moved(*m_handles.focused, from + reach, modifiers))) {
            updateHome();
            Q_EMIT rangeCommitted(*m_handles.range, m_gesture);
            describeData();
            break;
        }
        if (!m_handles.snap) {
            break;
        }
    }
}

void HistogramPlot::focusInEvent(QFocusEvent* event) {
    PlotWidget::focusInEvent(event);
    // A press has chosen its handle already; coming back to the window keeps the one that had the focus.
    const bool isTab = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason;
    if (m_handles.range && (isTab || (!m_handles.focused && event->reason() != Qt::MouseFocusReason))) {
        m_handles.focused = m_handles.firstMovable(event->reason() != Qt::BacktabFocusReason);
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
    if (hasFocus() && m_handles.range && m_handles.focused && *m_handles.focused != target &&
        m_handles.isMovable(target)) {
        m_handles.focused = target;
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

QString HistogramPlot::toolTipAt(const QPointF& position) const {
    const QRect area = plot()->axisRect()->rect();
    if (m_handles.range) {
        for (const Handle handle : kClipHandles) {
            if (m_handles.gripRect(handle, axis()).adjusted(-3, -2, 3, 3).contains(position)) {
                const QString name =
                    handle == Handle::Lower ? tr("Lower clip value %1") : tr("Upper clip value %1");
                const QString how = m_handles.isMovable(handle)
                                        ? tr("drag, or Tab and arrow keys; Ctrl keeps it symmetric")
                                        : tr("fixed by the quantizer");
                return name.arg(shortValue(m_handles.valueOf(handle))) + QLatin1Char('\n') + how;
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
    for (const HistogramBar& bar : joinBins(m_histogram, visibleRange(), area.width())) {
        if (value >= bar.lower && value < bar.upper) {
            return tr("%1 to %2: %3 values (%4)")
                .arg(shortValue(bar.lower), shortValue(bar.upper),
                     QLocale().toString(static_cast<qint64>(bar.count)), percentText(bar.count / total));
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
    if (m_handles.range) {
        text += QLatin1Char(' ') +
                tr("Clipped to %1 … %2.")
                    .arg(shortValue(m_handles.range->lower), shortValue(m_handles.range->upper));
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
