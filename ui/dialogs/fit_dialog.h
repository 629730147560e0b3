#pragma once

#include <string>

#include "ui/document/fit_proposal.h"
#include "ui/document/quant_document.h"

#include "experiments/jobs/latest_wins.h"

#include <QDialog>

class QCheckBox;
class QComboBox;
class QLabel;
class QPushButton;
class QTableView;

namespace bitlathe::ui {

class FitChangeModel;
class FitChangeFilter;
class LimitSlider;

/// Finds bits that fit a device: limits to slide, the search to use, its verdict, and each layer's bits before and
/// after. Every change of a limit searches anew on a worker, the newest wins. Accepting is one undo step; closing
/// leaves everything as it was.
class FitDialog final : public QDialog {
    Q_OBJECT

public:
    explicit FitDialog(QuantDocument& document, QWidget* parent = nullptr);

    LimitSlider* romLimit() const noexcept { return m_rom; }
    LimitSlider* ramLimit() const noexcept { return m_ram; }
    QComboBox* method() const noexcept { return m_method; }
    QTableView* table() const noexcept { return m_table; }
    const FitProposal& proposal() const noexcept { return m_proposal; }
    QString verdict() const;
    bool isSearching() const;

Q_SIGNALS:
    /// A new proposal is shown.
    void proposed();
    /// Accepted, and to be measured.
    void evaluateRequested();

private:
    void buildControls();
    void useDeviceLimits();
    void search();
    void show(FitProposal proposal);
    void take(bool isEvaluated);

    QuantDocument& m_document;
    FitProposal m_proposal;
    QComboBox* m_method = nullptr;
    QComboBox* m_leastBits = nullptr;
    LimitSlider* m_rom = nullptr;
    LimitSlider* m_ram = nullptr;
    QLabel* m_verdict = nullptr;
    QLabel* m_summary = nullptr;
    QCheckBox* m_onlyChanges = nullptr;
    QPushButton* m_accept = nullptr;
    QPushButton* m_acceptAndEvaluate = nullptr;
    FitChangeModel* m_model = nullptr;
    FitChangeFilter* m_filter = nullptr;
    QTableView* m_table = nullptr;
    experiments::LatestWins m_worker;  ///< last: nothing is delivered once the rest goes
};

}  // namespace bitlathe::ui
