#include "ui/commands/set_device_command.h"

#include <QCoreApplication>

namespace bitlathe::ui {

namespace {
std::string idOf(const std::optional<core::Device>& device) {
    return device ? device->id : std::string();
}
}  // namespace

SetDeviceCommand::SetDeviceCommand(QuantDocument& document, std::optional<core::Device> after)
    : m_document(document), m_before(document.device()), m_after(std::move(after)) {
    setText(m_after ? QCoreApplication::translate("SetDeviceCommand", "device %1")
                          .arg(QString::fromStdString(m_after->name))
                    : QCoreApplication::translate("SetDeviceCommand", "no device"));
    setObsolete(idOf(m_before) == idOf(m_after));
}

void SetDeviceCommand::redo() {
    m_document.setDevice(m_after);
}

void SetDeviceCommand::undo() {
    m_document.setDevice(m_before);
}

}  // namespace bitlathe::ui
