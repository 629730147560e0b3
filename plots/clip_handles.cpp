#include "plots/clip_handles.h"

#include "plots/label_layout.h"
#include "plots/number_text.h"

#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace bitlathe::plots {

namespace {

constexpr double kGripWidth = 8;
constexpr double kGripHeight = 16;
constexpr double kGripTop = 2;

}  // namespace

bool ClipHandles::isUsable(const core::Range& range) noexcept {
    return std::isfinite(range.lower) && std::isfinite(range.upper) && range.lower <= range.upper;
}

void ClipHandles::setMovable(bool lower, bool upper) {
    isLowerMovable = lower;
    isUpperMovable = upper;
    if (focused && !isMovable(*focused)) {
        focused.reset();
    }
}

void ClipHandles::clear() {
    range.reset();
    focused.reset();
    hovered.reset();
    dragged.reset();
}

std::optional<ClipHandle> ClipHandles::firstMovable(bool isForward) const {
    const ClipHandle first = isForward ? ClipHandle::Lower : ClipHandle::Upper;
    const ClipHandle second = isForward ? ClipHandle::Upper : ClipHandle::Lower;
    if (isMovable(first)) {
        return first;
    }
    return isMovable(second) ? std::optional(second) : std::nullopt;
}

core::Range ClipHandles::moved(ClipHandle handle, double value, bool makeSymmetric, double leastWidth) const {
    const double snapped = snap ? snap(value) : value;
    if (makeSymmetric) {
        const double bound = std::max(leastWidth / 2, handle == ClipHandle::Upper ? snapped : -snapped);
        return {-bound, bound};
    }
    core::Range result = *range;
    if (handle == ClipHandle::Lower) {
        result.lower = std::min(snapped, result.upper - leastWidth);
    } else {
        result.upper = std::max(snapped, result.lower + leastWidth);
    }
    return result;
}

std::optional<ClipHandle> ClipHandles::handleAt(double x, const ValueAxis& axis) const {
    if (!range) {
        return std::nullopt;
    }
    const auto distanceTo = [&](ClipHandle handle) { return x - axis.xOf(valueOf(handle)); };
    const auto isNear = [&](ClipHandle handle) {
        // Zoomed in, a handle may be out of sight.
        return isMovable(handle) && std::abs(distanceTo(handle)) <= kGrabPx &&
               axis.isVisible(axis.xOf(valueOf(handle)));
    };
    const bool nearLower = isNear(ClipHandle::Lower);
    const bool nearUpper = isNear(ClipHandle::Upper);
    if (nearLower && nearUpper) {
        const double toLower = distanceTo(ClipHandle::Lower);
        const double toUpper = distanceTo(ClipHandle::Upper);
        if (std::abs(toLower) != std::abs(toUpper)) {
            return std::abs(toLower) < std::abs(toUpper) ? ClipHandle::Lower : ClipHandle::Upper;
        }
        return toLower < 0 ? ClipHandle::Lower : ClipHandle::Upper;
    }
    if (nearLower) {
        return ClipHandle::Lower;
    }
    return nearUpper ? std::optional(ClipHandle::Upper) : std::nullopt;
}

QRectF ClipHandles::gripRect(ClipHandle handle, const ValueAxis& axis) const {
    return {axis.xOf(valueOf(handle)) - kGripWidth / 2, kGripTop, kGripWidth, kGripHeight};
}

std::vector<ClipHandles::Label> ClipHandles::labels(const ValueAxis& axis, double resolution, double width,
                                                    const QFont& font) const {
    if (!range) {
        return {};
    }
    const QFontMetricsF metrics(font);
    // The handle in use gets the better place.
    const bool lowerFirst = focused == ClipHandle::Lower || dragged == ClipHandle::Lower;
    const std::array<ClipHandle, 2> order{lowerFirst ? ClipHandle::Lower : ClipHandle::Upper,
                                          lowerFirst ? ClipHandle::Upper : ClipHandle::Lower};
    std::vector<Label> result;
    std::vector<LabelRequest> requests;
    for (const ClipHandle handle : order) {
        const double x = axis.xOf(valueOf(handle));
        result.push_back({valueAtResolution(valueOf(handle), resolution), std::nullopt});
        const double textWidth =
            axis.isVisible(x) ? std::ceil(metrics.horizontalAdvance(result.back().text)) + 1 : 1e9;
        requests.push_back(
            {x, QSizeF(textWidth, kGripHeight), kGripWidth / 2 + 4.5, handle == ClipHandle::Lower});
    }
    const auto placed = placeLabels(requests, QRectF(0, kGripTop, width, kGripHeight), kGripHeight,
                                    {gripRect(ClipHandle::Lower, axis), gripRect(ClipHandle::Upper, axis)});
    for (std::size_t i = 0; i < result.size(); ++i) {
        result[i].rect = placed[i];
    }
    return result;
}

void ClipHandles::paint(QPainter& painter, const Look& look) const {
    painter.setRenderHint(QPainter::Antialiasing);
    for (const ClipHandle handle : kClipHandles) {
        const QRectF grip = gripRect(handle, look.axis);
        const double x = grip.center().x();
        if (!look.axis.isVisible(x)) {
            continue;
        }
        // A handle that cannot be moved is an outline.
        const bool isHot = hovered == handle || dragged == handle;
        painter.setPen(QPen(look.theme.attention, isHot ? 2 : 1.5));
        painter.drawLine(QPointF(x, grip.bottom()), QPointF(x, look.bottom));
        painter.setBrush(isMovable(handle) ? QBrush(look.theme.attention) : QBrush(look.theme.surface));
        painter.drawRoundedRect(grip.adjusted(0.5, 0.5, -0.5, -0.5), 2.5, 2.5);
        if (focused == handle && look.hasKeyboard) {
            painter.setPen(QPen(look.theme.accent, 1.5));
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(grip.adjusted(-2.25, -1.25, 2.25, 2.25), 4, 4);
        }
    }
}

}  // namespace bitlathe::plots
