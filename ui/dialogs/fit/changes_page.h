#pragma once

#include <string>

#include "ui/document/fit_proposal.h"

#include <QWidget>

class QCheckBox;
class QLabel;
class QTableView;

namespace bitlathe::ui {

class FitChangeFilter;
class FitChangeModel;

/// Each layer's bits before and after a proposal, those that change with a ring around them; all layers or the changed
/// ones.
class FitChangesPage final : public QWidget {
    Q_OBJECT

public:
    explicit FitChangesPage(QWidget* parent = nullptr);

    QTableView* table() const noexcept { return m_table; }
    void setChanges(std::vector<FitChange> changes);
    const std::vector<FitChange>& changes() const;
    int changedCount() const;
    /// One sentence above the table.
    void setSummary(const QString& text);

private:
    FitChangeModel* m_model;
    FitChangeFilter* m_filter;
    QTableView* m_table = nullptr;
    QLabel* m_summary = nullptr;
    QCheckBox* m_onlyChanges = nullptr;
};

}  // namespace bitlathe::ui
