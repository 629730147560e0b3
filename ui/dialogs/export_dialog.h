#pragma once

#include <string>

#include "ui/document/export_checks.h"
#include "ui/document/workbench.h"

#include "experiments/jobs/latest_wins.h"

#include <QDialog>

class QComboBox;
class QLabel;
class QLineEdit;
class QListWidget;
class QProgressBar;
class QPushButton;

namespace bitlathe::ui {

class MethodEditor;

/// Writes the active configuration for another engine: format, its parameters, the device it is for and a folder; what
/// stands in the way beforehand, one line each, looked at by a worker; progress with a button that stops it; and what was
/// written, with its bytes and a button that opens the folder. Stopping or failing leaves the folder as it was. Closing
/// while it writes stops it.
class ExportDialog final : public QDialog {
    Q_OBJECT

public:
    /// The workbench's document is calibrated and outlives the dialog.
    ExportDialog(Workbench& workbench, const QString& folder, QWidget* parent = nullptr);
    ~ExportDialog() override;

    core::MethodSpec exporter() const;
    /// As if it had been chosen in the list; its processor follows the device.
    void chooseFormat(const core::MethodSpec& exporter);
    QString folder() const;
    void setFolder(const QString& folder);
    MethodEditor* formatEditor() const noexcept { return m_exporter; }
    QComboBox* deviceChoice() const noexcept { return m_device; }
    QPushButton* exportButton() const noexcept { return m_write; }
    QPushButton* openButton() const noexcept { return m_open; }
    const std::vector<ExportFinding>& findings() const noexcept { return m_findings; }
    /// Lines shown: findings, or files once they are written.
    QStringList lines() const;
    QString summary() const;
    bool isChecking() const { return m_checker.isBusy(); }
    bool isWriting() const noexcept { return m_job.isValid(); }
    /// Once it is written: the one folder all files are in.
    const QString& resultFolder() const noexcept { return m_resultFolder; }

Q_SIGNALS:
    void checked();
    /// Files are there.
    void written();

protected:
    void changeEvent(QEvent* event) override;
    void done(int result) override;

private:
    QWidget* newFolderRow(const QString& folder);
    QComboBox* newDeviceChoice();
    void takeProcessor();
    ExportQuestion question() const;
    std::optional<core::Device> chosenDevice() const;
    void check();
    void showFindings(std::vector<ExportFinding> findings);
    void startOrStop();
    void showProgress(experiments::JobId job);
    void showFiles(experiments::JobId job, const experiments::ExportedFiles& files);
    void finish(experiments::JobId job, const experiments::JobOutcome& outcome);
    void refreshButtons();

    Workbench& m_workbench;
    std::shared_ptr<const core::PreparedModel> m_model;  ///< as it was when the dialog was opened
    MethodEditor* m_exporter = nullptr;
    QComboBox* m_device = nullptr;
    QLineEdit* m_folder = nullptr;
    QListWidget* m_lines = nullptr;
    QLabel* m_summary = nullptr;
    QProgressBar* m_progress = nullptr;
    QPushButton* m_write = nullptr;
    QPushButton* m_open = nullptr;
    std::string m_lastFormat;
    std::vector<ExportFinding> m_findings;
    experiments::JobId m_job;  ///< that writes; none: nothing is being written
    QString m_resultFolder;
    experiments::LatestWins m_checker;  ///< last: nothing is delivered once the rest goes
};

}  // namespace bitlathe::ui
