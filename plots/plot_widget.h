#pragma once

#include <string>

#include "core/types/range.h"
#include "plots/plot_table.h"
#include "plots/plot_theme.h"

#include <QMarginsF>
#include <QWidget>

#include <memory>
#include <vector>

class QCPAxis;
class QCustomPlot;
class QMenu;

namespace bitlathe::plots {

/// What every plot has in common: colours and fonts of the palette, wheel zoom at the cursor, panning by
/// dragging, double-click to reset, tooltips, a text where there is no data, the right-click menu that saves
/// pictures and numbers, and a description for screen readers. Plots take plain values and answer with
/// signals; setters never emit.
class PlotWidget : public QWidget {
    Q_OBJECT

public:
    ~PlotWidget() override;

    /// The numbers behind the picture.
    virtual PlotTable table(TableExtent extent) const = 0;

    bool hasData() const noexcept { return m_hasData; }
    /// Shown centred while there is no data; say what to do next.
    void setEmptyText(const QString& text);
    QString emptyText() const { return m_emptyText; }
    const PlotTheme& theme() const noexcept { return m_theme; }
    /// What hovering at `position` (widget px) tells; empty where there is nothing to tell.
    virtual QString toolTipAt(const QPointF& position) const;
    bool isZoomed() const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

    /// The actions of the right-click menu; the caller owns it.
    std::unique_ptr<QMenu> createMenu();
    /// The drawing surface, for exports. Brings its layout up to date with this widget's size, shown or not.
    QCustomPlot& canvas();

public Q_SLOTS:
    void resetView();

Q_SIGNALS:
    /// The user zoomed or panned.
    void viewChanged();
    /// A file was written, or the image copied (then `path` is empty).
    void exported(const QString& path);
    /// One message: what could not be written, where and why.
    void exportFailed(const QString& message);

protected:
    enum class Part {
        Data,  ///< the layers "data" and "overlay" only: no axis, no grid, no text layout
        All,
    };

    /// title  what the plot shows; its accessible name and suggested file name
    explicit PlotWidget(const QString& title, QWidget* parent);

    // What a plot decides.
    /// Sets colours and fonts of what it draws with; m_theme is new. Call the base's.
    virtual void applyTheme();
    /// Sets margins and whatever depends on the size. The base does nothing.
    virtual void relayout() {}
    /// Follows a zoom or pan before it is drawn.
    virtual void followView() {}
    /// A left press: true takes the gesture: dragTo and drop follow instead of panning.
    virtual bool beginDrag(const QPointF& position, Qt::KeyboardModifiers modifiers);
    virtual void dragTo(const QPointF& position, Qt::KeyboardModifiers modifiers);
    virtual void drop();
    /// A press and release without moving that nothing grabbed.
    virtual void clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers);
    virtual void hoverAt(const QPointF& position);
    virtual void extendMenu(QMenu& menu);

    // What a plot uses.
    QCustomPlot* plot() const noexcept { return m_plot; }
    /// Call at the end of the constructor: themes, lays out.
    void finishConstruction();
    void setHasData(bool hasData);
    /// Drawn in the next turn of the event loop, however often asked.
    void replotLater(Part part);
    /// Lets `axis` be zoomed and panned within [home.lower, home.upper], never narrower than `narrowest`. An
    /// axis that showed its whole home follows it; one that was zoomed stays where it is as far as it can.
    void setHome(QCPAxis* axis, const core::Range& home, double narrowest);
    /// Room for a vertical axis of values, px: the same in every plot, so that plots above each other line
    /// up.
    double valueAxisMargin() const;
    void describe(const QString& text);
    QFont smallFont() const;
    /// Space around the axes, px; takes effect at once, so that coordinates can be asked for before the next
    /// drawing.
    void setMargins(const QMarginsF& margins);
    bool isDragging() const noexcept { return m_press == Press::Grabbed; }
    /// Ends a grabbed gesture without drop().
    void abandonDrag();

    bool event(QEvent* event) override;
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    enum class Press { None, Waiting, Grabbed, Panning };
    struct ViewAxis {
        QCPAxis* axis = nullptr;
        core::Range home;
        double narrowest = 0;
    };

    bool moveAxis(const ViewAxis& view, double lower, double upper);
    void updateLayout();
    void retheme();
    void paintEmptyText(QPainter& painter);
    void replotNow();

    QCustomPlot* m_plot = nullptr;
    PlotTheme m_theme;
    QString m_emptyText;
    std::vector<ViewAxis> m_views;
    std::vector<core::Range> m_rangesAtPress;  ///< of m_views
    QPointF m_pressedAt;
    Press m_press = Press::None;
    bool m_hasData = false;
    bool m_isReplotQueued = false;
    bool m_replotsAll = false;
};

}  // namespace bitlathe::plots
