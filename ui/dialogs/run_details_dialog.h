#pragma once

#include <string>

#include "experiments/store/experiment_log.h"

#include <QDialog>

class QTreeWidget;

namespace bitlathe::ui {

/// Everything the log knows of one run: results, what was run, environment, files. All of it can be copied.
class RunDetailsDialog final : public QDialog {
    Q_OBJECT

public:
    /// Errors  LogError: no such run.
    RunDetailsDialog(const experiments::ExperimentLog& log, experiments::RunId id, QWidget* parent = nullptr);

    /// Groups, names and values, one line each.
    QString asText() const;

private:
    void addGroup(const QString& title, const std::vector<std::pair<QString, QString>>& rows);

    QTreeWidget* m_tree = nullptr;
};

}  // namespace bitlathe::ui
