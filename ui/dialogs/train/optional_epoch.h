#pragma once

#include <QWidget>

#include <optional>

class QCheckBox;

namespace bitlathe::ui {

class NumberBox;

/// An epoch from which something holds, or never.
class OptionalEpoch final : public QWidget {
    Q_OBJECT

public:
    /// name  for assistive technology: "Freeze ranges"
    explicit OptionalEpoch(const QString& name, QWidget* parent = nullptr);

    std::optional<double> epoch() const;
    /// Emits nothing.
    void setEpoch(std::optional<double> epoch);

Q_SIGNALS:
    void edited();

private:
    QCheckBox* m_isOn = nullptr;
    NumberBox* m_epoch = nullptr;
};

}  // namespace bitlathe::ui
