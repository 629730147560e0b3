#include "ui/commands/set_data_command.h"

#include <QCoreApplication>

namespace bitlathe::ui {

namespace {
bool areSame(const experiments::CalibrateStage& a, const experiments::CalibrateStage& b) {
    return a.split == b.split && a.samples == b.samples && a.batchSize == b.batchSize;
}
}  // namespace

SetDataCommand::SetDataCommand(QuantDocument& document, core::DataSpec data,
                               experiments::CalibrateStage calibration)
    : QUndoCommand(QCoreApplication::translate("SetDataCommand", "data")),
      m_document(document), m_before{document.recipe().data, document.calibration(), document.statistics()},
      m_after{std::move(data), calibration, nullptr} {
    setObsolete(m_before.data == m_after.data && areSame(m_before.calibration, m_after.calibration));
}

void SetDataCommand::redo() {
    // Redone after an undo, statistics measured meanwhile for the new data are looked up in the cache by the
    // application.
    apply(m_after);
}

void SetDataCommand::undo() {
    apply(m_before);
}

void SetDataCommand::apply(const State& state) {
    m_document.setStatistics(state.statistics);
    m_document.setData(state.data, state.calibration);
}

}  // namespace bitlathe::ui
