#include "ui/dialogs/integer_report_dialog.h"

#include "ui/document/layer_title.h"
#include "ui/models/integer_report_model.h"
#include "ui/panels/panel_parts.h"

#include <QApplication>
#include <QClipboard>
#include <QDialogButtonBox>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QScreen>
#include <QScrollBar>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

namespace {

constexpr int kLeastColumnPx = 78;  ///< room for the headers
constexpr int kLeastWidthPx = 720;
constexpr int kSideMarginPx = 18;
constexpr double kScreenShare = 0.95;

QString accuracyLine(const QString& what, const core::Metric& metric) {
    QString text = IntegerReportDialog::tr("%1\t%2 %").arg(what, QString::number(metric.value, 'f', 2));
    if (metric.lower95 && metric.upper95) {
        text += IntegerReportDialog::tr("\t95 %: %1 to %2, n = %3")
                    .arg(QString::number(*metric.lower95, 'f', 2), QString::number(*metric.upper95, 'f', 2),
                         groupedNumber(metric.samples));
    }
    return text;
}

QString verdictOf(const experiments::IntegerComparison& comparison) {
    const QString of = IntegerReportDialog::tr("%1 of %2 codes differ on %3 images")
                           .arg(groupedNumber(comparison.differing()), groupedNumber(comparison.compared()),
                                groupedNumber(comparison.comparedImages));
    if (comparison.differing() == 0) {
        return of + QLatin1Char('.');
    }
    return comparison.unexplained() == 0
               ? IntegerReportDialog::tr("%1, each where float32 rounds at a boundary.").arg(of)
               : IntegerReportDialog::tr("%1, %2 of them not explained by float32 rounding.")
                     .arg(of, groupedNumber(comparison.unexplained()));
}

}  // namespace

IntegerReportDialog::IntegerReportDialog(const experiments::IntegerComparison& comparison,
                                         const std::string& runName, QWidget* parent)
    : QDialog(parent) {
    setWindowTitle(tr("Integer against fake-quantized: %1").arg(QString::fromStdString(runName)));
    setObjectName(QStringLiteral("integerReportDialog"));
    m_accuracies = {accuracyLine(tr("float"), comparison.floating),
                    accuracyLine(tr("fake-quantized"), comparison.simulated),
                    accuracyLine(tr("integer"), comparison.integer)};
    auto* const accuracyTable = new QGridLayout;
    accuracyTable->setHorizontalSpacing(18);
    accuracyTable->setColumnStretch(2, 1);
    for (int row = 0; row < m_accuracies.size(); ++row) {
        const QStringList cells = m_accuracies[row].split(QLatin1Char('\t'));
        for (int column = 0; column < cells.size(); ++column) {
            auto* const cell = new QLabel(cells[column], this);
            cell->setTextInteractionFlags(Qt::TextSelectableByMouse);
            cell->setProperty("role", column == 1 ? QString() : QStringLiteral("muted"));
            accuracyTable->addWidget(cell, row, column, column == 1 ? Qt::AlignRight : Qt::AlignLeft);
        }
    }
    m_verdict = new QLabel(verdictOf(comparison), this);
    m_verdict->setWordWrap(true);
    m_verdict->setProperty("role", comparison.unexplained() == 0 ? QStringLiteral("good")
                                                                 : QStringLiteral("attention"));
    m_table = newPanelTable(tr("Codes by layer"), this);
    m_table->setFrameShape(QFrame::StyledPanel);
    m_table->setModel(new IntegerReportModel(comparison.layers, m_table));
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setMinimumSectionSize(kLeastColumnPx);
    m_table->horizontalHeader()->setStretchLastSection(true);

    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    QPushButton* const copy = buttons->addButton(tr("Copy text"), QDialogButtonBox::ActionRole);
    copy->setAutoDefault(false);
    buttons->button(QDialogButtonBox::Close)->setDefault(true);
    buttons->button(QDialogButtonBox::Close)->setFocus();
    connect(copy, &QPushButton::clicked, this, [this] { QApplication::clipboard()->setText(asText()); });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(kSideMarginPx, 18, kSideMarginPx, 14);
    column->setSpacing(12);
    column->addLayout(accuracyTable);
    column->addWidget(m_verdict);
    column->addWidget(m_table, 1);
    column->addWidget(buttons);
    // As wide as the explanations, as far as the screen goes.
    int wanted =
        2 * kSideMarginPx + m_table->verticalScrollBar()->sizeHint().width() + 2 * m_table->frameWidth();
    for (int section = 0; section < m_table->model()->columnCount(); ++section) {
        wanted += std::max(m_table->horizontalHeader()->sectionSizeHint(section),
                           static_cast<QAbstractItemView*>(m_table)->sizeHintForColumn(section));
    }
    const QSize room = screen()->availableGeometry().size() * kScreenShare;
    resize(std::min(std::max(wanted, kLeastWidthPx), room.width()), std::min(620, room.height()));
}

QString IntegerReportDialog::accuracies() const {
    return m_accuracies.join(QLatin1Char('\n'));
}

QString IntegerReportDialog::verdict() const {
    return m_verdict->text();
}

QString IntegerReportDialog::asText() const {
    QString text =
        windowTitle() + QLatin1Char('\n') + accuracies() + QLatin1Char('\n') + verdict() + QLatin1Char('\n');
    const QAbstractItemModel& model = *m_table->model();
    for (int row = -1; row < model.rowCount(); ++row) {
        QStringList cells;
        for (int column = 0; column < model.columnCount(); ++column) {
            cells += row < 0 ? model.headerData(column, Qt::Horizontal).toString()
                             : model.index(row, column).data().toString();
        }
        text += cells.join(QLatin1Char('\t')) + QLatin1Char('\n');
    }
    return text;
}

}  // namespace bitlathe::ui
