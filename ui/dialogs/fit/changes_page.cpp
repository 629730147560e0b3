#include "ui/dialogs/fit/changes_page.h"

#include "ui/models/fit_change_model.h"
#include "ui/models/layer_table_delegate.h"
#include "ui/models/layer_table_model.h"
#include "ui/models/row_background.h"
#include "ui/panels/panel_parts.h"
#include "ui/settings/theme.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QVBoxLayout>

#include <utility>

namespace bitlathe::ui {

/// All rows, or those that change.
class FitChangeFilter final : public QSortFilterProxyModel {
public:
    using QSortFilterProxyModel::QSortFilterProxyModel;

    void setOnlyChanges(bool isOn) {
        m_isOnlyChanges = isOn;
        invalidateFilter();
    }

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override {
        return !m_isOnlyChanges ||
               sourceModel()->index(row, 0, parent).data(FitChangeModel::ChangedRole).toBool();
    }

private:
    bool m_isOnlyChanges = true;
};

namespace {

constexpr int kChipWidth = 25;
constexpr int kChipHeight = 17;
constexpr int kPadding = 8;

/// Bits as chips; what a proposal changes has a ring around it.
class ChangeDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const Theme& theme = currentTheme();
        painter->save();
        paintRowBackground(*painter, option);
        const QRect cell = option.rect.adjusted(kPadding, 0, -kPadding, -1);
        painter->setFont(option.font);
        if (const QVariant bits = index.data(LayerTableModel::BitsRole); bits.isValid()) {
            const QRect chip(cell.left(), cell.center().y() - kChipHeight / 2 + 1, kChipWidth, kChipHeight);
            paintBitsChip(*painter, chip, bits.toInt());
            if (isChange(index, bits)) {
                painter->setRenderHint(QPainter::Antialiasing);
                painter->setPen(QPen(theme.attention, 1.5));
                painter->drawRoundedRect(QRectF(chip).adjusted(-2, -2, 2, 2), 5, 5);
            }
        } else {
            const bool isQuiet = !index.data(FitChangeModel::ChangedRole).toBool();
            painter->setPen(isQuiet ? theme.mutedText : theme.text);
            painter->drawText(
                cell, index.data(Qt::TextAlignmentRole).toInt(),
                option.fontMetrics.elidedText(index.data().toString(), Qt::ElideRight, cell.width()));
        }
        painter->restore();
    }
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const bool isChip = index.data(LayerTableModel::BitsRole).isValid();
        const int width = isChip ? kChipWidth : option.fontMetrics.horizontalAdvance(index.data().toString());
        return {width + 2 * kPadding + 4, LayerTableDelegate::kRowHeight};
    }

private:
    static bool isChange(const QModelIndex& index, const QVariant& bits) {
        const bool isAfter =
            index.column() == FitChangeModel::WeightAfter || index.column() == FitChangeModel::OutputAfter;
        return isAfter && index.siblingAtColumn(index.column() - 1).data(LayerTableModel::BitsRole) != bits;
    }
};

}  // namespace

FitChangesPage::FitChangesPage(QWidget* parent)
    : QWidget(parent), m_model(new FitChangeModel(this)), m_filter(new FitChangeFilter(this)) {
    m_filter->setSourceModel(m_model);
    m_table = newPanelTable(tr("Bits before and after"), this);
    m_table->setFrameShape(QFrame::StyledPanel);
    m_table->setModel(m_filter);
    m_table->setItemDelegate(new ChangeDelegate(m_table));
    m_table->verticalHeader()->setDefaultSectionSize(LayerTableDelegate::kRowHeight);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(FitChangeModel::Name, QHeaderView::Stretch);
    for (int column = FitChangeModel::WeightBefore; column <= FitChangeModel::OutputAfter; ++column) {
        m_table->horizontalHeader()->setSectionResizeMode(column, QHeaderView::Fixed);
        m_table->setColumnWidth(column,
                                m_table->fontMetrics().horizontalAdvance(tr("W then")) + 4 * kPadding);
    }
    m_summary = new QLabel(this);
    m_onlyChanges = new QCheckBox(tr("Only &layers that change"), this);
    m_onlyChanges->setChecked(true);
    connect(m_onlyChanges, &QCheckBox::toggled, m_filter, &FitChangeFilter::setOnlyChanges);

    auto* const head = new QHBoxLayout;
    head->setContentsMargins(0, 8, 0, 0);
    head->addWidget(m_summary, 1);
    head->addWidget(m_onlyChanges);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->addLayout(head);
    column->addWidget(m_table, 1);
}

void FitChangesPage::setChanges(std::vector<FitChange> changes) {
    m_model->setChanges(std::move(changes));
    m_filter->invalidate();
}

const std::vector<FitChange>& FitChangesPage::changes() const {
    return m_model->changes();
}

int FitChangesPage::changedCount() const {
    return m_model->changedCount();
}

void FitChangesPage::setSummary(const QString& text) {
    m_summary->setText(text);
}

}  // namespace bitlathe::ui
