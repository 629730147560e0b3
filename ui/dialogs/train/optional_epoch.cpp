#include "ui/dialogs/train/optional_epoch.h"

#include "ui/panels/number_box.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QSignalBlocker>

namespace bitlathe::ui {

OptionalEpoch::OptionalEpoch(const QString& name, QWidget* parent) : QWidget(parent) {
    m_isOn = new QCheckBox(tr("from epoch"), this);
    m_isOn->setAccessibleName(name);
    m_epoch = new NumberBox(0, 100'000, 0.8, this);
    m_epoch->setAccessibleName(tr("%1 from epoch").arg(name));
    m_epoch->setToolTip(tr("Epochs from the start; 0.75 is three quarters into the first"));
    m_epoch->setEnabled(false);
    auto* const row = new QHBoxLayout(this);
    row->setContentsMargins({});
    row->addWidget(m_isOn);
    row->addWidget(m_epoch, 1);
    setFocusProxy(m_isOn);
    connect(m_isOn, &QCheckBox::toggled, m_epoch, &QWidget::setEnabled);
    connect(m_isOn, &QCheckBox::toggled, this, &OptionalEpoch::edited);
    connect(m_epoch, &QDoubleSpinBox::valueChanged, this, &OptionalEpoch::edited);
}

std::optional<double> OptionalEpoch::epoch() const {
    return m_isOn->isChecked() ? std::optional(m_epoch->value()) : std::nullopt;
}

void OptionalEpoch::setEpoch(std::optional<double> epoch) {
    const QSignalBlocker blocker(this);
    m_isOn->setChecked(epoch.has_value());
    if (epoch) {
        m_epoch->setValue(*epoch);
    }
}

}  // namespace bitlathe::ui
