#pragma once

#include <string>

#include "ui/document/fit_proposal.h"
#include "ui/document/quant_document.h"

#include "experiments/jobs/latest_wins.h"
#include "plots/pareto_plot.h"

#include <QDialog>

class QDialogButtonBox;
class QLabel;
class QPushButton;
class QTableView;
class QTabWidget;

namespace bitlathe::ui {

class FitChangesPage;
class FitParetoPage;
class FitSettings;

/// Finds bits that fit a device: what to ask core's search (FitSettings), its verdict, each layer's bits before and
/// after, and the front of accuracy (estimated) against memory, whose points can be taken. Every change of a setting
/// searches anew on a worker, the newest wins. Accepting is one undo step, edited allowances of the device included;
/// closing leaves everything as it was.
class FitDialog final : public QDialog {
    Q_OBJECT

public:
    explicit FitDialog(QuantDocument& document, QWidget* parent = nullptr);
    ~FitDialog() override;

    FitSettings* settings() const noexcept { return m_settings; }
    QTableView* table() const;
    /// Turns to the plot of accuracy against memory.
    void showPareto();
    plots::ParetoPlot* pareto() const;
    /// What the optimal search weighs; null: not measured.
    void setSensitivity(std::shared_ptr<const core::SensitivityTable> sensitivity);
    /// Runs of this model in the log, drawn beside the estimates.
    void setMeasured(std::vector<plots::ParetoPoint> points);
    const FitProposal& proposal() const noexcept { return m_proposal; }
    QString verdict() const;
    bool isSearching() const;

Q_SIGNALS:
    /// A new proposal is shown.
    void proposed();
    /// Accepted, and to be measured.
    void evaluateRequested();
    /// To be measured without being accepted.
    void evaluatePointRequested(const bitlathe::core::QuantConfig& config, const QString& name);
    void sensitivityRequested();

private:
    QWidget* newControls();
    QDialogButtonBox* newButtons();
    FitQuestion question() const;
    void findFront();
    void takePoint();
    /// Whether accepting also changes what the firmware keeps of the device.
    bool isDeviceEdited() const;
    void search();
    void showProposal(FitProposal proposal);
    void take(bool isEvaluated);

    QuantDocument& m_document;
    FitProposal m_proposal;
    FitSettings* m_settings = nullptr;
    QLabel* m_verdict = nullptr;
    QPushButton* m_accept = nullptr;
    QPushButton* m_acceptAndEvaluate = nullptr;
    QTabWidget* m_tabs = nullptr;
    FitChangesPage* m_changes = nullptr;
    FitParetoPage* m_front = nullptr;
    std::shared_ptr<const core::SensitivityTable> m_sensitivity;
    experiments::LatestWins m_worker;  ///< last: nothing is delivered once the rest goes
};

}  // namespace bitlathe::ui
