#pragma once

#include "ui/document/quant_document.h"

#include <QUndoCommand>

#include <memory>

namespace bitlathe::ui {

/// Takes statistics from elsewhere (a file) in place of those that are there.
class SetStatisticsCommand final : public QUndoCommand {
public:
    /// statistics  of the document's model
    SetStatisticsCommand(QuantDocument& document, std::shared_ptr<const core::Statistics> statistics);

    void redo() override;
    void undo() override;

private:
    QuantDocument& m_document;
    std::shared_ptr<const core::Statistics> m_before;
    std::shared_ptr<const core::Statistics> m_after;
};

}  // namespace bitlathe::ui
