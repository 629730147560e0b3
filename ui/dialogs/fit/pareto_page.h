#pragma once

#include <string>

#include "ui/document/fit_proposal.h"

#include "core/run/run_context.h"
#include "core/search/search_space.h"
#include "experiments/jobs/latest_wins.h"
#include "plots/pareto_plot.h"

#include <QWidget>

#include <optional>
#include <vector>

class QComboBox;
class QLabel;
class QPushButton;

namespace bitlathe::ui {

/// The front of accuracy (estimated) against memory with runs of the log beside it. A point of the front can be chosen
/// or queued for evaluation; a worker computes the front anew when it is asked another question, the newest wins.
class FitParetoPage final : public QWidget {
    Q_OBJECT

public:
    explicit FitParetoPage(QWidget* parent = nullptr);
    ~FitParetoPage() override;

    plots::ParetoPlot* plot() const noexcept { return m_plot; }
    /// Asks for the front of `question`; without sensitivities there is none.
    void findFront(FitQuestion question);
    /// Runs of this model in the log, drawn beside the estimates.
    void setMeasured(std::vector<plots::ParetoPoint> points);
    void setLimits(const core::SearchLimits& limits);
    /// Whether sensitivities are there, and whether they can be measured.
    void setSensitivityState(bool isMeasured, bool canMeasure);
    const std::optional<FitPoint>& chosenPoint() const noexcept { return m_chosen; }
    void forgetPoint();

Q_SIGNALS:
    /// A point of the front was clicked: chosenPoint() has it.
    void pointChosen();
    /// The chosen point is to be measured without being accepted.
    void evaluatePointRequested(const bitlathe::core::QuantConfig& config, const QString& name);
    void sensitivityRequested();

private:
    void buildTools();
    void showFront(std::vector<FitPoint> front);
    void draw();
    void takePoint(qint64 id);
    void refreshLimit();

    plots::ParetoPlot* m_plot = nullptr;
    QComboBox* m_byteAxis = nullptr;
    QLabel* m_note = nullptr;
    QPushButton* m_measure = nullptr;
    QPushButton* m_queue = nullptr;
    core::SearchLimits m_limits;
    std::int64_t m_samples = 0;  ///< images the estimates rest on
    std::vector<FitPoint> m_front;
    std::vector<plots::ParetoPoint> m_measured;
    std::optional<FitPoint> m_chosen;
    core::RunContext m_context;        ///< of the front being computed; cancels it
    experiments::LatestWins m_worker;  ///< last: nothing is delivered once the rest goes
};

}  // namespace bitlathe::ui
