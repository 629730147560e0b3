#include "plots/plot_widget.h"

#include "plots/detail/painting.h"
#include "plots/plot_export.h"

#include <qcustomplot.h>

#include <QApplication>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QToolTip>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kZoomPerNotch =
    0.8;  // of the visible width, for one notch of the wheel (120 eighths of a degree)

core::Range rangeOf(const QCPAxis* axis) {
    return {axis->range().lower, axis->range().upper};
}

}  // namespace

PlotWidget::PlotWidget(const QString& title, QWidget* parent)
    : QWidget(parent), m_emptyText(tr("No data yet")) {
    setAccessibleName(title);
    setMouseTracking(true);
    setAttribute(Qt::WA_OpaquePaintEvent);

    // The canvas only draws; this widget has the mouse and the keys. Its layers from the bottom: grid, "data"
    // and "overlay" with buffers of their own, so that a drag redraws neither axes nor texts, and "axes"
    // between them.
    m_plot = new QCustomPlot(this);
    m_plot->setAttribute(Qt::WA_TransparentForMouseEvents);
    m_plot->setFocusPolicy(Qt::NoFocus);
    m_plot->setNoAntialiasingOnDrag(false);
    m_plot->plotLayout()->setRowSpacing(0);
    m_plot->axisRect()->setAutoMargins(QCP::msNone);
    m_plot->addLayer(QStringLiteral("data"), m_plot->layer(QStringLiteral("main")), QCustomPlot::limAbove);
    m_plot->layer(QStringLiteral("data"))->setMode(QCPLayer::lmBuffered);
    m_plot->addLayer(QStringLiteral("empty"), m_plot->layer(QStringLiteral("overlay")),
                     QCustomPlot::limAbove);
    detail::addPainting(*m_plot, QStringLiteral("empty"),
                        [this](QPainter& painter) { paintEmptyText(painter); });
}

PlotWidget::~PlotWidget() = default;

void PlotWidget::finishConstruction() {
    retheme();
    setHasData(false);
}

void PlotWidget::setEmptyText(const QString& text) {
    m_emptyText = text;
    if (!m_hasData) {
        describe(text);
        replotLater(Part::All);
    }
}

void PlotWidget::setHasData(bool hasData) {
    m_hasData = hasData;
    for (const char* layer : {"grid", "main", "data", "axes", "overlay"}) {
        m_plot->layer(QLatin1String(layer))->setVisible(hasData);
    }
    m_plot->layer(QStringLiteral("empty"))->setVisible(!hasData);
    if (!hasData) {
        describe(m_emptyText);
    }
    updateLayout();
    replotLater(Part::All);
}

QString PlotWidget::toolTipAt(const QPointF&) const {
    return {};
}

QSize PlotWidget::sizeHint() const {
    return {370, 200};
}

QSize PlotWidget::minimumSizeHint() const {
    return {160, 80};
}

QFont PlotWidget::smallFont() const {
    return PlotTheme::smallFont(font());
}

void PlotWidget::describe(const QString& text) {
    setAccessibleDescription(text);
}

QCustomPlot& PlotWidget::canvas() {
    updateLayout();
    return *m_plot;
}

// ---- Drawing
// -------------------------------------------------------------------------------------------------------

void PlotWidget::replotLater(Part part) {
    m_replotsAll = m_replotsAll || part == Part::All;
    if (!m_isReplotQueued) {
        m_isReplotQueued = true;
        QMetaObject::invokeMethod(
            this, [this] { replotNow(); }, Qt::QueuedConnection);
    }
}

void PlotWidget::replotNow() {
    m_isReplotQueued = false;
    if (m_replotsAll) {
        m_replotsAll = false;
        m_plot->replot(QCustomPlot::rpQueuedRefresh);
        return;
    }
    m_plot->layer(QStringLiteral("data"))->replot();
    m_plot->layer(QStringLiteral("overlay"))->replot();
}

void PlotWidget::paintEmptyText(QPainter& painter) {
    painter.setFont(font());
    painter.setPen(m_theme.muted);
    painter.drawText(m_plot->viewport().adjusted(12, 8, -12, -8), Qt::AlignCenter | Qt::TextWordWrap,
                     m_emptyText);
}

double PlotWidget::valueAxisMargin() const {
    return QFontMetricsF(smallFont()).horizontalAdvance(QStringLiteral("−00.0")) + 8;
}

void PlotWidget::setMargins(const QMarginsF& margins) {
    const QMargins whole(
        static_cast<int>(std::ceil(margins.left())), static_cast<int>(std::ceil(margins.top())),
        static_cast<int>(std::ceil(margins.right())), static_cast<int>(std::ceil(margins.bottom())));
    m_plot->axisRect()->setMargins(whole);
    for (const auto phase :
         {QCPLayoutElement::upPreparation, QCPLayoutElement::upMargins, QCPLayoutElement::upLayout}) {
        m_plot->plotLayout()->update(phase);
    }
}

void PlotWidget::updateLayout() {
    // A hidden widget gets no resize events; what depends on the size must not wait for them.
    if (m_plot->size() != size() || m_plot->viewport() != rect()) {
        m_plot->resize(size());
        m_plot->setViewport(rect());
    }
    relayout();
}

void PlotWidget::retheme() {
    m_theme = PlotTheme::forPalette(palette());
    applyTheme();
    updateLayout();
    replotLater(Part::All);
}

void PlotWidget::applyTheme() {
    m_plot->setBackground(QBrush(m_theme.surface));
    for (QCPAxis* axis : m_plot->axisRect()->axes()) {
        axis->setBasePen(QPen(m_theme.border));
        axis->setTickPen(Qt::NoPen);
        axis->setSubTicks(false);
        axis->setTickLabelColor(m_theme.muted);
        axis->setLabelColor(m_theme.muted);
        axis->setTickLabelFont(smallFont());
        axis->setLabelFont(smallFont());
        axis->grid()->setPen(QPen(m_theme.grid));
        axis->grid()->setZeroLinePen(Qt::NoPen);
        axis->grid()->setSubGridVisible(false);
    }
}

void PlotWidget::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        retheme();
    }
}

void PlotWidget::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    updateLayout();  // the canvas's own resize event draws
}

// ---- View
// ----------------------------------------------------------------------------------------------------------

void PlotWidget::setHome(QCPAxis* axis, const core::Range& home, double narrowest) {
    const auto known =
        std::find_if(m_views.begin(), m_views.end(), [axis](const ViewAxis& v) { return v.axis == axis; });
    const ViewAxis fresh{axis, home, std::min(narrowest, home.width())};
    if (known == m_views.end()) {
        m_views.push_back(fresh);
        axis->setRange(home.lower, home.upper);
        return;
    }
    const core::Range shown = rangeOf(axis);
    const bool wasHome = shown == known->home;
    *known = fresh;
    if (wasHome) {
        axis->setRange(home.lower, home.upper);
    } else {
        moveAxis(fresh, shown.lower, shown.upper);
    }
}

bool PlotWidget::moveAxis(const ViewAxis& view, double lower, double upper) {
    const core::Range before = rangeOf(view.axis);
    const double width = std::clamp(upper - lower, view.narrowest, view.home.width());
    // At the widest, exactly the home: isZoomed compares for equality.
    const double from = width == view.home.width()
                            ? view.home.lower
                            : std::clamp(lower, view.home.lower, view.home.upper - width);
    view.axis->setRange(from, width == view.home.width() ? view.home.upper : from + width);
    return !(rangeOf(view.axis) == before);
}

bool PlotWidget::isZoomed() const {
    return std::any_of(m_views.begin(), m_views.end(),
                       [](const ViewAxis& v) { return !(rangeOf(v.axis) == v.home); });
}

void PlotWidget::resetView() {
    if (!isZoomed()) {
        return;
    }
    for (const ViewAxis& view : m_views) {
        view.axis->setRange(view.home.lower, view.home.upper);
    }
    followView();
    replotLater(Part::All);
    Q_EMIT viewChanged();
}

void PlotWidget::wheelEvent(QWheelEvent* event) {
    const double notches = event->angleDelta().y() / 120.0;
    bool moved = false;
    if (m_hasData && notches != 0 && m_press == Press::None) {
        for (const ViewAxis& view : m_views) {
            const bool isHorizontal = view.axis->orientation() == Qt::Horizontal;
            const double at =
                view.axis->pixelToCoord(isHorizontal ? event->position().x() : event->position().y());
            const double factor = std::pow(kZoomPerNotch, notches);
            const core::Range shown = rangeOf(view.axis);
            const double width = std::clamp(shown.width() * factor, view.narrowest, view.home.width());
            const double share = shown.width() > 0 ? (at - shown.lower) / shown.width() : 0.5;
            moved = moveAxis(view, at - share * width, at + (1 - share) * width) || moved;
        }
    }
    if (!moved) {
        event->ignore();  // fully out (or nothing to zoom): the panel around may scroll
        return;
    }
    event->accept();
    followView();
    replotLater(Part::All);
    Q_EMIT viewChanged();
}

// ---- Mouse
// ---------------------------------------------------------------------------------------------------------

bool PlotWidget::beginDrag(const QPointF&, Qt::KeyboardModifiers) {
    return false;
}
void PlotWidget::dragTo(const QPointF&, Qt::KeyboardModifiers) {}
void PlotWidget::drop() {}
void PlotWidget::clickAt(const QPointF&, Qt::KeyboardModifiers) {}
void PlotWidget::hoverAt(const QPointF&) {}

void PlotWidget::abandonDrag() {
    m_press = Press::None;
}

void PlotWidget::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || !m_hasData) {
        QWidget::mousePressEvent(event);
        return;
    }
    m_pressedAt = event->position();
    m_press = beginDrag(event->position(), event->modifiers()) ? Press::Grabbed : Press::Waiting;
    m_rangesAtPress.clear();
    for (const ViewAxis& view : m_views) {
        m_rangesAtPress.push_back(rangeOf(view.axis));
    }
}

void PlotWidget::mouseMoveEvent(QMouseEvent* event) {
    switch (m_press) {
    case Press::None:
        if (m_hasData) {
            hoverAt(event->position());
        }
        return;
    case Press::Grabbed:
        dragTo(event->position(), event->modifiers());
        return;
    case Press::Waiting:
        if ((event->position() - m_pressedAt).manhattanLength() < QApplication::startDragDistance()) {
            return;
        }
        m_press = Press::Panning;
        break;
    case Press::Panning:
        break;
    }
    bool moved = false;
    for (std::size_t i = 0; i < std::min(m_views.size(), m_rangesAtPress.size()); ++i) {
        QCPAxis* axis = m_views[i].axis;
        const bool isHorizontal = axis->orientation() == Qt::Horizontal;
        const auto along = [isHorizontal](const QPointF& p) { return isHorizontal ? p.x() : p.y(); };
        const double shift =
            axis->pixelToCoord(along(m_pressedAt)) - axis->pixelToCoord(along(event->position()));
        moved =
            moveAxis(m_views[i], m_rangesAtPress[i].lower + shift, m_rangesAtPress[i].upper + shift) || moved;
    }
    if (moved) {
        setCursor(Qt::ClosedHandCursor);
        followView();
        replotLater(Part::All);
        Q_EMIT viewChanged();
    }
}

void PlotWidget::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) {
        QWidget::mouseReleaseEvent(event);
        return;
    }
    const Press press = m_press;
    m_press = Press::None;
    if (press == Press::Grabbed) {
        drop();
    } else if (press == Press::Waiting) {
        clickAt(event->position(), event->modifiers());
    } else if (press == Press::Panning) {
        unsetCursor();
    }
    if (m_hasData) {
        hoverAt(event->position());
    }
}

void PlotWidget::hideEvent(QHideEvent* event) {
    // A widget hidden in the middle of a gesture never sees the release.
    const Press press = std::exchange(m_press, Press::None);
    if (press == Press::Grabbed) {
        drop();
    }
    QWidget::hideEvent(event);
}

void PlotWidget::mouseDoubleClickEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && m_hasData) {
        resetView();
    }
}

bool PlotWidget::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QString text = m_hasData && m_press == Press::None ? toolTipAt(help->pos()) : QString();
        if (text.isEmpty()) {
            QToolTip::hideText();
            event->ignore();
        } else {
            // The rectangle makes the text follow from bar to bar.
            QToolTip::showText(help->globalPos(), text, this, QRect(help->pos(), QSize(1, 1)));
        }
        return true;
    }
    return QWidget::event(event);
}

// ---- Menu
// ----------------------------------------------------------------------------------------------------------

void PlotWidget::extendMenu(QMenu&) {}

std::unique_ptr<QMenu> PlotWidget::createMenu() {
    auto menu = std::make_unique<QMenu>();
    extendMenu(*menu);
    if (!m_views.empty()) {
        QAction* reset = menu->addAction(tr("Reset view"), this, &PlotWidget::resetView);
        reset->setEnabled(isZoomed());
    }
    if (!menu->isEmpty()) {
        menu->addSeparator();
    }
    addExportActions(*menu, *this);
    return menu;
}

void PlotWidget::contextMenuEvent(QContextMenuEvent* event) {
    QMenu* menu = createMenu().release();
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->popup(event->globalPos());
}

}  // namespace bitlathe::plots
