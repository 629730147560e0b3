#pragma once

#include <string>

#include "core/exporters/target_budget.h"
#include "ui/document/quant_document.h"

#include "experiments/jobs/latest_wins.h"

#include <QObject>
#include <QTimer>

#include <memory>

namespace bitlathe::ui {

/// What memory figures are reckoned by, and how RAM is drawn.
enum class MemoryView {
    Alive,  ///< formulas; RAM: all that is alive while a layer runs, by layer
    InOut,  ///< formulas; RAM: a layer's inputs and output alone, as in the paper, by layer
    Tensors,  ///< formulas; RAM: all that is alive, each tensor from the step that makes it to the last that reads it
    Arena,      ///< formulas; RAM: places in one arena, outputs over inputs
    ExportedC,  ///< the exported C program's own tables and arena, to the byte
};

/// The active configuration's memory by every basis, kept up to date: formulas at once, the exported program by a worker,
/// latest wins. GUI thread.
class MemoryFigures final : public QObject {
    Q_OBJECT

public:
    explicit MemoryFigures(QuantDocument& document, QObject* parent = nullptr);

    /// By the formulas; where they have no RAM model of that view's, all that is alive.
    core::Budget formulas(MemoryView view) const;
    /// All that is alive, each tensor at a place of its own.
    core::Budget placedApart() const;
    /// Null: no model, or not reckoned yet. Its `refusal` says why there is no C of the configuration.
    const std::shared_ptr<const core::TargetBudget>& target() const noexcept { return m_target; }
    bool isBusy() const { return m_isStale; }

Q_SIGNALS:
    void targetChanged();

private:
    void forget();
    void ask();

    QuantDocument& m_document;
    std::shared_ptr<const core::TargetBudget> m_target;
    bool m_isStale = false;
    QTimer m_delay;                    ///< a drag asks once, at its end
    experiments::LatestWins m_worker;  ///< last: nothing is delivered once the rest goes
};

/// "weights 99,616 · requantization 27,666 · constants 0 · code 0 B"; code as the device's reserve.
QString romSplitText(const core::RomSplit& split);

/// The peak layer and the sum that makes it: "block 1 · pointwise: input 8,192 + output 16,384 + held for later layers 0
/// = 24,576 B". Empty without layers.
QString peakText(const core::Budget& budget);
QString peakText(const core::CBudget& budget);

}  // namespace bitlathe::ui
