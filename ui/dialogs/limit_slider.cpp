#include "ui/dialogs/limit_slider.h"

#include "ui/document/layer_title.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitlathe::ui {

namespace {

constexpr int kSteps = 1000;

}  // namespace

LimitSlider::LimitSlider(const QString& title, QWidget* parent) : QWidget(parent) {
    auto* const name = new QLabel(title, this);
    m_box = new QSpinBox(this);
    m_box->setAccessibleName(tr("%1 limit in bytes").arg(title));
    m_box->setSuffix(tr(" B"));
    m_box->setGroupSeparatorShown(true);
    m_box->setKeyboardTracking(false);
    m_box->setAlignment(Qt::AlignRight);
    m_box->setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
    name->setBuddy(m_box);
    m_slider = new QSlider(Qt::Horizontal, this);
    m_slider->setAccessibleName(tr("%1 limit").arg(title));
    m_slider->setRange(0, kSteps);
    m_slider->setPageStep(kSteps / 20);
    m_note = new QLabel(this);
    m_note->setProperty("role", QStringLiteral("caption"));

    auto* const row = new QHBoxLayout;
    row->setContentsMargins({});
    row->addWidget(name);
    row->addStretch();
    row->addWidget(m_box);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->setSpacing(4);
    column->addLayout(row);
    column->addWidget(m_slider);
    column->addWidget(m_note);

    connect(m_slider, &QSlider::valueChanged, this, [this](int step) {
        setValue(std::llround(static_cast<double>(step) / kSteps * static_cast<double>(m_maximum)));
    });
    connect(m_box, &QSpinBox::valueChanged, this, [this](int bytes) { setValue(bytes); });
}

void LimitSlider::setMaximum(qint64 bytes) {
    m_maximum = std::clamp<qint64>(bytes, 1, std::numeric_limits<int>::max());
    {
        const QSignalBlocker blocker(m_box);
        m_box->setRange(0, static_cast<int>(m_maximum));
    }
    display(std::min(m_value, m_maximum));
}

void LimitSlider::setValue(qint64 bytes) {
    const qint64 kept = std::clamp<qint64>(bytes, 0, m_maximum);
    if (kept != m_value) {
        display(kept);
        Q_EMIT valueChanged(kept);
    }
}

void LimitSlider::display(qint64 bytes) {
    m_value = bytes;
    const QSignalBlocker sliderBlocker(m_slider);
    const QSignalBlocker boxBlocker(m_box);
    m_slider->setValue(
        static_cast<int>(std::lround(static_cast<double>(bytes) / static_cast<double>(m_maximum) * kSteps)));
    m_box->setValue(static_cast<int>(bytes));
    refreshNote();
}

void LimitSlider::setDeviceLimit(qint64 deviceBytes, const QString& deviceName) {
    m_deviceLimit = deviceBytes;
    m_deviceName = deviceName;
    refreshNote();
}

void LimitSlider::setUsed(qint64 bytes) {
    m_used = bytes;
    refreshNote();
}

void LimitSlider::refreshNote() {
    QStringList parts;
    if (m_used >= 0) {
        parts += tr("uses %1 B").arg(groupedNumber(m_used));
    }
    if (m_deviceLimit > 0) {
        parts += tr("%1 has %2 B").arg(m_deviceName, groupedNumber(m_deviceLimit));
    }
    m_note->setText(parts.join(QStringLiteral(" · ")));
}

}  // namespace bitlathe::ui
