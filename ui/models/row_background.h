#pragma once

class QPainter;
class QStyleOptionViewItem;

namespace bitlathe::ui {

/// What the delegates of plain tables put behind a cell: the selection's colour, and a line under the row.
void paintRowBackground(QPainter& painter, const QStyleOptionViewItem& option);

}  // namespace bitlathe::ui
