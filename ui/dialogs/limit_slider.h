#pragma once

#include <QWidget>

class QLabel;
class QSlider;
class QSpinBox;

namespace bitlathe::ui {

/// A limit in bytes: a slider for the hand, a number for the exact value, and where the device's own limit lies.
class LimitSlider final : public QWidget {
    Q_OBJECT

public:
    /// title  "ROM"
    explicit LimitSlider(const QString& title, QWidget* parent = nullptr);

    qint64 value() const noexcept { return m_value; }
    /// Emits valueChanged when it is another value. Kept within 0 and the maximum.
    void setValue(qint64 bytes);
    void setMaximum(qint64 bytes);
    /// deviceBytes  0: no device
    void setDeviceLimit(qint64 deviceBytes, const QString& deviceName);
    /// What the present proposal uses, under the slider.
    void setUsed(qint64 bytes);
    QSpinBox* box() const noexcept { return m_box; }
    QSlider* slider() const noexcept { return m_slider; }

Q_SIGNALS:
    void valueChanged(qint64 bytes);

private:
    void display(qint64 bytes);
    void refreshNote();

    QSlider* m_slider = nullptr;
    QSpinBox* m_box = nullptr;
    QLabel* m_note = nullptr;
    qint64 m_value = 0;
    qint64 m_maximum = 1;
    qint64 m_used = -1;
    qint64 m_deviceLimit = 0;
    QString m_deviceName;
};

}  // namespace bitlathe::ui
