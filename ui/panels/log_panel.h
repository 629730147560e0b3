#pragma once

#include <string>

#include "ui/models/log_model.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QStackedWidget;
class QTableView;

namespace bitlathe::ui {

class LogFilterModel;

/// The program's log: level filter, search, copy, clear. Follows the newest line while `Follow` is on;
/// scrolling up switches it off, scrolling to the end on again.
class LogPanel final : public QWidget {
    Q_OBJECT

public:
    explicit LogPanel(LogModel& model, QWidget* parent = nullptr);

    QTableView* table() const noexcept { return m_table; }
    /// The selected lines, all shown ones without a selection, as text.
    QString selectedText() const;

public Q_SLOTS:
    void copySelection() const;
    void focusSearch();

private:
    void buildToolRow();
    void buildTable();
    void updateEmptyState();
    void followNewest();
    void watchScrolling(int value);

    LogModel& m_model;
    LogFilterModel* m_filter = nullptr;
    QComboBox* m_level = nullptr;
    QLineEdit* m_search = nullptr;
    QCheckBox* m_follow = nullptr;
    QTableView* m_table = nullptr;
    QLabel* m_empty = nullptr;
    QStackedWidget* m_stack = nullptr;
};

}  // namespace bitlathe::ui
