#include "ui/commands/set_statistics_command.h"

#include <QCoreApplication>

namespace bitlathe::ui {

SetStatisticsCommand::SetStatisticsCommand(QuantDocument& document,
                                           std::shared_ptr<const core::Statistics> statistics)
    : QUndoCommand(QCoreApplication::translate("SetStatisticsCommand", "load statistics")),
      m_document(document), m_before(document.statistics()), m_after(std::move(statistics)) {}

void SetStatisticsCommand::redo() {
    m_document.setStatistics(m_after);
}

void SetStatisticsCommand::undo() {
    m_document.setStatistics(m_before);
}

}  // namespace bitlathe::ui
