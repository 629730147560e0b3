#pragma once

#include <string>

#include "experiments/jobs/job_runner.h"

#include <QWidget>

class QAction;
class QFrame;
class QLabel;
class QProgressBar;
class QSortFilterProxyModel;
class QStackedWidget;
class QTableView;
class QToolButton;
class QVBoxLayout;

namespace bitlathe::plots {
class TrainingCurvePlot;
}

namespace bitlathe::ui {

class JobQueueModel;

/// What runs, with its stage, time left and memory; below it what waits and what is over.
///
/// Keys on the table: Delete cancels the selected jobs, Alt+Up and Alt+Down move a waiting one, Ctrl+C copies
/// the rows.
class JobsPanel final : public QWidget {
    Q_OBJECT

public:
    /// The runner must outlive the panel.
    explicit JobsPanel(experiments::JobRunner& runner, QWidget* parent = nullptr);

    QTableView* table() const noexcept { return m_table; }
    plots::TrainingCurvePlot* trainingCurve() const noexcept { return m_curve; }
    QToolButton* cancelButton() const noexcept { return m_cancel; }
    /// "1 running, 2 waiting"; empty when nothing does.
    QString summary() const;

public Q_SLOTS:
    void cancelRunning();
    void cancelSelected();
    void moveSelected(int direction);  ///< -1 earlier, +1 later
    void copySelection() const;

Q_SIGNALS:
    void summaryChanged();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    QFrame* newRunningCard();
    QWidget* newQueueArea();
    QAction* addTableAction(const QString& text, const QKeySequence& shortcut);
    void refresh();
    void refreshRunning();
    void refreshRoom();
    void refreshCurve();
    void refreshQueueTools();
    void showMessageOfSelection();
    std::vector<experiments::JobId> selectedJobs() const;
    const experiments::JobInfo* runningJob() const;

    experiments::JobRunner& m_runner;
    JobQueueModel* m_model = nullptr;
    QSortFilterProxyModel* m_queue = nullptr;  ///< all but the running job, which has its card
    QStackedWidget* m_stack = nullptr;
    QLabel* m_empty = nullptr;

    QVBoxLayout* m_jobsLayout = nullptr;
    QFrame* m_card = nullptr;
    QLabel* m_name = nullptr;
    QLabel* m_stage = nullptr;
    QProgressBar* m_bar = nullptr;
    QLabel* m_cost = nullptr;
    QToolButton* m_cancel = nullptr;
    plots::TrainingCurvePlot* m_curve = nullptr;  ///< shown while the running job reports epochs

    QWidget* m_queueArea = nullptr;
    QTableView* m_table = nullptr;
    QLabel* m_message = nullptr;
    QAction* m_cancelSelected = nullptr;
    QAction* m_moveUp = nullptr;
    QAction* m_moveDown = nullptr;
    QToolButton* m_clear = nullptr;
};

}  // namespace bitlathe::ui
