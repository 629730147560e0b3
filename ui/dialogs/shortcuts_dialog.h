#pragma once

#include <QDialog>
#include <QList>
#include <QString>

class QAction;
class QMenu;
class QTableWidget;

namespace bitlathe::ui {

/// Every key of the window: those of the menus, read from the menus themselves, and those of the layer table and the
/// histogram, which no menu shows.
class ShortcutsDialog final : public QDialog {
    Q_OBJECT

public:
    explicit ShortcutsDialog(const QList<QAction*>& menus, QWidget* parent = nullptr);

    QTableWidget* table() const noexcept { return m_table; }

private:
    void addRow(const QString& place, const QString& keys, const QString& what);
    void addMenu(const QString& place, const QMenu& menu);

    QTableWidget* m_table;
};

}  // namespace bitlathe::ui
