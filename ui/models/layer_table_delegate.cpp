#include "ui/models/layer_table_delegate.h"

#include "ui/models/layer_table_model.h"
#include "ui/settings/theme.h"

#include <QApplication>
#include <QComboBox>
#include <QPainter>
#include <QTimer>

namespace bitlathe::ui {

namespace {

constexpr int kCellPadding = 5;
constexpr int kChipWidth = 25;
constexpr int kChipHeight = 17;

}  // namespace

void paintBitsChip(QPainter& painter, const QRect& box, int bits) {
    const Theme& theme = currentTheme();
    const std::optional<int> width = bits == 0 ? std::nullopt : std::optional<int>(bits);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(width ? Qt::NoPen : QPen(theme.border));
    painter.setBrush(theme.bitsFill(width));
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 3.5, 3.5);
    QFont font = painter.font();
    font.setPixelSize(12);
    font.setWeight(QFont::DemiBold);
    painter.setFont(font);
    painter.setPen(theme.bitsText(width));
    painter.drawText(box, Qt::AlignCenter, bits == 0 ? QStringLiteral("F") : QString::number(bits));
    painter.restore();
}

void LayerTableDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                               const QModelIndex& index) const {
    const Theme& theme = currentTheme();
    const bool isSelected = option.state.testFlag(QStyle::State_Selected);
    painter->save();
    if (isSelected) {
        painter->fillRect(option.rect, theme.selection);
    } else if (option.state.testFlag(QStyle::State_MouseOver)) {
        painter->fillRect(option.rect, theme.hover);
    }
    painter->setPen(theme.border);
    painter->drawLine(option.rect.bottomLeft(), option.rect.bottomRight());
    if (option.state.testFlag(QStyle::State_HasFocus)) {
        painter->setPen(theme.accent);
        painter->drawRect(option.rect.adjusted(0, 0, -1, -1));
    }
    const QRect cell = option.rect.adjusted(kCellPadding, 0, -kCellPadding, -1);
    const QVariant bits = index.data(LayerTableModel::BitsRole);
    if (bits.isValid()) {
        painter->setFont(option.font);
        paintBitsChip(*painter,
                      {cell.left(), cell.center().y() - kChipHeight / 2 + 1, kChipWidth, kChipHeight},
                      bits.toInt());
    } else {
        QString text = index.data(Qt::DisplayRole).toString();
        const bool needsAttention = index.data(LayerTableModel::AttentionRole).toBool();
        const bool isQuiet = text == QLatin1String("–") || index.column() == LayerTableModel::Number;
        if (needsAttention) {
            text.prepend(QStringLiteral("▾ "));
        }
        painter->setPen(needsAttention ? theme.attention : isQuiet ? theme.mutedText : theme.text);
        painter->setFont(option.font);
        painter->drawText(cell, index.data(Qt::TextAlignmentRole).toInt(),
                          option.fontMetrics.elidedText(text, Qt::ElideRight, cell.width()));
    }
    painter->restore();
}

QSize LayerTableDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const int width = index.data(LayerTableModel::BitsRole).isValid()
                          ? kChipWidth
                          : option.fontMetrics.horizontalAdvance(index.data(Qt::DisplayRole).toString());
    // The sign of attention is painted in front of the text.
    const int sign = index.data(LayerTableModel::AttentionRole).toBool()
                         ? option.fontMetrics.horizontalAdvance(QStringLiteral("▾ "))
                         : 0;
    return {width + sign + 2 * kCellPadding + 1, kRowHeight};
}

QWidget* LayerTableDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem&,
                                          const QModelIndex& index) const {
    auto* const combo = new QComboBox(parent);
    combo->addItems(index.data(LayerTableModel::ChoicesRole).toStringList());
    combo->setAccessibleName(index.model()->headerData(index.column(), Qt::Horizontal).toString());
    combo->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    // A choice is final: commit at once instead of waiting for the focus to leave.
    connect(combo, &QComboBox::activated, this, [this, combo] {
        auto* const self = const_cast<LayerTableDelegate*>(this);
        Q_EMIT self->commitData(combo);
        Q_EMIT self->closeEditor(combo);
    });
    QTimer::singleShot(0, combo, &QComboBox::showPopup);
    return combo;
}

void LayerTableDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
    auto* const combo = qobject_cast<QComboBox*>(editor);
    combo->setCurrentIndex(combo->findText(index.data(Qt::EditRole).toString()));
}

void LayerTableDelegate::setModelData(QWidget* editor, QAbstractItemModel* model,
                                      const QModelIndex& index) const {
    auto* const combo = qobject_cast<QComboBox*>(editor);
    if (combo->currentIndex() >= 0) {
        model->setData(index, combo->currentText(), Qt::EditRole);
    }
}

void LayerTableDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                              const QModelIndex&) const {
    QRect box = option.rect;
    box.setWidth(std::max(box.width(), editor->sizeHint().width()));
    editor->setGeometry(box);
}

}  // namespace bitlathe::ui
