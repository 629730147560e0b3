#include "ui/models/model_node_delegate.h"

#include "ui/models/layer_tree_model.h"
#include "ui/settings/theme.h"

#include <QPainter>
#include <QPainterPath>
#include <QTreeView>

#include <algorithm>

namespace bitlathe::ui {

namespace {

constexpr int kTopHeight = 32;
constexpr int kChildHeight = 26;
constexpr int kBoxHeight = 22;
constexpr int kChildBoxHeight = 19;
constexpr int kMaxBoxWidth = 190;
constexpr int kMarkSize = 18;

QRect boxRect(const QRect& row, bool isChild, bool isEnd) {
    const int margin = isChild ? 24 : isEnd ? 28 : 14;
    const int width = std::min(row.width() - 2 * margin, isChild ? kMaxBoxWidth - 28
                                                         : isEnd ? 150
                                                                 : kMaxBoxWidth);
    const int height = isChild ? kChildBoxHeight : kBoxHeight;
    return {row.center().x() - width / 2, row.center().y() - height / 2 + 1, width, height};
}

bool isLastRow(const QModelIndex& index) {
    return !index.parent().isValid() && index.row() == index.model()->rowCount() - 1;
}

}  // namespace

QRect blockMarkRect(const QRect& row) {
    const QRect box = boxRect(row, false, false);
    return {box.left() + 2, box.center().y() - kMarkSize / 2, kMarkSize, kMarkSize};
}

void ModelNodeDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const {
    using Kind = LayerTreeModel::NodeKind;
    const Theme& theme = currentTheme();
    const auto kind = static_cast<Kind>(index.data(LayerTreeModel::NodeKindRole).toInt());
    const bool isChild = index.parent().isValid();
    const bool isEnd = kind == Kind::Input || kind == Kind::Output;
    const bool isSelected = option.state.testFlag(QStyle::State_Selected);
    const bool isHovered = option.state.testFlag(QStyle::State_MouseOver);
    const QRect row = option.rect;
    const QRect box = boxRect(row, isChild, isEnd);

    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(QPen(theme.border, 1.2));
    const int x = row.center().x();
    if (kind != Kind::Input) {
        painter->drawLine(x, row.top(), x, box.top());
    }
    if (!isLastRow(index)) {
        painter->drawLine(x, box.bottom(), x, row.bottom() + 1);
    }

    const QVariant bits = index.data(LayerTreeModel::BitsRole);
    const std::optional<int> width =
        bits.isValid() && bits.toInt() > 0 ? std::optional<int>(bits.toInt()) : std::nullopt;
    const QColor fill = isEnd || !width ? theme.surface : theme.bitsFill(width);
    const QColor ink = isEnd || !width ? theme.text : theme.bitsText(width);
    painter->setBrush(fill);
    painter->setPen(isSelected ? QPen(theme.accent, 2.0)
                               : QPen(isHovered         ? theme.mutedText
                                      : width && !isEnd ? fill.darker(106)
                                                        : theme.border,
                                      1));
    const double radius = isEnd ? box.height() / 2.0 : 4.0;
    painter->drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);

    QFont font = option.font;
    font.setPixelSize(isChild ? 11 : 12);
    if (isSelected) {
        font.setWeight(QFont::DemiBold);
    }
    painter->setFont(font);
    painter->setPen(ink);
    const QRect text = box.adjusted(isChild || isEnd ? 8 : 22, 0, isEnd ? -8 : -22, 0);
    painter->drawText(
        text, Qt::AlignCenter,
        painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideMiddle, text.width()));
    if (bits.isValid() && !isEnd) {
        QColor quiet = ink;
        quiet.setAlphaF(0.75F);
        painter->setPen(quiet);
        font.setPixelSize(10);
        painter->setFont(font);
        painter->drawText(box.adjusted(0, 0, -7, 0), Qt::AlignVCenter | Qt::AlignRight,
                          width ? QString::number(*width) : QStringLiteral("F"));
    }
    if (kind == Kind::Block) {
        const auto* const view = qobject_cast<const QTreeView*>(option.widget);
        const bool isOpen = view != nullptr && view->isExpanded(index);
        const QPointF center = QRectF(blockMarkRect(row)).center();
        QPainterPath chevron;
        if (isOpen) {
            chevron.moveTo(center + QPointF(-3.5, -1.5));
            chevron.lineTo(center + QPointF(0, 2));
            chevron.lineTo(center + QPointF(3.5, -1.5));
        } else {
            chevron.moveTo(center + QPointF(-1.5, -3.5));
            chevron.lineTo(center + QPointF(2, 0));
            chevron.lineTo(center + QPointF(-1.5, 3.5));
        }
        painter->setBrush(Qt::NoBrush);
        painter->setPen(QPen(ink, 1.3));
        painter->drawPath(chevron);
    }
    painter->restore();
}

QSize ModelNodeDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const {
    return {120, index.parent().isValid() ? kChildHeight : kTopHeight};
}

}  // namespace bitlathe::ui
