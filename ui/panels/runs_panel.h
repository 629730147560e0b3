#pragma once

#include <string>

#include "experiments/store/experiment_log.h"

#include <QWidget>

#include <memory>
#include <vector>

class QAction;
class QComboBox;
class QLabel;
class QLineEdit;
class QStackedWidget;
class QTableView;
class QTimer;
class QToolButton;

namespace bitlathe::ui {

class RunTableModel;

/// The runs of the experiment log, newest first, with search, status filter and sorting in the database.
/// Follows what other connections write while it is shown.
///
/// Keys on the table: Enter details, F2 rename, Delete remove (asks first), Ctrl+C copy as tab-separated
/// values.
class RunsPanel final : public QWidget {
    Q_OBJECT

public:
    explicit RunsPanel(QWidget* parent = nullptr);

    /// A connection of the GUI thread, shared with the other panels that read it. Null: no log.
    void setLog(std::shared_ptr<experiments::ExperimentLog> log);

    QTableView* table() const noexcept { return m_table; }
    RunTableModel* model() const noexcept { return m_model; }
    std::vector<experiments::RunId> selectedRuns() const;
    /// "128 runs", "12 of 128 runs".
    QString summary() const;
    /// Selected rows, all without a selection.
    QString selectionAsText() const;

public Q_SLOTS:
    void refresh();
    void focusSearch();
    void copySelection() const;
    /// Asks for a file and writes every run the filter lets through as CSV.
    void exportCsv();
    /// Writes the same to `path`. False after failed().
    bool writeCsv(const QString& path);
    /// Asks, then removes the selected runs.
    void removeSelected();

Q_SIGNALS:
    void summaryChanged();
    /// Two or more runs are selected: emitted on every change of such a selection.
    void compareRequested(const std::vector<bitlathe::experiments::RunId>& ids);
    /// The user wants to see the comparison: bring it to the front.
    void showComparisonRequested();
    void detailsRequested(bitlathe::experiments::RunId id);
    void openRecipeRequested(bitlathe::experiments::RunId id);
    void rerunRequested(bitlathe::experiments::RunId id);
    void exportRequested(bitlathe::experiments::RunId id);
    void integerReportRequested(bitlathe::experiments::RunId id);
    /// Of a run that kept a trained model.
    void openTrainedRequested(bitlathe::experiments::RunId id);
    /// Of a training that ended before its time.
    void resumeRequested(bitlathe::experiments::RunId id);
    /// The log or a file could not be read or written: what, where, what to do.
    void failed(const QString& text);

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    void buildToolRow();
    void buildTable();
    void buildActions();
    QAction* addAction(const QString& text, const QKeySequence& shortcut = {});
    void applyFilter();
    void updateState();
    void selectionChanged();
    void refreshTrainingActions();

    RunTableModel* m_model = nullptr;
    QLineEdit* m_search = nullptr;
    QComboBox* m_status = nullptr;
    QLabel* m_count = nullptr;
    QToolButton* m_compareButton = nullptr;
    QToolButton* m_exportButton = nullptr;
    QTableView* m_table = nullptr;
    QLabel* m_empty = nullptr;
    QStackedWidget* m_stack = nullptr;
    QTimer* m_poll = nullptr;
    bool m_hasLog = false;
    std::vector<experiments::RunId> m_compared;  ///< the selection compareRequested last spoke of
    std::vector<QAction*> m_singleActions;       ///< need exactly one run
    std::shared_ptr<experiments::ExperimentLog> m_log;
    QAction* m_openTrained = nullptr;
    QAction* m_resume = nullptr;
    QAction* m_compare = nullptr;
    QAction* m_remove = nullptr;
};

}  // namespace bitlathe::ui
