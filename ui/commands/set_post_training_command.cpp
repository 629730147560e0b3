#include "ui/commands/set_post_training_command.h"

#include "ui/commands/command_ids.h"

namespace bitlathe::ui {

SetPostTrainingCommand::SetPostTrainingCommand(QuantDocument& document, std::vector<core::MethodSpec> methods,
                                               const QString& text, quint64 gesture)
    : QUndoCommand(text), m_document(document), m_before(document.config().postTraining),
      m_after(std::move(methods)), m_gesture(gesture) {
    setObsolete(m_before == m_after);
}

void SetPostTrainingCommand::redo() {
    m_document.setPostTraining(m_after);
}

void SetPostTrainingCommand::undo() {
    m_document.setPostTraining(m_before);
}

int SetPostTrainingCommand::id() const {
    return m_gesture == 0 ? -1 : kSetPostTrainingCommandId;
}

bool SetPostTrainingCommand::mergeWith(const QUndoCommand* other) {
    const auto* const next = static_cast<const SetPostTrainingCommand*>(other);  // same id, so the same class
    if (next->m_gesture != m_gesture) {
        return false;
    }
    m_after = next->m_after;
    setObsolete(m_before == m_after);
    return true;
}

}  // namespace bitlathe::ui
