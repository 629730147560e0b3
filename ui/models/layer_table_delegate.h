#pragma once

#include <QStyledItemDelegate>

namespace bitlathe::ui {

/// Paints bit widths as chips (darker: fewer bits, the number always in it), marks rows that need attention,
/// and edits cells with a list of what the registries offer.
class LayerTableDelegate final : public QStyledItemDelegate {
    Q_OBJECT

public:
    static constexpr int kRowHeight = 26;

    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const override;
    void setEditorData(QWidget* editor, const QModelIndex& index) const override;
    void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const override;
};

/// A rounded box with the bits in it; "F" in an outlined one for float.
void paintBitsChip(QPainter& painter, const QRect& box, int bits);

}  // namespace bitlathe::ui
