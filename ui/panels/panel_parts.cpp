#include "ui/panels/panel_parts.h"

#include "ui/settings/theme.h"

#include <QAction>
#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

constexpr int kLeastBoxPx = 64;

/// Cells whose text stands where the header's does, without a ring around the current cell of a selected row:
/// rows are what these tables select.
class RowDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        QStyleOptionViewItem cell = option;
        const bool isSelected = cell.state.testFlag(QStyle::State_Selected);
        const bool hasRing = cell.state.testFlag(QStyle::State_HasFocus) && !isSelected;
        cell.state.setFlag(QStyle::State_HasFocus, false);
        if (isSelected) {
            painter->fillRect(cell.rect, cell.palette.brush(QPalette::Highlight));
        }
        cell.rect.adjust(kPadding, 0, -kPadding, 0);
        QStyledItemDelegate::paint(painter, cell, index);
        if (hasRing) {
            painter->setPen(currentTheme().accent);
            painter->drawRect(option.rect.adjusted(0, 0, -1, -1));
        }
    }
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        return QStyledItemDelegate::sizeHint(option, index) + QSize(2 * kPadding, 0);
    }

private:
    static constexpr int kPadding = 3;
};

QLabel* newMutedLabel(QWidget* parent) {
    auto* const label = new QLabel(parent);
    label->setProperty("role", QStringLiteral("muted"));
    return label;
}

}  // namespace

QHBoxLayout* newToolRow(QVBoxLayout& panel) {
    auto* const row = new QHBoxLayout;
    row->setContentsMargins(8, 6, 8, 6);
    row->setSpacing(6);
    panel.addLayout(row);
    return row;
}

QToolButton* newToolButton(const QString& text, const QString& toolTip, QWidget* parent) {
    auto* const button = new QToolButton(parent);
    button->setText(text);
    button->setToolTip(toolTip);
    button->setAccessibleName(text);
    button->setAccessibleDescription(toolTip);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

QLineEdit* newSearchEdit(const QString& placeholder, QWidget* parent) {
    auto* const edit = new QLineEdit(parent);
    edit->setPlaceholderText(placeholder);
    edit->setAccessibleName(placeholder);
    edit->setClearButtonEnabled(true);
    auto* const clear = new QAction(edit);
    clear->setShortcut(Qt::Key_Escape);
    clear->setShortcutContext(Qt::WidgetShortcut);
    QObject::connect(clear, &QAction::triggered, edit, &QLineEdit::clear);
    edit->addAction(clear);
    return edit;
}

QTableView* newPanelTable(const QString& accessibleName, QWidget* parent) {
    auto* const table = new QTableView(parent);
    table->setAccessibleName(accessibleName);
    table->setItemDelegate(new RowDelegate(table));
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setSelectionMode(QAbstractItemView::ExtendedSelection);
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setShowGrid(false);
    table->setWordWrap(false);
    table->setFrameShape(QFrame::NoFrame);
    table->setTabKeyNavigation(false);
    table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    table->setTextElideMode(Qt::ElideRight);
    table->verticalHeader()->hide();
    table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table->verticalHeader()->setDefaultSectionSize(table->fontMetrics().height() + 10);
    table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    table->horizontalHeader()->setHighlightSections(false);
    table->horizontalHeader()->setSectionsMovable(true);
    return table;
}

QLabel* newEmptyStateLabel(QWidget* parent) {
    auto* const label = newMutedLabel(parent);
    label->setAlignment(Qt::AlignCenter);
    label->setWordWrap(true);
    label->setContentsMargins(24, 16, 24, 16);
    return label;
}

void keepNarrow(QComboBox& box) {
    box.setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    box.setMinimumContentsLength(5);
    box.setMinimumWidth(kLeastBoxPx);
    box.setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QLabel* newCaption(QWidget* parent) {
    return newMutedLabel(parent);
}

}  // namespace bitlathe::ui
