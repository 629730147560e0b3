#pragma once

#include "ui/document/quant_document.h"

#include <QUndoCommand>

#include <optional>

namespace bitlathe::ui {

/// Chooses the device the budget is checked against.
class SetDeviceCommand final : public QUndoCommand {
public:
    SetDeviceCommand(QuantDocument& document, std::optional<core::Device> after);

    void redo() override;
    void undo() override;

private:
    QuantDocument& m_document;
    std::optional<core::Device> m_before;
    std::optional<core::Device> m_after;
};

}  // namespace bitlathe::ui
