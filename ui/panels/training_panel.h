#pragma once

#include <string>

#include "experiments/jobs/job_runner.h"

#include <QWidget>

class QLabel;
class QProgressBar;
class QStackedWidget;
class QToolButton;

namespace bitlathe::plots {
class SeriesPlot;
class TrainingCurvePlot;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

/// A training in progress: its loss and accuracy, the ranges its quantizers learn, how fast it goes, how long it will
/// take and what memory it needs; pause, stop and keep the best, cancel. A training that waits for something (a full
/// disk) or has failed says why and what to do. Shows the last training until the next one; what it made can be opened.
class TrainingPanel final : public QWidget {
    Q_OBJECT

public:
    /// The runner must outlive the panel.
    explicit TrainingPanel(experiments::JobRunner& runner, QWidget* parent = nullptr);

    plots::TrainingCurvePlot* curve() const noexcept { return m_curve; }
    plots::SeriesPlot* ranges() const noexcept { return m_ranges; }
    QToolButton* pauseButton() const noexcept { return m_pause; }
    QToolButton* stopButton() const noexcept { return m_stop; }
    QToolButton* cancelButton() const noexcept { return m_cancel; }
    /// Once the training is over: open what it made, or begin again.
    QToolButton* openButton() const noexcept { return m_open; }
    QToolButton* againButton() const noexcept { return m_again; }
    /// Why it waits or failed, and what to do; empty when all is well.
    QString message() const;
    /// The line above the curves as plain text.
    QString figures() const;
    /// "epoch 2 of 5"; empty where nothing trains.
    QString summary() const;

Q_SIGNALS:
    void summaryChanged();
    /// The first report of a training came in.
    void trainingStarted();
    void openTrainedRequested(bitlathe::experiments::RunId run);
    void trainAgainRequested();

private:
    QWidget* newHead();
    const experiments::JobInfo* job() const;
    void takeStep(experiments::JobId id);
    void follow(experiments::JobId id);
    void refresh();
    void refreshFigures();
    void refreshButtons(const experiments::JobInfo& shown);
    QString messageOf(const experiments::JobInfo& shown) const;
    void refreshCurves();

    experiments::JobRunner& m_runner;
    experiments::JobId m_job;  ///< the training shown
    experiments::RunId m_run;  ///< what it came to; none before its end
    QStackedWidget* m_pages = nullptr;
    QLabel* m_name = nullptr;
    QLabel* m_figures = nullptr;
    QProgressBar* m_bar = nullptr;
    QToolButton* m_pause = nullptr;
    QToolButton* m_stop = nullptr;
    QToolButton* m_cancel = nullptr;
    QToolButton* m_open = nullptr;
    QToolButton* m_again = nullptr;
    QLabel* m_message = nullptr;
    plots::TrainingCurvePlot* m_curve = nullptr;
    plots::SeriesPlot* m_ranges = nullptr;
    std::size_t m_shownSteps = 0;
};

}  // namespace bitlathe::ui
