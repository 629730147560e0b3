#pragma once

#include <QWidget>

class QLabel;
class QPushButton;
class QStackedWidget;
class QTableView;

namespace bitlathe::ui {

class LayerErrorModel;
class Workbench;

/// Measured error by layer, isolated and accumulated, side by side. Where the two part, earlier layers are to
/// blame.
class ErrorPage final : public QWidget {
    Q_OBJECT

public:
    explicit ErrorPage(Workbench& workbench, QWidget* parent = nullptr);

private:
    void refresh();
    void followSelection();

    Workbench& m_workbench;
    LayerErrorModel* m_model = nullptr;
    QTableView* m_table = nullptr;
    QStackedWidget* m_pages = nullptr;
    QLabel* m_note = nullptr;
    QLabel* m_empty = nullptr;
    QPushButton* m_measure = nullptr;
    QPushButton* m_again = nullptr;
    bool m_isSyncing = false;
};

}  // namespace bitlathe::ui
