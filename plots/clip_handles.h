#pragma once

#include "core/types/range.h"
#include "plots/plot_theme.h"
#include "plots/value_axis.h"

#include <QFont>
#include <QPointF>
#include <QRectF>
#include <QString>

#include <array>
#include <functional>
#include <optional>
#include <vector>

class QPainter;

namespace bitlathe::plots {

enum class ClipHandle { Lower, Upper };
inline constexpr std::array kClipHandles{ClipHandle::Lower, ClipHandle::Upper};

/// The two handles of a clip range: where they may go, which one the pointer or the keyboard has, and how
/// they look. Knows no widget and emits nothing; the plot that owns it does.
class ClipHandles {
public:
    static constexpr double kGrabPx = 8;    ///< to each side of a handle's line
    static constexpr double kStripPx = 19;  ///< above the bars: grips and their values

    /// A bound that is not finite, or lower > upper, counts as no range.
    static bool isUsable(const core::Range& range) noexcept;

    std::optional<core::Range> range;
    std::function<double(double)> snap;  ///< maps a wish to a value that may be; empty: any
    bool isLowerMovable = true;
    bool isUpperMovable = true;
    bool isSymmetric = false;  ///< both move together always, as Ctrl does during a drag
    std::optional<ClipHandle> focused;
    std::optional<ClipHandle> hovered;
    std::optional<ClipHandle> dragged;

    bool isMovable(ClipHandle handle) const noexcept {
        return handle == ClipHandle::Lower ? isLowerMovable : isUpperMovable;
    }
    /// Needs a range.
    double valueOf(ClipHandle handle) const {
        return handle == ClipHandle::Lower ? range->lower : range->upper;
    }
    void setMovable(bool lower, bool upper);
    /// Forgets the range and who had it.
    void clear();
    /// The handle that Tab (or Shift+Tab) reaches first; empty when none can be moved.
    std::optional<ClipHandle> firstMovable(bool isForward) const;

    /// The range with `handle` at `value`: snapped, in order with at least `leastWidth` between the handles
    /// (less than a bin means nothing on a histogram), and symmetric about zero if asked.
    core::Range moved(ClipHandle handle, double value, bool makeSymmetric, double leastWidth) const;

    /// Movable handle whose line is within kGrabPx of `x`. Where both are: the nearer one, at a tie the one on
    /// the pointer's side.
    std::optional<ClipHandle> handleAt(double x, const ValueAxis& axis) const;
    QRectF gripRect(ClipHandle handle, const ValueAxis& axis) const;

    struct Label {
        QString text;
        std::optional<QRectF> rect;  ///< empty: no room
    };
    /// The values beside the grips. resolution  decimals are shown down to this; width  of the widget, px
    std::vector<Label> labels(const ValueAxis& axis, double resolution, double width,
                              const QFont& font) const;

    struct Look {
        const ValueAxis& axis;
        const PlotTheme& theme;
        double bottom = 0;  ///< of the handles' lines, px
        bool hasKeyboard = false;
    };
    void paint(QPainter& painter, const Look& look) const;
};

}  // namespace bitlathe::plots
