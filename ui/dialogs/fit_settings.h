#pragma once

#include <string>

#include "core/device/budget.h"
#include "core/device/device.h"
#include "core/search/fit.h"

#include <QWidget>

#include <optional>
#include <vector>

class QComboBox;
class QHBoxLayout;
class QSpinBox;
class QToolButton;

namespace bitlathe::ui {

class LimitSlider;

/// Everything a search for bits is asked with: the method, the widths it may give, how RAM is reckoned and in which
/// banks, the two limits, and what the firmware keeps of the device for itself. Starts from a device's own figures.
class FitSettings final : public QWidget {
    Q_OBJECT

public:
    /// budget  of the present configuration; says how far the sliders reach
    FitSettings(const core::Budget& budget, std::optional<core::Device> device, QWidget* parent = nullptr);

    core::FitRequest request() const;
    core::FitMethod chosenMethod() const;
    core::RamModel chosenRamModel() const;
    /// Changes nothing where it is chosen already.
    void choose(core::FitMethod method);
    /// The device with the allowances as they are here; empty: none.
    const std::optional<core::Device>& device() const noexcept { return m_device; }
    /// What a proposal needs, under the sliders.
    void setUsed(qint64 romBytes, qint64 ramBytes);
    /// The sliders back to the device's limits; without a device to what `budget` needed.
    void useDeviceLimits();

    LimitSlider* romLimit() const noexcept { return m_rom; }
    LimitSlider* ramLimit() const noexcept { return m_ram; }
    QComboBox* method() const noexcept { return m_method; }
    QComboBox* ramModel() const noexcept { return m_ramModel; }
    /// Opens the list of banks beside the main region; checkable actions named as the banks.
    QToolButton* banks() const noexcept { return m_banks; }
    QSpinBox* codeBytes() const noexcept { return m_code; }
    QSpinBox* stackBytes() const noexcept { return m_stack; }
    /// The button that allows `bits` for weights, or for activations.
    QToolButton* weightBits(int bits) const { return m_weightBits[static_cast<std::size_t>(8 - bits)]; }
    QToolButton* activationBits(int bits) const {
        return m_activationBits[static_cast<std::size_t>(8 - bits)];
    }

Q_SIGNALS:
    /// The answer may be another now.
    void changed();
    /// So may be the front, which knows neither method nor limits.
    void spaceChanged();

private:
    void buildChoices();
    void buildLimits(const core::Budget& budget);
    void buildAllowances();
    void buildBanks();
    std::vector<QToolButton*> newBitButtons(const QString& what);
    QHBoxLayout* rowOf(const std::vector<QToolButton*>& buttons) const;
    /// Of an arena: the main region and the banks that are checked.
    std::vector<core::ArenaBank> chosenBanks() const;
    void takeRamModel();
    void takeAllowances();
    void refreshBanks();

    std::optional<core::Device> m_device;
    qint64 m_romNow;  ///< of the present configuration
    qint64 m_ramNow;
    QComboBox* m_method = nullptr;
    QComboBox* m_ramModel = nullptr;
    QToolButton* m_banks = nullptr;
    std::vector<QToolButton*> m_weightBits;  ///< 8 down to 2
    std::vector<QToolButton*> m_activationBits;
    LimitSlider* m_rom = nullptr;
    LimitSlider* m_ram = nullptr;
    QSpinBox* m_code = nullptr;
    QSpinBox* m_stack = nullptr;
};

}  // namespace bitlathe::ui
