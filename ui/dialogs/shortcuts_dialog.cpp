#include "ui/dialogs/shortcuts_dialog.h"

#include <QAction>
#include <QDialogButtonBox>
#include <QHeaderView>
#include <QMenu>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

/// "&Open…" as it reads.
QString plainText(QString text) {
    text.truncate(text.indexOf(QLatin1Char('\t')) < 0 ? text.size() : text.indexOf(QLatin1Char('\t')));
    return text.remove(QLatin1Char('&')).remove(QStringLiteral("…"));
}

/// Of the action, or where another object listens for it, written behind the text.
QString keysOf(const QAction& action) {
    QStringList keys;
    for (const QKeySequence& sequence : action.shortcuts()) {
        keys += sequence.toString(QKeySequence::NativeText);
    }
    return keys.isEmpty() ? action.text().section(QLatin1Char('\t'), 1)
                          : keys.join(ShortcutsDialog::tr(" or "));
}

}  // namespace

ShortcutsDialog::ShortcutsDialog(const QList<QAction*>& menus, QWidget* parent)
    : QDialog(parent), m_table(new QTableWidget(0, 3, this)) {
    setWindowTitle(tr("Keyboard shortcuts"));
    setObjectName(QStringLiteral("shortcutsDialog"));
    m_table->setAccessibleName(windowTitle());
    m_table->setHorizontalHeaderLabels({tr("Where"), tr("Keys"), tr("What")});
    m_table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    m_table->horizontalHeader()->setStretchLastSection(true);
    m_table->verticalHeader()->hide();
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setShowGrid(false);
    m_table->setTabKeyNavigation(false);
    for (const QAction* const action : menus) {
        if (action->menu() != nullptr) {
            addMenu(plainText(action->text()), *action->menu());
        }
    }
    const QString table = tr("Layer table");
    addRow(table, tr("2 … 8, F"), tr("Bits of the selected layers' weights; F for float"));
    addRow(table, tr("Shift+2 … 8, Shift+F"), tr("Bits of the selected layers' outputs"));
    addRow(table, tr("Enter"), tr("Edit the cell"));
    addRow(table, tr("Esc"), tr("Select nothing"));
    const QString histogram = tr("Histogram");
    addRow(histogram, tr("Left, Right"), tr("Move the clip handle in use by one bar"));
    addRow(histogram, tr("Shift+Left, Shift+Right"), tr("Move it by ten bars"));
    addRow(histogram, tr("Esc"), tr("Back to where the drag began"));
    m_table->resizeColumnsToContents();

    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(12);
    column->addWidget(m_table, 1);
    column->addWidget(buttons);
    resize(620, 560);
}

void ShortcutsDialog::addRow(const QString& place, const QString& keys, const QString& what) {
    const int row = m_table->rowCount();
    m_table->insertRow(row);
    int column = 0;
    for (const QString& text : {place, keys, what}) {
        m_table->setItem(row, column++, new QTableWidgetItem(text));
    }
}

void ShortcutsDialog::addMenu(const QString& place, const QMenu& menu) {
    for (const QAction* const action : menu.actions()) {
        if (action->menu() != nullptr) {
            addMenu(place, *action->menu());
        } else if (const QString keys = keysOf(*action); !keys.isEmpty()) {
            addRow(place, keys, plainText(action->text()));
        }
    }
}

}  // namespace bitlathe::ui
