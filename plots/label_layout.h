#pragma once

#include <QRectF>
#include <QSizeF>

#include <optional>
#include <vector>

namespace bitlathe::plots {

/// A text that wants to stand near a vertical line.
struct LabelRequest {
    double anchor = 0;         ///< x of the line, px
    QSizeF size;               ///< of the text, px
    double clearance = 4;      ///< between line and text, px
    bool prefersLeft = false;  ///< tries the left of its line first
};

/// Finds a place for each label inside `area`, in rows from its top, so that no two touch and none leaves the
/// area.
///
/// Labels are served in the order given: the first gets the best place. Each tries, row by row: right of its
/// line, left of it (or the other way round), centred on it, pushed in from the edge. One that fits nowhere
/// is empty: better no text than two on top of each other. obstacles  rectangles to keep clear as well
std::vector<std::optional<QRectF>> placeLabels(const std::vector<LabelRequest>& requests, const QRectF& area,
                                               double rowHeight, const std::vector<QRectF>& obstacles = {});

}  // namespace bitlathe::plots
