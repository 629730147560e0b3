#pragma once

#include <string>

#include "experiments/jobs/job_runner.h"

#include <QAbstractTableModel>

#include <vector>

namespace bitlathe::ui {

/// The jobs of a JobRunner as rows: what runs, what waits in its order, then what is over, newest first.
class JobQueueModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { State, Name, Detail, Time, kColumnCount };
    enum Role { JobIdRole = Qt::UserRole + 1, StateRole };  ///< qint64; int of JobState

    /// The runner must outlive the model.
    explicit JobQueueModel(experiments::JobRunner& runner, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    experiments::JobId jobAt(int row) const { return m_rows[static_cast<std::size_t>(row)]; }
    int rowOf(experiments::JobId id) const;  ///< -1: none

private:
    std::vector<experiments::JobId> orderedJobs() const;
    void synchronize();
    void updateRow(experiments::JobId id);

    experiments::JobRunner& m_runner;
    std::vector<experiments::JobId> m_rows;
};

// Texts about jobs, for the rows and the panel.

/// "Run recipe", "Calibrate", ... of Job::kind().
QString jobKindText(const std::string& kind);
QString jobStateText(experiments::JobState state);
/// "calibrate · 3 of 8 · batch 3 of 8 · 210 /s".
QString stageText(const experiments::JobProgress& progress);
/// "2:41 left · 0:12 elapsed · 412 MiB (peak 530 MiB)".
QString costText(const experiments::JobProgress& progress);

}  // namespace bitlathe::ui
