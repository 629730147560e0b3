#include "ui/dialogs/fit_settings.h"

#include "ui/dialogs/limit_slider.h"
#include "ui/document/fit_proposal.h"
#include "ui/document/layer_title.h"
#include "ui/panels/panel_parts.h"

#include <QAction>
#include <QComboBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QMenu>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <limits>
#include <utility>

namespace bitlathe::ui {

namespace {

/// Limits the sliders reach beyond what is there and what the device has.
constexpr double kHeadroom = 1.25;
constexpr int kBitWidthPx = 34;

std::vector<int> checkedBits(const std::vector<QToolButton*>& buttons) {
    std::vector<int> bits;
    for (std::size_t i = 0; i < buttons.size(); ++i) {
        if (buttons[i]->isChecked()) {
            bits.push_back(8 - static_cast<int>(i));
        }
    }
    return bits;
}

qint64 usableBytes(const std::vector<core::MemoryBank>& banks) {
    qint64 bytes = 0;
    for (const core::MemoryBank& bank : banks) {
        bytes += bank.isUsable ? bank.sizeBytes : 0;
    }
    return bytes;
}

QSpinBox* newBytesBox(const QString& name, const QString& toolTip, QWidget* parent) {
    auto* const box = new QSpinBox(parent);
    box->setAccessibleName(name);
    box->setToolTip(toolTip);
    box->setSuffix(FitSettings::tr(" B"));
    box->setGroupSeparatorShown(true);
    box->setKeyboardTracking(false);
    box->setAlignment(Qt::AlignRight);
    box->setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
    return box;
}

}  // namespace

FitSettings::FitSettings(const core::Budget& budget, std::optional<core::Device> device, QWidget* parent)
    : QWidget(parent), m_device(std::move(device)), m_romNow(budget.romBytes), m_ramNow(budget.peakRamBytes) {
    buildChoices();
    buildBanks();
    buildLimits(budget);
    buildAllowances();
    auto* const reset = new QPushButton(tr("&Device limits"), this);
    reset->setAutoDefault(false);
    reset->setEnabled(m_device.has_value());
    connect(reset, &QPushButton::clicked, this, &FitSettings::useDeviceLimits);

    auto* const form = new QFormLayout;
    form->setSpacing(8);
    form->addRow(tr("&Search"), m_method);
    form->addRow(tr("Weights"), rowOf(m_weightBits));
    form->addRow(tr("Activations"), rowOf(m_activationBits));
    form->addRow(tr("RAM &model"), m_ramModel);
    form->addRow(tr("Banks"), m_banks);
    auto* const kept = new QFormLayout;
    kept->setSpacing(8);
    kept->addRow(tr("Code keeps"), m_code);
    kept->addRow(tr("Stack, runtime keep"), m_stack);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->setSpacing(12);
    column->addLayout(form);
    column->addWidget(m_rom);
    column->addWidget(m_ram);
    column->addLayout(kept);
    column->addWidget(reset, 0, Qt::AlignLeft);
    useDeviceLimits();

    const auto edited = [this] { Q_EMIT changed(); };
    connect(m_method, &QComboBox::currentIndexChanged, this, edited);
    connect(m_rom, &LimitSlider::valueChanged, this, edited);
    connect(m_ram, &LimitSlider::valueChanged, this, edited);
    connect(m_ramModel, &QComboBox::currentIndexChanged, this, &FitSettings::takeRamModel);
    connect(m_code, &QSpinBox::valueChanged, this, &FitSettings::takeAllowances);
    connect(m_stack, &QSpinBox::valueChanged, this, &FitSettings::takeAllowances);
}

void FitSettings::buildChoices() {
    m_method = new QComboBox(this);
    const auto add = [](QComboBox* box, const QString& text, auto value, const QString& toolTip) {
        box->addItem(text, static_cast<int>(value));
        box->setItemData(box->count() - 1, toolTip, Qt::ToolTipRole);
    };
    const QString rules = tr("Memory-driven rules: Rusci, Capotondi, Benini 2019, arXiv:1905.13082");
    add(m_method, tr("rules, scales per channel (MixPC)"), core::FitMethod::MixPC, rules);
    add(m_method, tr("rules, one scale a layer (MixPL)"), core::FitMethod::MixPL, rules);
    add(m_method, tr("optimal (integer program)"), core::FitMethod::Ilp,
        tr("Least estimated cost under both limits"));
    add(m_method, tr("greedy, cut by cut"), core::FitMethod::Greedy,
        tr("The cut that frees most for its cost, again and again; no proof"));
    m_method->setToolTip(tr("How bits are chosen"));
    m_weightBits = newBitButtons(tr("weights"));
    m_activationBits = newBitButtons(tr("activations"));
    m_ramModel = new QComboBox(this);
    m_ramModel->setToolTip(tr("How the RAM figure is reckoned"));
    add(m_ramModel, tr("all that is alive"), core::RamModel::Lifetimes,
        tr("Every tensor somebody still needs while a layer runs, without asking where it lies"));
    add(m_ramModel, tr("input + output (paper)"), core::RamModel::InOut,
        tr("A layer's inputs and output alone: Rusci, Capotondi, Benini 2019"));
    add(m_ramModel, tr("arena, outputs over inputs"), core::RamModel::Arena,
        tr("Real places in one arena; outputs lie over inputs where kernels allow it"));
    for (QComboBox* const box : {m_method, m_ramModel}) {
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(18);
        box->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    }
}

std::vector<QToolButton*> FitSettings::newBitButtons(const QString& what) {
    std::vector<QToolButton*> buttons;
    for (int bits = 8; bits >= 2; --bits) {
        auto* const button =
            newToolButton(QString::number(bits), tr("Allow %1 bits for %2").arg(bits).arg(what), this);
        button->setCheckable(true);
        button->setChecked(bits == 8 || bits == 4 || bits == 2);
        buttons.push_back(button);
    }
    for (QToolButton* const button : buttons) {
        connect(button, &QToolButton::toggled, this, [this, buttons, button] {
            if (checkedBits(buttons).empty()) {  // something has to be allowed
                const QSignalBlocker blocker(button);
                button->setChecked(true);
                return;
            }
            Q_EMIT changed();
            Q_EMIT spaceChanged();
        });
    }
    return buttons;
}

QHBoxLayout* FitSettings::rowOf(const std::vector<QToolButton*>& buttons) const {
    auto* const row = new QHBoxLayout;
    row->setSpacing(2);
    for (QToolButton* const button : buttons) {
        button->setFixedWidth(kBitWidthPx);
        row->addWidget(button);
    }
    row->addStretch();
    return row;
}

void FitSettings::buildBanks() {
    m_banks = new QToolButton(this);
    m_banks->setPopupMode(QToolButton::InstantPopup);
    m_banks->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_banks->setAccessibleName(tr("RAM banks"));
    auto* const menu = new QMenu(m_banks);
    if (m_device) {
        const std::vector<core::ArenaBank> all = core::ramBanks(*m_device, true);
        for (auto bank = all.begin() + 1; bank != all.end(); ++bank) {
            QAction* const action = menu->addAction(
                tr("%1, %2 B").arg(QString::fromStdString(bank->name), groupedNumber(bank->bytes)));
            action->setCheckable(true);
            action->setData(QString::fromStdString(bank->name));
            connect(action, &QAction::toggled, this, [this] {
                refreshBanks();
                Q_EMIT changed();
                Q_EMIT spaceChanged();
            });
        }
    }
    m_banks->setMenu(menu);
    refreshBanks();
}

std::vector<core::ArenaBank> FitSettings::chosenBanks() const {
    std::vector<core::ArenaBank> banks = core::ramBanks(*m_device);
    const std::vector<core::ArenaBank> all = core::ramBanks(*m_device, true);
    for (int i = 0; i < m_banks->menu()->actions().size(); ++i) {  // in the order of the banks
        if (m_banks->menu()->actions()[i]->isChecked()) {
            banks.push_back(all[static_cast<std::size_t>(i) + 1]);
        }
    }
    return banks;
}

void FitSettings::refreshBanks() {
    const bool isArena = chosenRamModel() == core::RamModel::Arena;
    const bool hasOthers = !m_banks->menu()->isEmpty();
    QString text = m_device ? QString::fromStdString(core::ramBanks(*m_device).front().name) : tr("one");
    for (const QAction* const action : m_banks->menu()->actions()) {
        if (isArena && action->isChecked()) {
            text += QStringLiteral(" + ") + action->data().toString();
        }
    }
    m_banks->setText(text);
    m_banks->setEnabled(isArena && hasOthers);
    m_banks->setToolTip(!hasOthers ? tr("The device has no RAM apart from its main region")
                        : isArena  ? tr("Banks apart from the main region that tensors may lie in")
                                   : tr("Only an arena places tensors in banks: choose it as RAM model"));
}

void FitSettings::buildLimits(const core::Budget& budget) {
    m_rom = new LimitSlider(tr("ROM"), this);
    m_ram = new LimitSlider(tr("RAM"), this);
    const auto reach = [](std::int64_t now, std::int64_t limit) {
        return static_cast<qint64>(kHeadroom * static_cast<double>(std::max(now, std::min(limit, 2 * now))));
    };
    m_rom->setMaximum(reach(budget.romBytes, m_device ? usableBytes(m_device->rom) : 0));
    m_ram->setMaximum(reach(budget.peakRamBytes, m_device ? usableBytes(m_device->ram) : 0));
}

void FitSettings::buildAllowances() {
    m_code = newBytesBox(tr("Code keeps"), tr("ROM of the program around the model: code, bootloader"), this);
    m_stack = newBytesBox(tr("Stack and runtime keep"),
                          tr("RAM of the program around the model: stack, heap, runtime, radio"), this);
    const auto setUp = [this](QSpinBox* box, const std::vector<core::MemoryBank>* banks, std::int64_t bytes) {
        box->setEnabled(banks != nullptr);
        if (banks == nullptr) {
            box->setToolTip(tr("Choose a device first: the allowance is taken off its memory"));
            return;
        }
        const auto most = std::min<qint64>(usableBytes(*banks) - 1, std::numeric_limits<int>::max());
        box->setRange(0, static_cast<int>(std::max<qint64>(0, most)));
        box->setValue(static_cast<int>(std::min<qint64>(bytes, most)));
    };
    setUp(m_code, m_device ? &m_device->rom : nullptr, m_device ? m_device->reservedRomBytes : 0);
    setUp(m_stack, m_device ? &m_device->ram : nullptr, m_device ? m_device->reservedRamBytes : 0);
}

void FitSettings::useDeviceLimits() {
    if (m_device) {
        const QString name = QString::fromStdString(m_device->name);
        m_rom->setDeviceLimit(m_device->romLimitBytes(), name);
        m_ram->setDeviceLimit(m_device->ramLimitBytes(), name);
    }
    m_rom->setValue(m_device ? m_device->romLimitBytes() : m_romNow);
    m_ram->setValue(m_device ? m_device->ramLimitBytes() : m_ramNow);
}

void FitSettings::takeAllowances() {
    m_device->reservedRomBytes = m_code->value();
    m_device->reservedRamBytes = m_stack->value();
    useDeviceLimits();
}

void FitSettings::takeRamModel() {
    refreshBanks();
    Q_EMIT changed();
    Q_EMIT spaceChanged();
}

core::FitMethod FitSettings::chosenMethod() const {
    return static_cast<core::FitMethod>(m_method->currentData().toInt());
}

core::RamModel FitSettings::chosenRamModel() const {
    return static_cast<core::RamModel>(m_ramModel->currentData().toInt());
}

void FitSettings::choose(core::FitMethod method) {
    m_method->setCurrentIndex(m_method->findData(static_cast<int>(method)));
}

void FitSettings::setUsed(qint64 romBytes, qint64 ramBytes) {
    m_rom->setUsed(romBytes);
    m_ram->setUsed(ramBytes);
}

core::FitRequest FitSettings::request() const {
    core::FitRequest request;
    request.method = chosenMethod();
    request.limits.romBytes = m_rom->value();
    request.limits.ramBytes = m_ram->value();
    request.bits.weights = checkedBits(m_weightBits);
    request.bits.activations = checkedBits(m_activationBits);
    request.ramModel = chosenRamModel();
    if (request.ramModel == core::RamModel::Arena && m_device) {
        core::useBanks(request, chosenBanks(), m_ram->value());
    }
    return request;
}

}  // namespace bitlathe::ui
