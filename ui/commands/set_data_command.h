#pragma once

#include "ui/document/quant_document.h"

#include <QUndoCommand>

#include <memory>

namespace bitlathe::ui {

/// Chooses the data and how much of it calibrates. Statistics belong to the data they came from, so they go
/// with it: redo drops them, undo brings the old ones back.
class SetDataCommand final : public QUndoCommand {
public:
    SetDataCommand(QuantDocument& document, core::DataSpec data, experiments::CalibrateStage calibration);

    void redo() override;
    void undo() override;

private:
    struct State {
        core::DataSpec data;
        experiments::CalibrateStage calibration;
        std::shared_ptr<const core::Statistics> statistics;
    };
    void apply(const State& state);

    QuantDocument& m_document;
    State m_before;
    State m_after;
};

}  // namespace bitlathe::ui
