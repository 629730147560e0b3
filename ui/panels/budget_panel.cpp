#include "ui/panels/budget_panel.h"

#include "plots/ram_timeline_plot.h"
#include "plots/rom_bar.h"
#include "plots/tensor_timeline_plot.h"
#include "ui/document/coding_costs.h"
#include "ui/document/layer_title.h"
#include "ui/panels/device_menu.h"
#include "ui/panels/elided_label.h"
#include "ui/settings/icons.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QRegularExpression>
#include <QScrollArea>
#include <QStyle>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

namespace {

/// Below this width the device's memory is in its button's tip only.
constexpr int kRoomForDetail = 980;
/// Below this width the words stand under the plots instead of beside them.
constexpr int kRoomForWordsBeside = 700;
constexpr int kWordsWidth = 312;

}  // namespace

BudgetPanel::BudgetPanel(QuantDocument& document, Selection& selection, QWidget* parent)
    : QWidget(parent), m_document(document), m_selection(selection) {
    m_figures = new MemoryFigures(document, this);
    m_device = new QToolButton(this);
    m_device->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    setThemedIcon(m_device, QStringLiteral("device"));
    connect(m_device, &QToolButton::clicked, this,
            [this] { Q_EMIT deviceChooserRequested(m_device->mapToGlobal(QPoint(0, m_device->height()))); });
    m_deviceDetail = new QLabel(this);
    m_deviceDetail->setProperty("role", QStringLiteral("muted"));
    m_view = new QComboBox(this);
    m_view->setAccessibleName(tr("How memory is reckoned"));
    const auto addView = [this](MemoryView view, const QString& text, const QString& toolTip) {
        m_view->addItem(text, static_cast<int>(view));
        m_view->setItemData(m_view->count() - 1, toolTip, Qt::ToolTipRole);
    };
    addView(MemoryView::Alive, tr("alive, by layer"),
            tr("Formulas; every tensor somebody still needs while a layer runs"));
    addView(MemoryView::InOut, tr("in + out (paper)"),
            tr("Formulas; a layer's inputs and output alone: Rusci, Capotondi, Benini 2019"));
    addView(MemoryView::Tensors, tr("alive, by tensor"),
            tr("Formulas; which tensor lives from which step to which"));
    addView(MemoryView::Arena, tr("arena"), tr("Formulas; places in one arena, outputs over inputs"));
    addView(MemoryView::ExportedC, tr("as exported in C"),
            tr("The exported C program's own tables and arena, to the byte"));
    connect(m_view, &QComboBox::currentIndexChanged, this, &BudgetPanel::refresh);
    m_verdict = new ElidedLabel(this);
    m_verdict->setAccessibleName(tr("Verdict"));
    m_formulaRom = newCaptionLine(tr("What the ROM holds, by the formulas"));
    m_exportedRom = newCaptionLine(tr("What the ROM holds, as exported in C"));
    m_peak = newCaptionLine(tr("Peak of RAM"));
    m_coding = newCaptionLine(tr("Size after lossless coding"));
    m_coding->hide();
    buildPlots();

    auto* const row = new QHBoxLayout;
    row->setContentsMargins(8, 8, 12, 0);
    row->setSpacing(10);
    row->addWidget(m_device);
    row->addWidget(m_deviceDetail);
    row->addWidget(m_view);
    row->addWidget(m_verdict, 1);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 4);
    column->setSpacing(2);
    auto* const pictures = new QVBoxLayout;
    pictures->setSpacing(2);
    pictures->addWidget(m_rom);
    pictures->addWidget(m_ram, 1);
    pictures->addWidget(m_tensors, 1);
    // A low window has height for pictures or for words under them, not for both: words go to the side. They scroll
    // where even that is too low.
    m_words = new QScrollArea(this);
    m_words->setFrameShape(QFrame::NoFrame);
    m_words->setFocusPolicy(Qt::NoFocus);
    m_words->setWidgetResizable(true);
    m_words->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* const words = new QWidget(m_words);
    auto* const lines = new QVBoxLayout(words);
    lines->setContentsMargins(0, 2, 0, 2);
    lines->setSpacing(6);
    for (QLabel* const label : {m_formulaRom, m_exportedRom, m_peak, m_coding}) {
        lines->addWidget(label);
    }
    lines->addStretch();
    m_words->setWidget(words);
    m_words->viewport()->setAutoFillBackground(false);
    words->setAutoFillBackground(false);
    m_body = new QBoxLayout(QBoxLayout::LeftToRight);
    m_body->setSpacing(4);
    m_body->addLayout(pictures, 1);
    m_body->addWidget(m_words);
    column->addLayout(row);
    column->addLayout(m_body, 1);

    connect(&document, &QuantDocument::budgetChanged, this, &BudgetPanel::refresh);
    connect(m_figures, &MemoryFigures::targetChanged, this, [this] {
        refreshRomTexts();
        if (view() == MemoryView::ExportedC) {
            refresh();
        }
    });
    connect(&selection, &Selection::layersChanged, this, &BudgetPanel::refreshSelection);
    refresh();
}

void BudgetPanel::buildPlots() {
    m_rom = new plots::RomBar(this);
    m_ram = new plots::RamTimelinePlot(this);
    m_tensors = new plots::TensorTimelinePlot(this);
    m_rom->setEmptyText(QString());
    m_ram->setEmptyText(tr("Open a model to see what its layers need."));
    for (plots::LayerPlot* const plot :
         {static_cast<plots::LayerPlot*>(m_rom), static_cast<plots::LayerPlot*>(m_ram),
          static_cast<plots::LayerPlot*>(m_tensors)}) {
        connect(plot, &plots::LayerPlot::layerClicked, this, &BudgetPanel::clickLayer);
        connect(plot, &plots::LayerPlot::layerHovered, &m_selection, &Selection::setHovered);
    }
}

QLabel* BudgetPanel::newCaptionLine(const QString& accessibleName) {
    auto* const label = new QLabel(this);
    label->setProperty("role", QStringLiteral("caption"));
    label->setContentsMargins(12, 0, 12, 0);
    label->setWordWrap(true);
    label->setAccessibleName(accessibleName);
    return label;
}

void BudgetPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    m_deviceDetail->setVisible(width() >= kRoomForDetail);
    const bool isBeside = width() >= kRoomForWordsBeside;
    m_body->setDirection(isBeside ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    m_words->setMinimumWidth(isBeside ? kWordsWidth : 0);
    m_words->setMaximumWidth(isBeside ? kWordsWidth : QWIDGETSIZE_MAX);
}

/// Sets a caption whose figures stay on one line with their units.
void BudgetPanel::setWords(QLabel& label, const QString& text) {
    static const QRegularExpression unit(QStringLiteral("(\\d) (B\\b|%|bit\\b)"));
    QString words = text;
    label.setText(words.replace(unit, QStringLiteral("\\1\u00a0\\2")));
    label.setToolTip(text);
    label.setVisible(!text.isEmpty());
}

QString BudgetPanel::verdict() const {
    return m_verdict->text();
}

QString BudgetPanel::romText() const {
    return m_formulaRom->toolTip() + QLatin1Char('\n') + m_exportedRom->toolTip();
}

QString BudgetPanel::peak() const {
    return m_peak->toolTip();
}

MemoryView BudgetPanel::view() const {
    return static_cast<MemoryView>(m_view->currentData().toInt());
}

void BudgetPanel::choose(MemoryView view) {
    m_view->setCurrentIndex(m_view->findData(static_cast<int>(view)));
}

void BudgetPanel::refresh() {
    const std::optional<core::Device>& device = m_document.device();
    const QString detail =
        device ? QString::fromStdString(device->core) + QStringLiteral(" · ") + deviceMemoryText(*device)
               : QString();
    m_device->setEnabled(m_document.hasModel());
    m_device->setText(device ? QString::fromStdString(device->name) : tr("Choose a device"));
    m_device->setToolTip(tr("Choose the device whose memory the model must fit") +
                         (device ? QLatin1Char('\n') + detail : QString()));
    m_deviceDetail->setText(detail);
    const MemoryView view = this->view();
    const bool isByLayer = view == MemoryView::Alive || view == MemoryView::InOut || !m_document.hasModel();
    m_ram->setVisible(isByLayer);
    m_tensors->setVisible(!isByLayer);
    m_rom->setLimit(device ? std::optional<qint64>(device->romLimitBytes()) : std::nullopt);
    m_ram->setLimit(device ? std::optional<qint64>(device->ramLimitBytes()) : std::nullopt);
    m_tensors->setLimit(device ? std::optional<qint64>(device->ramLimitBytes()) : std::nullopt);

    const std::shared_ptr<const core::TargetBudget>& target = m_figures->target();
    if (view != MemoryView::ExportedC || !m_document.hasModel()) {
        showVerdict(showFormulas(view));
    } else if (target && target->exported) {
        showVerdict(showExported(*target->exported));
    } else {
        m_rom->setSegments({});
        m_tensors->setSpans({}, -1, {});
        m_tensors->setEmptyText(
            target
                ? tr("There is no C of this configuration.\n%1").arg(QString::fromStdString(target->refusal))
                : tr("Laying out the C program…"));
        setWords(*m_peak, {});
        m_verdict->clear();
    }
    refreshRomTexts();
    refreshSelection();
}

BudgetPanel::Figures BudgetPanel::showFormulas(MemoryView view) {
    const core::Budget budget = m_figures->formulas(view);
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
    if (view == MemoryView::Arena) {
        showSpans(budget.arenaBuffers, budget.arena,
                  tr("Arena, outputs over inputs: %1 B").arg(groupedNumber(budget.arena.bytes)));
    } else if (view == MemoryView::Tensors) {
        const core::Budget apart = m_figures->placedApart();
        showSpans(apart.arenaBuffers, apart.arena,
                  tr("Tensors, each at a place of its own: %1 B").arg(groupedNumber(apart.arena.bytes)));
    }
    Figures figures{budget.romBytes, budget.peakRamBytes, {}, ui::peakText(budget)};
    if (budget.peakLayer >= 0) {
        figures.peakLayer = layerTitle(budget.layers[static_cast<std::size_t>(budget.peakLayer)].layer);
    }
    return figures;
}

BudgetPanel::Figures BudgetPanel::showExported(const core::CBudget& budget) {
    std::vector<plots::RomSegment> segments;
    for (const core::CLayerBudget& layer : budget.layers) {
        if (layer.romBytes() > 0) {
            segments.push_back({layer.layer, layerTitle(layer.layer), layer.romBytes(),
                                m_document.config().site({layer.layer, core::SiteKind::Weight}).bits});
        }
    }
    if (budget.sizes.descriptionBytes > 0) {
        segments.push_back(
            {core::LayerId(), tr("descriptions of all layers"), budget.sizes.descriptionBytes, std::nullopt});
    }
    m_rom->setSegments(std::move(segments));
    showSpans(budget.buffers, budget.arena,
              tr("Arena of the C program: %1 B, beside the caller's input %2 and output %3 B")
                  .arg(groupedNumber(budget.sizes.arenaBytes), groupedNumber(budget.sizes.inputBytes),
                       groupedNumber(budget.sizes.outputBytes)));
    Figures figures{budget.romBytes(), budget.ramBytes(), {}, ui::peakText(budget)};
    if (budget.peakLayer() >= 0) {
        figures.peakLayer = layerTitle(budget.layers[static_cast<std::size_t>(budget.peakLayer())].layer);
    }
    return figures;
}

void BudgetPanel::showSpans(const std::vector<core::ArenaBuffer>& buffers, const core::ArenaPlan& plan,
                            const QString& caption) {
    std::vector<plots::TensorSpan> spans;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
        // A kernel's own memory is named behind the layer's path: "blocks.1.depthwise rows".
        const std::string& name = buffers[i].name;
        const std::size_t space = name.find(' ');
        plots::TensorSpan span;
        span.layer = core::LayerId(name.substr(0, space));
        span.isScratch = space != std::string::npos;
        span.name = layerTitle(span.layer) +
                    (span.isScratch ? QString::fromStdString(name.substr(space)) : QString());
        span.bytes = buffers[i].bytes;
        span.offset = std::max<std::int64_t>(0, plan.offsets[i]);
        span.first = buffers[i].first;
        span.last = buffers[i].last;
        span.bits = m_document.config().site({span.layer, core::SiteKind::Output}).bits;
        spans.push_back(std::move(span));
    }
    m_tensors->setSpans(std::move(spans), plan.peakStep, caption);
}

void BudgetPanel::showVerdict(const Figures& figures) {
    setWords(*m_peak, figures.peakText.isEmpty() ? QString() : tr("Peak at %1").arg(figures.peakText));
    const std::optional<core::Device>& device = m_document.device();
    QString verdict;
    bool fits = true;
    if (m_document.hasModel() && device) {
        const qint64 romLeft = device->romLimitBytes() - figures.romBytes;
        const qint64 ramLeft = device->ramLimitBytes() - figures.ramBytes;
        fits = romLeft >= 0 && ramLeft >= 0;
        const QString rom = romLeft < 0 ? tr("ROM over by %1 B").arg(groupedNumber(-romLeft))
                                        : tr("%1 B of ROM to spare").arg(groupedNumber(romLeft));
        const QString ram = ramLeft < 0
                                ? tr("RAM over by %1 B at %2").arg(groupedNumber(-ramLeft), figures.peakLayer)
                                : tr("%1 B of RAM to spare").arg(groupedNumber(ramLeft));
        verdict = (fits ? tr("✓ Fits · %1 · %2") : tr("✗ Too big · %1 · %2")).arg(rom, ram);
    } else if (m_document.hasModel()) {
        verdict = tr("Needs %1 B of ROM and %2 B of RAM")
                      .arg(groupedNumber(figures.romBytes), groupedNumber(figures.ramBytes));
    }
    m_verdict->setText(verdict);
    m_verdict->setToolTip(verdict);
    m_verdict->setProperty("role", !device ? QStringLiteral("muted")
                                   : fits  ? QStringLiteral("good")
                                           : QStringLiteral("attention"));
    m_verdict->style()->polish(m_verdict);
}

void BudgetPanel::refreshRomTexts() {
    const bool hasModel = m_document.hasModel();
    const core::Budget& budget = m_document.budget();
    const core::Device device = m_document.device().value_or(core::Device());
    setWords(*m_formulaRom, hasModel ? tr("By the formulas: %1; RAM %2 B")
                                           .arg(romSplitText(core::romSplit(budget, device)),
                                                groupedNumber(m_figures->formulas(view()).peakRamBytes))
                                     : QString());
    const std::shared_ptr<const core::TargetBudget>& target = m_figures->target();
    QString exported;
    if (target && target->exported) {
        exported = tr("As exported in C: %1; RAM %2 B%3")
                       .arg(romSplitText(target->exportedSplit), groupedNumber(target->exported->ramBytes()),
                            target->isCalibrated ? QString() : tr(" (ranges assumed: not calibrated)"));
    } else if (target) {
        exported = tr("Not as C: %1").arg(QString::fromStdString(target->refusal));
    } else if (m_figures->isBusy()) {
        exported = tr("As exported in C: …");
    }
    setWords(*m_exportedRom, exported);
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
    const QString activations = describe(tr("Activations of one image"), core::SiteKind::Output);
    setWords(*m_coding, weights +
                            (weights.isEmpty() || activations.isEmpty() ? QString() : QStringLiteral("\n")) +
                            activations);
}

void BudgetPanel::refreshSelection() {
    const std::set<core::LayerId> chosen(m_selection.layers().begin(), m_selection.layers().end());
    m_rom->setSelection(chosen);
    m_ram->setSelection(chosen);
    m_tensors->setSelection(chosen);
}

void BudgetPanel::clickLayer(const core::LayerId& layer, Qt::KeyboardModifiers modifiers) {
    if (layer.empty()) {
        return;  // what belongs to no layer of its own
    }
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
