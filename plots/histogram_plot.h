#pragma once

#include "plots/clip_handles.h"
#include "plots/histogram_bars.h"
#include "plots/histogram_picture.h"
#include "plots/mark_strip.h"
#include "plots/plot_widget.h"

#include "core/types/histogram.h"

#include <QElapsedTimer>
#include <QRectF>
#include <QString>

#include <functional>
#include <optional>
#include <vector>

namespace bitlathe::plots {

/// Histogram of one tensor with two clip handles to drag.
///
/// Horizontal: value, units of the tensor. Vertical: values per bar (bins are joined until a bar is some 3 px
/// wide), logarithmic unless switched; exact zeros are a thin bar of their own. The representable range is
/// shaded, what lies outside is grey.
///
/// Handles: drag anywhere along a handle's line (+-8 px); Ctrl keeps the range symmetric about zero; Esc
/// during a drag restores what it was. Tab puts the focus on a handle, arrow keys move it by one bin, with
/// Shift by ten. One gesture is one drag, or one series of key presses less than a second apart on one
/// handle: its signals carry the same number, for merging undo steps.
class HistogramPlot final : public PlotWidget {
    Q_OBJECT

public:
    using Handle = ClipHandle;

    explicit HistogramPlot(QWidget* parent = nullptr);

    /// An empty histogram shows the empty text. The zoom stays where it can: call resetView() when the tensor
    /// is another one.
    void setHistogram(const core::Histogram& histogram);
    /// The clip range, units of the tensor; ignored while the user drags a handle (the pointer wins). A bound
    /// that is not finite, or lower > upper, counts as no range.
    void setRange(const core::Range& range);
    void clearRange();
    std::optional<core::Range> range() const { return m_handles.range; }
    /// What the quantizer can represent where that differs from the clip range (grids round it, most include
    /// zero); empty: the same.
    void setRepresentableRange(const std::optional<core::Range>& range);
    /// Values of the codes, ascending: ticks under the axis. Empty: none.
    void setLevels(std::vector<double> levels);
    /// The tensor after quantization: how many values each level stands for, drawn over the bars as stems;
    /// empty: none.
    void setLevelCounts(std::vector<LevelCount> levels);
    /// In order of importance: where there is no room, the last labels go first. Their lines stay.
    void setMarks(std::vector<PlotMark> marks);
    /// Under the axis: "output value, 5,000 images".
    void setValueCaption(const QString& caption);
    /// Maps what the pointer or a key asks for to a value that may be (powers of two, say); empty: any.
    void setSnap(std::function<double(double)> snap);
    /// Handles the user may move; an unsigned grid fixes the lower one at zero.
    void setMovable(bool lower, bool upper);
    /// Moves both handles together always, as Ctrl does during a drag: for symmetric grids.
    void setSymmetric(bool isSymmetric);
    bool isLogarithmic() const noexcept { return m_isLogarithmic; }

    /// What the horizontal axis shows, to keep two plots together.
    core::Range visibleRange() const;
    void setVisibleRange(const core::Range& range);
    std::optional<Handle> focusedHandle() const { return m_handles.focused; }
    /// Rectangles of all labels drawn above the bars (px): none touch, none leave the widget.
    std::vector<QRectF> labelRects() const;
    /// x of a value, px.
    double xOf(double value) const;

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;

public Q_SLOTS:
    void setLogarithmic(bool isLogarithmic);

Q_SIGNALS:
    /// Once for each mouse move or key press that changed the range.
    void rangeDragged(bitlathe::core::Range range, quint64 gesture);
    /// Once at the end of a drag that changed the range, and after each key press.
    void rangeCommitted(bitlathe::core::Range range, quint64 gesture);
    /// Esc during a drag: the range is what it was before (rangeDragged has told so); nothing is committed.
    void dragCancelled(quint64 gesture);
    /// The horizontal axis, for a plot below that shares it: what it shows when zoomed out, and what it shows
    /// now. Whatever changed it.
    void axisChanged(bitlathe::core::Range home, bitlathe::core::Range visible);
    /// The user switched the scale from the menu.
    void logarithmicChanged(bool isLogarithmic);

protected:
    void applyTheme() override;
    void relayout() override;
    void followView() override;
    bool beginDrag(const QPointF& position, Qt::KeyboardModifiers modifiers) override;
    void dragTo(const QPointF& position, Qt::KeyboardModifiers modifiers) override;
    void drop() override;
    void hoverAt(const QPointF& position) override;
    void extendMenu(QMenu& menu) override;

    bool event(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool focusNextPrevChild(bool next) override;
    void leaveEvent(QEvent* event) override;

private:
    ValueAxis axis() const;
    HistogramFrame frame() const;
    /// Needs a range.
    core::Range shadedRange() const;
    void rescaleCounts();
    void updateHome();
    void placeMarks();
    std::vector<ClipHandles::Label> handleLabels() const;
    std::optional<Handle> handleAt(const QPointF& position) const;
    /// The range with `handle` moved to `value`.
    core::Range moved(Handle handle, double value, Qt::KeyboardModifiers modifiers) const;
    bool applyRange(const core::Range& range);
    void describeData();

    void stepFocused(double step, Qt::KeyboardModifiers modifiers);
    void paintTensor(QPainter& painter) const;
    void paintHandles(QPainter& painter) const;
    void paintCaption(QPainter& painter) const;

    core::Histogram m_histogram;
    core::Range m_occupied;
    core::Range m_home;  ///< of the horizontal axis
    ClipHandles m_handles;
    std::optional<core::Range> m_representable;
    std::vector<double> m_levels;
    std::vector<LevelCount> m_levelCounts;
    MarkStrip m_marks;
    QString m_caption;
    bool m_isLogarithmic = true;

    // The gesture going on, if any.
    Handle m_gestureHandle = Handle::Upper;
    core::Range m_rangeAtGrab;
    double m_grabOffsetPx = 0;
    quint64 m_gesture = 0;
    bool m_hasGestureMoved = false;
    QElapsedTimer m_lastKeyPress;
};

}  // namespace bitlathe::plots
