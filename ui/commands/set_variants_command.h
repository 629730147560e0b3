#pragma once

#include "ui/document/quant_document.h"

#include <QUndoCommand>

#include <vector>

namespace bitlathe::ui {

/// Replaces the document's list of configurations or the choice among them: switch, duplicate, rename,
/// remove.
class SetVariantsCommand final : public QUndoCommand {
public:
    SetVariantsCommand(QuantDocument& document, std::vector<NamedConfig> after, int activeAfter,
                       const QString& text);

    void redo() override;
    void undo() override;

private:
    QuantDocument& m_document;
    std::vector<NamedConfig> m_before;
    std::vector<NamedConfig> m_after;
    int m_activeBefore;
    int m_activeAfter;
};

}  // namespace bitlathe::ui
