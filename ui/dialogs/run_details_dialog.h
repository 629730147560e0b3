#pragma once

#include <string>

#include "experiments/store/experiment_log.h"

#include <QDialog>

class QTreeWidget;

namespace bitlathe::plots {
class TrainingCurvePlot;
}

namespace bitlathe::ui {

/// Everything the log knows of one run: its training curve where it was trained, results, what was run,
/// environment, files. All of it can be copied.
class RunDetailsDialog final : public QDialog {
    Q_OBJECT

public:
    /// Errors  LogError: no such run.
    RunDetailsDialog(const experiments::ExperimentLog& log, experiments::RunId id, QWidget* parent = nullptr);

    /// Null for a run that trained nothing.
    plots::TrainingCurvePlot* trainingCurve() const noexcept { return m_curve; }
    /// Groups, names and values, one line each.
    QString asText() const;

private:
    void addCurve(const std::vector<experiments::MetricStep>& steps);
    void addGroup(const QString& title, const std::vector<std::pair<QString, QString>>& rows);

    QTreeWidget* m_tree = nullptr;
    plots::TrainingCurvePlot* m_curve = nullptr;
};

}  // namespace bitlathe::ui
