#include "ui/panels/error_page.h"

#include "ui/document/workbench.h"
#include "ui/models/layer_error_model.h"
#include "ui/models/row_background.h"
#include "ui/settings/theme.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QStackedWidget>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

constexpr int kRowHeight = 24;

/// The figure with a bar of the noise behind it: longer is worse.
class NoiseDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const Theme& theme = currentTheme();
        painter->save();
        paintRowBackground(*painter, option);
        const QRect cell = option.rect.adjusted(8, 0, -8, -1);
        if (const QVariant share = index.data(LayerErrorModel::ShareRole); share.isValid()) {
            QColor ink = theme.accent;
            ink.setAlphaF(0.35F);
            painter->fillRect(
                QRectF(cell.left(), cell.center().y() - 5, (cell.width() - 44) * share.toDouble(), 11), ink);
        }
        painter->setPen(theme.text);
        painter->drawText(
            cell, index.data(Qt::TextAlignmentRole).toInt(),
            option.fontMetrics.elidedText(index.data().toString(), Qt::ElideRight, cell.width()));
        painter->restore();
    }
};

}  // namespace

ErrorPage::ErrorPage(Workbench& workbench, QWidget* parent) : QWidget(parent), m_workbench(workbench) {
    m_model = new LayerErrorModel(workbench, this);
    m_table = new QTableView(this);
    m_table->setAccessibleName(tr("Measured error by layer"));
    m_table->setModel(m_model);
    m_table->setItemDelegate(new NoiseDelegate(m_table));
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setShowGrid(false);
    m_table->setWordWrap(false);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(kRowHeight);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_table->horizontalHeader()->setHighlightSections(false);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex& index) {
                if (!m_isSyncing && index.isValid()) {
                    m_isSyncing = true;
                    m_workbench.selection().selectOnly(
                        core::LayerId(index.data(LayerErrorModel::LayerRole).toString().toStdString()));
                    m_isSyncing = false;
                }
            });
    m_note = new QLabel(this);
    m_note->setProperty("role", QStringLiteral("muted"));
    m_note->setWordWrap(true);
    m_again = new QPushButton(tr("Measure again"), this);

    auto* const measured = new QWidget(this);
    auto* const rows = new QVBoxLayout(measured);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    auto* const bar = new QHBoxLayout;
    bar->setContentsMargins(12, 8, 12, 8);
    bar->addWidget(m_note, 1);
    bar->addWidget(m_again);
    rows->addLayout(bar);
    rows->addWidget(m_table, 1);

    auto* const nothing = new QWidget(this);
    m_empty = new QLabel(nothing);
    m_empty->setProperty("role", QStringLiteral("muted"));
    m_empty->setWordWrap(true);
    m_empty->setAlignment(Qt::AlignCenter);
    m_measure = new QPushButton(tr("Measure layer errors"), nothing);
    auto* const column = new QVBoxLayout(nothing);
    column->setContentsMargins(24, 24, 24, 24);
    column->setSpacing(12);
    column->addStretch();
    column->addWidget(m_empty);
    column->addWidget(m_measure, 0, Qt::AlignHCenter);
    column->addStretch();

    m_pages = new QStackedWidget(this);
    m_pages->addWidget(nothing);
    m_pages->addWidget(measured);
    auto* const page = new QVBoxLayout(this);
    page->setContentsMargins(0, 0, 0, 0);
    page->addWidget(m_pages);

    for (QPushButton* const button : {m_measure, m_again}) {
        connect(button, &QPushButton::clicked, &workbench, &Workbench::measureLayerErrors);
    }
    QuantDocument& document = workbench.document();
    connect(&workbench, &Workbench::layerErrorsChanged, this, &ErrorPage::refresh);
    connect(&document, &QuantDocument::budgetChanged, this, &ErrorPage::refresh);
    connect(&document, &QuantDocument::statisticsChanged, this, &ErrorPage::refresh);
    connect(&workbench.selection(), &Selection::currentChanged, this, &ErrorPage::followSelection);
    refresh();
}

void ErrorPage::refresh() {
    const bool isCalibrated = m_workbench.document().statistics() != nullptr;
    const bool isMeasured = m_workbench.layerErrors() != nullptr;
    m_pages->setCurrentIndex(isMeasured ? 1 : 0);
    m_measure->setEnabled(isCalibrated);
    m_again->setEnabled(isCalibrated);
    m_empty->setText(
        !m_workbench.document().hasModel() ? tr("Open a model to measure it.")
        : isCalibrated ? tr("How much error does each layer add, and how much does it inherit? Runs the test "
                            "images through the model once per layer.")
                       : tr("Not calibrated yet. Press Calibrate (F7) first."));
    if (isMeasured) {
        m_note->setText(m_workbench.areLayerErrorsStale()
                            ? tr("Measured before the latest edits.")
                            : tr("SQNR on %1 test images; longer bars are worse.")
                                  .arg(m_workbench.layerErrors()->samples));
        m_note->setProperty("role", m_workbench.areLayerErrorsStale() ? QStringLiteral("attention")
                                                                      : QStringLiteral("muted"));
        m_note->style()->polish(m_note);
        followSelection();
    }
}

void ErrorPage::followSelection() {
    const int row = m_model->rowOf(m_workbench.selection().current());
    if (!m_isSyncing && row >= 0) {
        m_isSyncing = true;
        m_table->selectRow(row);
        m_isSyncing = false;
    }
}

}  // namespace bitlathe::ui
