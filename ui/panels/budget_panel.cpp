#include "ui/panels/budget_panel.h"

#include "plots/ram_timeline_plot.h"
#include "plots/rom_bar.h"
#include "ui/document/coding_costs.h"
#include "ui/document/layer_title.h"
#include "ui/panels/device_menu.h"
#include "ui/settings/icons.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QStyle>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

BudgetPanel::BudgetPanel(QuantDocument& document, Selection& selection, QWidget* parent)
    : QWidget(parent), m_document(document), m_selection(selection) {
    m_device = new QToolButton(this);
    m_device->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    setThemedIcon(m_device, QStringLiteral("device"));
    m_device->setToolTip(tr("Choose the device whose memory the model must fit"));
    connect(m_device, &QToolButton::clicked, this,
            [this] { Q_EMIT deviceChooserRequested(m_device->mapToGlobal(QPoint(0, m_device->height()))); });
    m_deviceDetail = new QLabel(this);
    m_deviceDetail->setProperty("role", QStringLiteral("muted"));
    m_verdict = new QLabel(this);
    m_verdict->setAccessibleName(tr("Verdict"));
    m_verdict->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    m_verdict->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_rom = new plots::RomBar(this);
    m_ram = new plots::RamTimelinePlot(this);
    m_rom->setEmptyText(QString());
    m_ram->setEmptyText(tr("Open a model to see what its layers need."));
    for (plots::LayerPlot* const plot :
         {static_cast<plots::LayerPlot*>(m_rom), static_cast<plots::LayerPlot*>(m_ram)}) {
        connect(plot, &plots::LayerPlot::layerClicked, this, &BudgetPanel::clickLayer);
        connect(plot, &plots::LayerPlot::layerHovered, &selection, &Selection::setHovered);
    }

    m_coding = new QLabel(this);
    m_coding->setProperty("role", QStringLiteral("caption"));
    m_coding->setContentsMargins(12, 0, 12, 0);
    m_coding->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_coding->setAccessibleName(tr("Size after lossless coding"));
    m_coding->hide();

    auto* const row = new QHBoxLayout;
    row->setContentsMargins(8, 8, 12, 0);
    row->setSpacing(10);
    row->addWidget(m_device);
    row->addWidget(m_deviceDetail);
    row->addWidget(m_verdict, 1);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 4);
    column->setSpacing(4);
    column->addLayout(row);
    column->addWidget(m_rom);
    column->addWidget(m_ram, 1);
    column->addWidget(m_coding);

    connect(&document, &QuantDocument::budgetChanged, this, &BudgetPanel::refresh);
    connect(&selection, &Selection::layersChanged, this, &BudgetPanel::refreshSelection);
    refresh();
}

QString BudgetPanel::verdict() const {
    return m_verdict->text();
}

void BudgetPanel::refresh() {
    const bool hasModel = m_document.hasModel();
    const std::optional<core::Device>& device = m_document.device();
    m_device->setEnabled(hasModel);
    m_device->setText(device ? QString::fromStdString(device->name) : tr("Choose a device"));
    m_deviceDetail->setText(device ? QString::fromStdString(device->core) + QStringLiteral(" · ") +
                                         deviceMemoryText(*device)
                                   : QString());
    const core::Budget& budget = m_document.budget();
    std::vector<plots::RomSegment> segments;
    std::vector<plots::RamStep> steps;
    for (const core::LayerBudget& layer : budget.layers) {
        const QString title = layerTitle(layer.layer);
        if (layer.romBytes() > 0) {
            segments.push_back({layer.layer, title, layer.romBytes(),
                                m_document.config().site({layer.layer, core::SiteKind::Weight}).bits});
        }
        steps.push_back({layer.layer, title, layer.inputBytes, layer.outputBytes, layer.liveBytes});
    }
    m_rom->setSegments(std::move(segments));
    m_ram->setSteps(std::move(steps));
    m_rom->setLimit(device ? std::optional<qint64>(device->romLimitBytes()) : std::nullopt);
    m_ram->setLimit(device ? std::optional<qint64>(device->ramLimitBytes()) : std::nullopt);
    refreshSelection();

    QString verdict;
    bool fits = true;
    if (hasModel && device) {
        fits = budget.fits(*device);
        const qint64 romLeft = device->romLimitBytes() - budget.romBytes;
        const qint64 ramLeft = device->ramLimitBytes() - budget.peakRamBytes;
        const QString rom = romLeft < 0 ? tr("ROM over by %1 B").arg(groupedNumber(-romLeft))
                                        : tr("%1 B of ROM to spare").arg(groupedNumber(romLeft));
        const QString peak =
            budget.peakLayer < 0
                ? QString()
                : layerTitle(budget.layers[static_cast<std::size_t>(budget.peakLayer)].layer);
        const QString ram = ramLeft < 0 ? tr("RAM over by %1 B at %2").arg(groupedNumber(-ramLeft), peak)
                                        : tr("%1 B of RAM to spare").arg(groupedNumber(ramLeft));
        verdict = (fits ? tr("✓ Fits · %1 · %2") : tr("✗ Too big · %1 · %2")).arg(rom, ram);
    } else if (hasModel) {
        verdict = tr("Needs %1 B of ROM and %2 B of RAM")
                      .arg(groupedNumber(budget.romBytes), groupedNumber(budget.peakRamBytes));
    }
    m_verdict->setText(verdict);
    m_verdict->setToolTip(verdict);
    m_verdict->setProperty("role", !device ? QStringLiteral("muted")
                                   : fits  ? QStringLiteral("good")
                                           : QStringLiteral("attention"));
    m_verdict->style()->polish(m_verdict);
}

void BudgetPanel::setCodingCosts(const CodingCosts* costs) {
    m_codingCosts = costs;
    connect(costs, &CodingCosts::changed, this, &BudgetPanel::refreshCoding);
    refreshCoding();
}

void BudgetPanel::refreshCoding() {
    const auto describe = [this](const QString& what, core::SiteKind kind) {
        const CodingCosts::Total total = m_codingCosts->total(kind);
        return total.tensors == 0
                   ? QString()
                   : tr("%1: entropy %2, Huffman %3 bit a code, %4 B → %5 B coded (%6 %)")
                         .arg(what, QString::number(total.entropyBits, 'f', 2),
                              QString::number(total.huffmanBits, 'f', 2), groupedNumber(total.plainBytes),
                              groupedNumber(total.codedBytes))
                         .arg(total.plainBytes > 0 ? 100 * total.codedBytes / total.plainBytes : 0);
    };
    const QString weights = describe(tr("Weights"), core::SiteKind::Weight);
    const QString activations = describe(tr("activations of one image"), core::SiteKind::Output);
    m_coding->setText(weights +
                      (weights.isEmpty() || activations.isEmpty() ? QString() : QStringLiteral("   ·   ")) +
                      activations);
    m_coding->setToolTip(m_coding->text());
    m_coding->setVisible(!m_coding->text().isEmpty());
}

void BudgetPanel::refreshSelection() {
    const std::set<core::LayerId> chosen(m_selection.layers().begin(), m_selection.layers().end());
    m_rom->setSelection(chosen);
    m_ram->setSelection(chosen);
}

void BudgetPanel::clickLayer(const core::LayerId& layer, Qt::KeyboardModifiers modifiers) {
    if (!modifiers.testFlag(Qt::ControlModifier)) {
        m_selection.selectOnly(layer);
        return;
    }
    std::vector<core::LayerId> layers = m_selection.layers();
    const auto found = std::find(layers.begin(), layers.end(), layer);
    if (found == layers.end()) {
        layers.push_back(layer);
        m_selection.select(std::move(layers), layer);
    } else {
        layers.erase(found);
        m_selection.select(std::move(layers));
    }
}

}  // namespace bitlathe::ui
