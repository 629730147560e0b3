#include "ui/commands/set_layer_config_command.h"

#include "ui/commands/command_ids.h"

#include <algorithm>

namespace bitlathe::ui {

SetLayerConfigCommand::SetLayerConfigCommand(QuantDocument& document, std::vector<LayerChange> after,
                                             const QString& text, quint64 gesture)
    : QUndoCommand(text), m_document(document), m_after(std::move(after)), m_gesture(gesture) {
    m_before.reserve(m_after.size());
    for (const LayerChange& change : m_after) {
        m_before.push_back({change.layer, document.layerConfig(change.layer)});
    }
    setObsolete(m_before == m_after);
}

void SetLayerConfigCommand::redo() {
    m_document.setLayerConfig(m_after);
}

void SetLayerConfigCommand::undo() {
    m_document.setLayerConfig(m_before);
}

int SetLayerConfigCommand::id() const {
    return m_gesture == 0 ? -1 : kSetLayerConfigCommandId;
}

bool SetLayerConfigCommand::mergeWith(const QUndoCommand* other) {
    const auto* const next = static_cast<const SetLayerConfigCommand*>(other);  // same id, so the same class
    const bool isSameGesture =
        next->m_gesture == m_gesture &&
        std::equal(m_after.begin(), m_after.end(), next->m_after.begin(), next->m_after.end(),
                   [](const LayerChange& a, const LayerChange& b) { return a.layer == b.layer; });
    if (!isSameGesture) {
        return false;
    }
    m_after = next->m_after;
    setObsolete(m_before == m_after);
    return true;
}

}  // namespace bitlathe::ui
