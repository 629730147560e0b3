#include "ui/commands/set_device_command.h"

#include <QCoreApplication>

#include <tuple>

namespace bitlathe::ui {

namespace {
/// The catalogue's entry and what the firmware keeps of it: all that an edit can change.
auto choiceOf(const std::optional<core::Device>& device) {
    return device ? std::tuple(device->id, device->reservedRomBytes, device->reservedRamBytes)
                  : std::tuple(std::string(), std::int64_t{0}, std::int64_t{0});
}
}  // namespace

SetDeviceCommand::SetDeviceCommand(QuantDocument& document, std::optional<core::Device> after)
    : m_document(document), m_before(document.device()), m_after(std::move(after)) {
    setText(m_after ? QCoreApplication::translate("SetDeviceCommand", "device %1")
                          .arg(QString::fromStdString(m_after->name))
                    : QCoreApplication::translate("SetDeviceCommand", "no device"));
    setObsolete(choiceOf(m_before) == choiceOf(m_after));
}

void SetDeviceCommand::redo() {
    m_document.setDevice(m_after);
}

void SetDeviceCommand::undo() {
    m_document.setDevice(m_before);
}

}  // namespace bitlathe::ui
