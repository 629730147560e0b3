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
/// take and what memory it needs; pause, stop and keep the best, cancel. Shows the last training until the next one.
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
    /// The line above the curves as plain text.
    QString figures() const;
    /// "epoch 2 of 5"; empty where nothing trains.
    QString summary() const;

Q_SIGNALS:
    void summaryChanged();
    /// The first report of a training came in.
    void trainingStarted();

private:
    QWidget* newHead();
    const experiments::JobInfo* job() const;
    void takeStep(experiments::JobId id);
    void follow(experiments::JobId id);
    void refresh();
    void refreshFigures();
    void refreshCurves();

    experiments::JobRunner& m_runner;
    experiments::JobId m_job;  ///< the training shown
    QStackedWidget* m_pages = nullptr;
    QLabel* m_name = nullptr;
    QLabel* m_figures = nullptr;
    QProgressBar* m_bar = nullptr;
    QToolButton* m_pause = nullptr;
    QToolButton* m_stop = nullptr;
    QToolButton* m_cancel = nullptr;
    plots::TrainingCurvePlot* m_curve = nullptr;
    plots::SeriesPlot* m_ranges = nullptr;
    std::size_t m_shownSteps = 0;
};

}  // namespace bitlathe::ui
