#pragma once

#include <QStyledItemDelegate>

namespace bitlathe::ui {

/// Paints the rows of a LayerTreeModel as boxes on a line that runs from input to output. Every box names its
/// bits in words (colour alone carries nothing).
class ModelNodeDelegate final : public QStyledItemDelegate {
    Q_OBJECT

public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

/// Where the mark that opens a block is, in a row's rectangle.
QRect blockMarkRect(const QRect& row);

}  // namespace bitlathe::ui
