#include "plots/label_layout.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kGap = 4;  // px between two labels in a row

bool isFree(const QRectF& rect, const std::vector<QRectF>& taken) {
    const QRectF padded = rect.adjusted(-kGap, 0, kGap, 0);
    return std::none_of(taken.begin(), taken.end(),
                        [&](const QRectF& other) { return padded.intersects(other); });
}

}  // namespace

std::vector<std::optional<QRectF>> placeLabels(const std::vector<LabelRequest>& requests, const QRectF& area,
                                               double rowHeight, const std::vector<QRectF>& obstacles) {
    std::vector<QRectF> taken = obstacles;
    std::vector<std::optional<QRectF>> placed;
    const int rows = static_cast<int>((area.height() + 1e-6) / rowHeight);
    for (const LabelRequest& request : requests) {
        std::optional<QRectF> found;
        const double width = request.size.width();
        const double pushedIn =
            std::clamp(request.anchor - width / 2, area.left(), std::max(area.left(), area.right() - width));
        std::array<double, 4> lefts{request.anchor + request.clearance,
                                    request.anchor - request.clearance - width, request.anchor - width / 2,
                                    pushedIn};
        if (request.prefersLeft) {
            std::swap(lefts[0], lefts[1]);
        }
        for (int row = 0; row < rows && !found; ++row) {
            for (const double left : lefts) {
                const QRectF rect(left, area.top() + row * rowHeight, width, rowHeight);
                if (rect.left() >= area.left() && rect.right() <= area.right() && isFree(rect, taken)) {
                    found = rect;
                    break;
                }
            }
        }
        if (found) {
            taken.push_back(*found);
        }
        placed.push_back(found);
    }
    return placed;
}

}  // namespace bitlathe::plots
