#include "ui/commands/set_variants_command.h"

namespace bitlathe::ui {

SetVariantsCommand::SetVariantsCommand(QuantDocument& document, std::vector<NamedConfig> after,
                                       int activeAfter, const QString& text)
    : QUndoCommand(text), m_document(document), m_before(document.variants()), m_after(std::move(after)),
      m_activeBefore(document.activeVariant()), m_activeAfter(activeAfter) {
    setObsolete(m_before == m_after && m_activeBefore == m_activeAfter);
}

void SetVariantsCommand::redo() {
    m_document.setVariants(m_after, m_activeAfter);
}

void SetVariantsCommand::undo() {
    m_document.setVariants(m_before, m_activeBefore);
}

}  // namespace bitlathe::ui
