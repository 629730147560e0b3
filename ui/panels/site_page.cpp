#include "ui/panels/site_page.h"

#include "core/observers/observer.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/registry.h"
#include "plots/error_curve_plot.h"
#include "plots/histogram_plot.h"
#include "plots/number_text.h"
#include "ui/commands/set_layer_config_command.h"
#include "ui/document/coding_costs.h"
#include "ui/document/config_edits.h"
#include "ui/document/layer_title.h"
#include "ui/document/site_evaluation.h"
#include "ui/models/range_method_model.h"
#include "ui/models/scheme_choices.h"
#include "ui/panels/method_editor.h"
#include "ui/panels/panel_parts.h"
#include "ui/settings/icons.h"
#include "ui/settings/theme.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPoint>
#include <QScrollArea>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace bitlathe::ui {

namespace {

/// Codes of a grid are worth ticks up to this many; more could not be told apart.
constexpr int kMaxShownLevels = 256;
/// Below these heights a picture tells nothing; the page scrolls instead.
constexpr int kHistogramHeight = 150;
constexpr int kCurveHeight = 138;
/// Of the error curve: one every 4 px or so.
constexpr int kCurvePoints = 80;

QString decibels(double value) {
    return std::isfinite(value) ? QString::number(value, 'f', 2) + QStringLiteral(" dB")
                                : QStringLiteral("∞ dB");
}

QString percent(double share) {
    const double value = 100 * share;
    if (value == 0) {
        return QStringLiteral("0 %");
    }
    return value < 0.01 ? QStringLiteral("< 0.01 %") : QString::number(value, 'f', 2) + QStringLiteral(" %");
}

/// "▲ 1.92" in green or "▼ 0.40" in orange; nothing below what the figures show.
QString deltaText(const SiteState& state) {
    if (!state.error || !state.observerError) {
        return {};
    }
    const double delta = state.error->sqnrDb - state.observerError->sqnrDb;
    if (!std::isfinite(delta) || std::abs(delta) < 0.005) {
        return {};
    }
    const Theme& theme = currentTheme();
    return QStringLiteral(" <span style='color:%1'>%2%3</span>")
        .arg((delta > 0 ? theme.good : theme.attention).name(),
             delta > 0 ? QStringLiteral("▲") : QStringLiteral("▼"), QString::number(std::abs(delta), 'f', 2));
}

std::vector<double> levelsOf(const core::QParams& qparams) {
    return qparams.isPerChannel() || qparams.quantMax - qparams.quantMin + 1 > kMaxShownLevels
               ? std::vector<double>()
               : core::levelValues(qparams);
}

/// Stems of more levels than this would only cover the bars.
constexpr std::size_t kMaxStems = 64;
/// Weights that may be quantized on the GUI thread for the picture: under a millisecond.
constexpr std::int64_t kInstantWeights = 100'000;

std::vector<plots::LevelCount> levelCountsOf(const SiteQuestion& question, const SiteState& state) {
    std::vector<plots::LevelCount> counts;
    if (!state.qparams || weightsToRead(question) > kInstantWeights) {
        return counts;
    }
    const std::vector<core::LevelShare> shares = levelShares(question, *state.qparams);
    if (shares.size() > kMaxStems) {
        return counts;
    }
    for (const core::LevelShare& share : shares) {
        counts.push_back({share.level, share.count});
    }
    return counts;
}

core::Range representable(const core::QParams& qparams) {
    return {qparams.representableLower(), qparams.representableUpper()};
}

/// One of several ways, as a box offers it.
struct Choice {
    template <typename Way>
    Choice(Way way, QString what, QString why)
        : value(static_cast<int>(way)), text(std::move(what)), toolTip(std::move(why)) {}

    int value;
    QString text;
    QString toolTip;
};

QComboBox* addChoiceRow(QFormLayout& form, const QString& name, const std::vector<Choice>& choices) {
    QWidget* const parent = form.parentWidget();
    auto* const box = new QComboBox(parent);
    box->setAccessibleName(name);
    box->setFocusPolicy(Qt::StrongFocus);
    for (const Choice& choice : choices) {
        box->addItem(choice.text, choice.value);
        box->setItemData(box->count() - 1, choice.toolTip, Qt::ToolTipRole);
    }
    keepNarrow(*box);
    auto* const label = new QLabel(name, parent);
    label->setProperty("role", QStringLiteral("muted"));
    label->setBuddy(box);
    form.addRow(label, box);
    return box;
}

template <typename Way>
Way chosen(const QComboBox& box) {
    return static_cast<Way>(box.currentData().toInt());
}

/// A granularity as the data of a box's item.
QPoint codeOf(const core::Granularity& granularity) {
    return {static_cast<int>(granularity.kind), granularity.groupSize};
}

double nearestPowerOfTwo(double value) {
    return value == 0 ? 0 : std::copysign(std::exp2(std::round(std::log2(std::abs(value)))), value);
}

}  // namespace

SitePage::SitePage(core::SiteKind kind, QuantDocument& document, Selection& selection, QWidget* parent)
    : QWidget(parent), m_kind(kind), m_document(document), m_selection(selection) {
    m_histogram = new plots::HistogramPlot(this);
    m_histogram->setMinimumHeight(kHistogramHeight);
    connect(m_histogram, &plots::HistogramPlot::rangeDragged, this, &SitePage::takeDrag);
    connect(m_histogram, &plots::HistogramPlot::dragCancelled, this, &SitePage::cancelDrag);

    m_curve = new plots::ErrorCurvePlot(this);
    m_curve->setMinimumHeight(kCurveHeight);
    m_curve->setEmptyText(QString());
    connect(m_histogram, &plots::HistogramPlot::axisChanged, m_curve, &plots::ErrorCurvePlot::setAxis);
    connect(m_curve, &plots::ErrorCurvePlot::markClicked, this, &SitePage::takeMark);

    const auto figure = [this](const QString& name) {
        auto* const label = new QLabel(this);
        label->setTextFormat(Qt::RichText);
        label->setAccessibleName(name);
        return label;
    };
    m_sqnr = figure(tr("SQNR"));
    m_mse = figure(tr("MSE"));
    m_clipped = figure(tr("Clipped share"));
    m_sqnr->setToolTip(tr("Signal to quantization noise of this tensor alone; the arrow compares with the "
                          "range method's choice"));
    m_mse->setToolTip(tr("Mean squared quantization error, in squared units of the tensor"));
    m_clipped->setToolTip(tr("Share of values outside what the codes can represent"));
    auto* const figures = new QHBoxLayout;
    figures->setContentsMargins(12, 0, 10, 0);
    figures->setSpacing(0);
    figures->addWidget(m_sqnr);
    figures->addStretch();
    figures->addWidget(m_mse);
    figures->addStretch();
    figures->addWidget(m_clipped);

    m_coding = new QLabel(this);
    m_coding->setProperty("role", QStringLiteral("caption"));
    m_coding->setContentsMargins(12, 0, 12, 0);
    m_coding->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_coding->setAccessibleName(tr("Size after lossless coding"));
    m_coding->setToolTip(
        tr("How many bits a code carries and takes: Shannon entropy, average length of a Huffman "
           "code, and the tensor's size packed and coded"));
    buildChoices();
    buildRangeMethods();
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 4, 0, 0);
    column->setSpacing(6);
    column->addWidget(m_histogram, 3);
    column->addLayout(figures);
    column->addWidget(m_coding);
    column->addWidget(m_curve, 2);
    column->addWidget(m_choices);
    column->addWidget(m_methods);

    connect(&selection, &Selection::currentChanged, this, &SitePage::showLayer);
    connect(&selection, &Selection::layersChanged, this, &SitePage::showChoices);
    connect(&document, &QuantDocument::modelChanged, this, &SitePage::showLayer);
    connect(&document, &QuantDocument::statisticsChanged, this, &SitePage::showLayer);
    connect(&document, &QuantDocument::layerConfigChanged, this, [this](const core::LayerId& layer) {
        if (layer == m_layer) {
            // Folded and unfolded weights are other values.
            m_document.layerConfig(layer).batchNorm == m_shownBatchNorm ? showChoices() : showLayer();
        }
    });
    showLayer();
}

void SitePage::buildChoices() {
    m_bits = new QComboBox(this);
    m_bits->addItems(bitsTexts());
    m_bits->setAccessibleName(tr("Bits"));
    m_bits->setFocusPolicy(Qt::StrongFocus);
    connect(m_bits, &QComboBox::activated, this, [this] {
        const int bits = bitsFromText(m_bits->currentText()).value_or(0);
        edit(setBits(m_document, targets(), m_kind, bits == 0 ? std::nullopt : std::optional<int>(bits)));
    });
    m_granularity = new QComboBox(this);
    m_granularity->setAccessibleName(tr("Scales"));
    using Kind = core::Granularity::Kind;
    m_granularity->addItem(tr("per tensor"), codeOf({Kind::Tensor, 0}));
    m_granularity->addItem(tr("per channel"), codeOf({Kind::Channel, 0}));
    // Sizes that divide most layers' channels; another one joins when a configuration comes with it.
    for (const int size : {4, 8, 16, 32}) {
        m_granularity->addItem(tr("groups of %1").arg(size), codeOf({Kind::Group, size}));
    }
    m_granularity->setFocusPolicy(Qt::StrongFocus);
    for (QComboBox* const box : {m_bits, m_granularity}) {
        keepNarrow(*box);
    }
    connect(m_granularity, &QComboBox::activated, this, [this] {
        const QPoint chosenScales = m_granularity->currentData().toPoint();
        edit(setQuantizer(
            m_document, targets(), m_kind, m_quantizer->spec(),
            core::Granularity{static_cast<core::Granularity::Kind>(chosenScales.x()), chosenScales.y()}));
    });
    m_quantizer = new MethodEditor(tr("Quantizer"), core::quantizerRegistry().list(), this);
    connect(m_quantizer, &MethodEditor::specEdited, this, [this](const core::MethodSpec& spec, int) {
        edit(setQuantizer(m_document, targets(), m_kind, spec));
    });
    m_observer = new MethodEditor(tr("Range from"), core::observerRegistry().list(), this);
    connect(m_observer, &MethodEditor::specEdited, this, [this](const core::MethodSpec& spec, int series) {
        if (series != m_methodSeries) {
            m_methodSeries = series;
            m_methodGesture = m_document.nextGesture();
        }
        edit(setObserver(m_document, targets(), m_kind, spec, m_methodGesture));
    });

    const auto boundEdit = [this](const QString& name) {
        auto* const line = new QLineEdit(this);
        line->setAccessibleName(name);
        line->setAlignment(Qt::AlignRight);
        line->setMinimumWidth(60);
        connect(line, &QLineEdit::editingFinished, this, &SitePage::takeTypedBounds);
        return line;
    };
    m_lower = boundEdit(tr("Lower clip"));
    m_upper = boundEdit(tr("Upper clip"));
    m_reset = new QToolButton(this);
    setThemedIcon(m_reset, QStringLiteral("reset"));
    m_reset->setIconSize({14, 14});
    m_reset->setToolTip(tr("Back to the range the method chooses"));
    m_reset->setAccessibleName(m_reset->toolTip());
    connect(m_reset, &QToolButton::clicked, this,
            [this] { edit(setManualRange(m_document, site(), std::nullopt)); });

    auto* const bitsRow = new QHBoxLayout;
    bitsRow->setSpacing(6);
    bitsRow->addWidget(m_bits, 1);
    bitsRow->addWidget(m_granularity, 1);
    auto* const clipRow = new QHBoxLayout;
    clipRow->setSpacing(5);
    clipRow->addWidget(m_lower, 1);
    clipRow->addWidget(new QLabel(QStringLiteral("…"), this));
    clipRow->addWidget(m_upper, 1);
    clipRow->addWidget(m_reset);

    m_note = new QLabel(this);
    m_note->setProperty("role", QStringLiteral("caption"));
    m_note->setWordWrap(true);

    m_choices = new QWidget(this);
    auto* const form = new QFormLayout(m_choices);
    form->setContentsMargins(12, 2, 12, 10);
    form->setHorizontalSpacing(14);
    form->setVerticalSpacing(6);
    const auto addRow = [&](const QString& text, auto* field, QWidget* buddy) {
        auto* const label = new QLabel(text, m_choices);
        label->setProperty("role", QStringLiteral("muted"));
        label->setBuddy(buddy);
        form->addRow(label, field);
    };
    addRow(tr("Bits"), bitsRow, m_bits);
    addRow(tr("Quantizer"), m_quantizer, m_quantizer);
    addRow(tr("Range from"), m_observer, m_observer);
    addRow(tr("Clip"), clipRow, m_lower);
    if (m_kind == core::SiteKind::Weight) {
        addWeightRows(*form);
    } else {
        addOutputRows(*form);
    }
    form->addRow(m_note);
}

void SitePage::addWeightRows(QFormLayout& form) {
    using core::BatchNormMode;
    m_batchNorm = addChoiceRow(
        form, tr("Batch norm"),
        {{BatchNormMode::Folded, tr("folded into the weights"),
          tr("Scale and shift go into weights and bias before they are quantized")},
         {BatchNormMode::NotFolded, tr("kept as float"),
          tr("Weights are quantized as they are; batch norm stays a float operator behind the layer")},
         {BatchNormMode::Icn, tr("kept as integers (ICN)"),
          tr("Weights are quantized as they are; batch norm becomes per-channel integers behind the "
             "accumulator")},
         {BatchNormMode::FakeBn, tr("fake batch norm"),
          tr("Quantized as folded and unfolded again, so that batch norm stays trainable; deployed as "
             "folded")}});
    connect(m_batchNorm, &QComboBox::activated, this, [this] {
        edit(setBatchNormMode(m_document, targets(), chosen<core::BatchNormMode>(*m_batchNorm)));
    });
    m_padding =
        addChoiceRow(form, tr("Padding"),
                     {{core::PaddingOrder::AfterQuantization, tr("exact zeros"),
                       tr("Zeros are put around the quantized values, whatever the input's grid")},
                      {core::PaddingOrder::BeforeQuantization, tr("zeros on the input's grid"),
                       tr("Zeros are quantized with the values: where the grid has no code for zero, they "
                          "become its nearest level. Neither trained nor exported then")}});
    connect(m_padding, &QComboBox::activated, this,
            [this] { edit(setPaddingOrder(m_document, targets(), chosen<core::PaddingOrder>(*m_padding))); });
    m_takesPostTraining = new QCheckBox(tr("post-training methods change it"), this);
    connect(m_takesPostTraining, &QCheckBox::clicked, this,
            [this](bool isOn) { edit(setTakesPostTraining(m_document, targets(), isOn)); });
    form.addRow(m_takesPostTraining);
}

void SitePage::addOutputRows(QFormLayout& form) {
    m_rangeTime = addChoiceRow(
        form, tr("Range taken"),
        {{core::RangeTime::Offline, tr("in calibration"), tr("Once: the same range for every input")},
         {core::RangeTime::Online, tr("from each batch"),
          tr("While the values pass: nothing to calibrate, but results depend on the batch, and it is "
             "neither trained nor exported")}});
    connect(m_rangeTime, &QComboBox::activated, this,
            [this] { edit(setRangeTime(m_document, targets(), chosen<core::RangeTime>(*m_rangeTime))); });
}

void SitePage::showWeightRows() {
    if (m_batchNorm == nullptr) {
        return;
    }
    const core::Layer* const layer = m_document.layer(m_layer);
    const core::LayerQuant quant = m_document.layerConfig(m_layer);
    m_batchNorm->setEnabled(layer != nullptr && layer->hasBatchNorm);
    m_batchNorm->setToolTip(m_batchNorm->isEnabled() ? QString() : tr("This layer has no batch norm."));
    m_batchNorm->setCurrentIndex(m_batchNorm->findData(static_cast<int>(quant.batchNorm)));
    m_padding->setEnabled(layer != nullptr && canPad(*layer));
    m_padding->setToolTip(m_padding->isEnabled() ? QString() : tr("Only convolutions are padded."));
    m_padding->setCurrentIndex(m_padding->findData(static_cast<int>(quant.padding)));
    m_takesPostTraining->setChecked(quant.takesPostTraining);
}

void SitePage::buildRangeMethods() {
    m_methodModel = new RangeMethodModel(this);
    m_methods = newPanelTable(tr("Range methods"), this);
    m_methods->setModel(m_methodModel);
    m_methods->setSelectionMode(QAbstractItemView::SingleSelection);
    m_methods->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_methods->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    QHeaderView* const header = m_methods->horizontalHeader();
    header->setSectionsMovable(false);
    header->setMinimumSectionSize(header->fontMetrics().horizontalAdvance(tr("clipping")) + 24);
    header->setSectionResizeMode(QHeaderView::ResizeToContents);
    header->setSectionResizeMode(RangeMethodModel::Method, QHeaderView::Stretch);
    connect(m_methods, &QTableView::activated, this, [this](const QModelIndex& index) {
        takeObserver(index.data(RangeMethodModel::NameRole).toString().toStdString());
    });
}

std::vector<core::LayerId> SitePage::targets() const {
    return m_selection.contains(m_layer) ? m_selection.layers() : std::vector<core::LayerId>{m_layer};
}

QString SitePage::figures() const {
    const SiteState& state = m_document.siteState(site());
    if (!state.error) {
        return {};
    }
    return tr("SQNR %1, MSE %2, clipped %3")
        .arg(decibels(state.error->sqnrDb), QString::number(state.error->meanSquaredError, 'e', 1),
             percent(state.error->clippedShare));
}

void SitePage::showLayer() {
    m_layer = m_selection.current();
    m_shownBatchNorm = m_document.layerConfig(m_layer).batchNorm;
    m_plotGesture = 0;
    m_curveQuant = {};
    const core::SiteStatistics* const statistics = m_document.siteStatistics(site());
    const core::Layer* const layer = m_document.layer(m_layer);
    const bool isWeight = m_kind == core::SiteKind::Weight;
    if (m_layer.empty()) {
        m_histogram->setEmptyText(tr("Select a layer to see its values."));
    } else if (isWeight && (layer == nullptr || !layer->hasWeights())) {
        m_histogram->setEmptyText(tr("%1 has no weights.").arg(layerTitle(m_layer)));
    } else if (!isWeight && layer != nullptr && !layer->isQuantizable) {
        m_histogram->setEmptyText(tr("%1 keeps the grid of its input.").arg(layerTitle(m_layer)));
    } else {
        m_histogram->setEmptyText(tr("Not calibrated yet.\nPress Calibrate (F7) to collect histograms."));
    }
    m_histogram->setHistogram(statistics != nullptr ? statistics->histogram : core::Histogram());
    showCurve(std::nullopt);
    if (statistics != nullptr) {
        m_histogram->setValueCaption(
            isWeight
                ? tr("weight value, %1 weights").arg(groupedNumber(static_cast<qint64>(statistics->count)))
                : tr("output value, %1 images").arg(groupedNumber(static_cast<qint64>(statistics->samples))));
    }
    showChoices();
}

void SitePage::showChoices() {
    const bool canEdit = canQuantize(m_document, m_layer, m_kind);
    m_choices->setVisible(canEdit);
    if (!canEdit) {
        m_histogram->clearRange();
        m_histogram->setLevels({});
        m_histogram->setLevelCounts({});
        showCurve(std::nullopt);
        showFigures();
        return;
    }
    const core::SiteQuant quant = m_document.config().site(site());
    const SiteState& state = m_document.siteState(site());
    const core::SiteStatistics* const statistics = m_document.siteStatistics(site());
    const bool isFloat = quant.isFloat();
    const bool isPerTensor = quant.granularity.kind == core::Granularity::Kind::Tensor;

    m_bits->setCurrentIndex(
        m_bits->findText(isFloat ? QStringLiteral("float") : QString::number(quant.bits->bits())));
    showGranularity(quant.granularity);
    m_quantizer->setSpec(quant.quantizer);
    m_observer->setSpec(quant.observer);
    for (QWidget* const each : {static_cast<QWidget*>(m_granularity), static_cast<QWidget*>(m_quantizer),
                                static_cast<QWidget*>(m_observer)}) {
        each->setEnabled(!isFloat);
    }
    const bool isOnline = quant.ranges == core::RangeTime::Online;
    if (m_rangeTime != nullptr) {
        m_rangeTime->setEnabled(!isFloat);
        m_rangeTime->setCurrentIndex(m_rangeTime->findData(static_cast<int>(quant.ranges)));
    }
    const bool hasGrid = state.qparams.has_value() && !state.qparams->isPerChannel();
    for (QWidget* const each : {static_cast<QWidget*>(m_lower), static_cast<QWidget*>(m_upper)}) {
        each->setEnabled(hasGrid && !isOnline);
    }
    m_reset->setEnabled(quant.manualRange.has_value());

    showWeightRows();
    const std::size_t count = targets().size();
    m_note->setText(count > 1 ? tr("Bits, quantizer and range go to all %1 selected layers.").arg(count)
                    : isFloat ? tr("Float: nothing is rounded. Choose bits to quantize.")
                    : !isPerTensor
                        ? tr("Every channel has its own range. Choose per tensor to drag one by hand.")
                    : isOnline ? tr("Each batch has its own range; shown is that of the calibration images.")
                    : hasGrid  ? QString()
                               : state.problem);
    m_note->setVisible(!m_note->text().isEmpty());

    m_histogram->setLevelCounts(levelCountsOf(m_document.question(site()), state));
    if (!hasGrid) {
        m_histogram->clearRange();
        m_histogram->setRepresentableRange(std::nullopt);
        m_histogram->setLevels({});
        m_lower->clear();
        m_upper->clear();
        showCurve(std::nullopt);
    } else {
        const core::QParams& qparams = *state.qparams;
        const core::Range grid = representable(qparams);
        const core::Range clip = quant.manualRange.value_or(grid);
        m_isSymmetric = qparams.isSigned() && qparams.zeroPoint[0] == 0;
        const bool isOneSided = statistics != nullptr && statistics->minimum >= 0;
        m_histogram->setSymmetric(m_isSymmetric);
        m_histogram->setMovable(!isOneSided && !isOnline, !isOnline);
        m_histogram->setSnap(quant.quantizer.name == "power_of_two" ? nearestPowerOfTwo
                                                                    : std::function<double(double)>());
        m_histogram->setRange(clip);
        m_histogram->setRepresentableRange(grid);
        m_histogram->setLevels(levelsOf(qparams));
        showCurve(clip);
        if (!m_lower->hasFocus()) {
            m_lower->setText(plots::shortValue(clip.lower));
        }
        if (!m_upper->hasFocus()) {
            m_upper->setText(plots::shortValue(clip.upper));
        }
    }
    showFigures();
    showCodingCost();
}

void SitePage::showGranularity(const core::Granularity& granularity) {
    const QPoint code = codeOf(granularity);
    if (m_granularity->findData(code) < 0) {
        m_granularity->addItem(tr("groups of %1").arg(granularity.groupSize), code);
    }
    m_granularity->setCurrentIndex(m_granularity->findData(code));
}

void SitePage::showFigures() {
    const SiteState& state = m_document.siteState(site());
    const auto show = [](QLabel* label, const QString& name, const QString& value,
                         const QString& extra = {}) {
        // Rich text breaks at plain spaces whatever the label says.
        label->setText(QStringLiteral("%1 <b>%2</b>%3")
                           .arg(name, value.toHtmlEscaped(), extra)
                           .replace(QLatin1Char(' '), QStringLiteral("&nbsp;"))
                           .replace(QStringLiteral("<span&nbsp;"), QStringLiteral("<span ")));
        QFont bold = label->font();
        bold.setBold(true);
        const QFontMetrics metrics(bold);
        label->setMinimumWidth(metrics.horizontalAdvance(name + QLatin1Char(' ') + value) + 2 +
                               (extra.isEmpty() ? 0 : metrics.horizontalAdvance(QStringLiteral(" ▲0.00"))));
    };
    const auto nothing = state.isPending ? QStringLiteral("…") : QStringLiteral("–");
    show(m_sqnr, tr("SQNR"), state.error ? decibels(state.error->sqnrDb) : nothing, deltaText(state));
    show(m_mse, tr("MSE"), state.error ? QString::number(state.error->meanSquaredError, 'g', 2) : nothing);
    show(m_clipped, tr("clipped"), state.error ? percent(state.error->clippedShare) : nothing);
}

void SitePage::showCurve(const std::optional<core::Range>& clip) {
    m_curve->setVisible(clip.has_value());  // without a clip there is nothing to draw over it
    if (!clip) {
        m_curveWork.cancel();
        takeCurve({});
        takeChoices({}, {});
        m_curveQuant = {};
        return;
    }
    core::SiteQuant quant = m_document.config().site(site());
    quant.manualRange.reset();
    const bool isOther = quant != m_curveQuant;
    if (isOther || clip->lower != m_curveLower) {
        m_curveQuant = quant;
        m_curveLower = clip->lower;
        // The methods' choices do not follow a drag, but a worker that is overtaken drops both.
        m_curveWork.start([this, asked = m_document.question(site()), quant,
                           lower = clip->lower]() -> experiments::LatestWins::Delivery {
            std::vector<ErrorCurvePoint> points = errorCurve(asked, lower, kCurvePoints);
            std::vector<ObserverChoice> choices = observerChoices(asked);
            return [this, points = std::move(points), choices = std::move(choices), quant] {
                takeCurve(points);
                takeChoices(choices, quant);
            };
        });
    }
    m_curve->setCurrent(clip->upper);
}

void SitePage::takeCurve(const std::vector<ErrorCurvePoint>& points) {
    std::vector<plots::ErrorCurvePoint> drawn;
    drawn.reserve(points.size());
    for (const ErrorCurvePoint& point : points) {
        drawn.push_back({point.bound, point.meanSquaredError, point.roundingError, point.clippingError});
    }
    m_curve->setCurve(std::move(drawn), plots::ErrorMeasure::MeanSquaredError);
}

void SitePage::takeChoices(const std::vector<ObserverChoice>& choices, const core::SiteQuant& quant) {
    // The one in use first, then by error: where there is no room for all names, the worst go.
    std::vector<ObserverChoice> ordered = choices;
    std::stable_sort(ordered.begin(), ordered.end(), [&](const ObserverChoice& a, const ObserverChoice& b) {
        const bool isFirst = a.name == quant.observer.name;
        const bool isSecond = b.name == quant.observer.name;
        return isFirst != isSecond ? isFirst : a.meanSquaredError < b.meanSquaredError;
    });
    m_marks.clear();
    std::vector<plots::PlotMark> marks;
    for (const ObserverChoice& choice : ordered) {
        // A symmetric grid is as wide as its larger side.
        const double bound =
            std::max(choice.range.upper, m_isSymmetric ? -choice.range.lower : choice.range.upper);
        marks.push_back({choice.shortTitle, bound, choice.name == quant.observer.name});
        m_marks.push_back({choice.name, bound});
    }
    m_curve->setMarks(std::move(marks));
    m_methodModel->setChoices(choices, quant.observer.name);
    m_methods->setVisible(!choices.empty());
    int height = m_methods->horizontalHeader()->sizeHint().height() + 2;
    for (int row = 0; row < m_methodModel->rowCount(); ++row) {
        height += m_methods->rowHeight(row);
    }
    m_methods->setFixedHeight(height);
}

void SitePage::setCodingCosts(const CodingCosts* costs) {
    m_codingCosts = costs;
    connect(costs, &CodingCosts::changed, this, &SitePage::showCodingCost);
    showCodingCost();
}

void SitePage::showCodingCost() {
    const core::CodingCost* const cost = m_codingCosts != nullptr ? m_codingCosts->find(site()) : nullptr;
    m_coding->setVisible(cost != nullptr);
    if (cost != nullptr) {
        m_coding->setText(tr("entropy %1, Huffman %2 bit · %3 → %4 B coded")
                              .arg(QString::number(cost->entropyBits, 'f', 2),
                                   QString::number(cost->huffmanBits, 'f', 2),
                                   groupedNumber(cost->plainBytes), groupedNumber(cost->codedBytes)));
    }
}

void SitePage::takeMark(int index) {
    if (index >= 0 && static_cast<std::size_t>(index) < m_marks.size()) {
        takeObserver(m_marks[static_cast<std::size_t>(index)].name);
    }
}

void SitePage::takeObserver(const std::string& name) {
    const core::SiteQuant quant = m_document.config().site(site());
    edit(setObserver(m_document, {m_layer}, m_kind,
                     name == quant.observer.name ? quant.observer : core::MethodSpec{name, {}}));
}

void SitePage::takeDrag(const core::Range& range, quint64 plotGesture) {
    if (plotGesture != m_plotGesture) {
        m_plotGesture = plotGesture;
        m_gesture = m_document.nextGesture();
        m_beforeGesture = m_document.layerConfig(m_layer);
    }
    edit(setManualRange(m_document, site(), range, m_gesture));
}

void SitePage::cancelDrag() {
    // The drag's command merges with this one, is found to change nothing, and leaves the undo stack.
    if (m_plotGesture != 0) {
        m_document.undoStack()->push(
            new SetLayerConfigCommand(m_document, {{m_layer, m_beforeGesture}}, tr("clip"), m_gesture));
        m_plotGesture = 0;
    }
}

void SitePage::takeTypedBounds() {
    const SiteState& state = m_document.siteState(site());
    if (!state.qparams || state.qparams->isPerChannel()) {
        return;
    }
    const core::SiteQuant quant = m_document.config().site(site());
    const core::Range now = quant.manualRange.value_or(representable(*state.qparams));
    // A text nobody changed stands for the exact value, not for its rounded digits.
    const auto boundOf = [](const QLineEdit* line, double value) -> std::optional<double> {
        if (line->text() == plots::shortValue(value)) {
            return value;
        }
        bool isNumber = false;
        const double typed = line->text().trimmed().toDouble(&isNumber);
        return isNumber && std::isfinite(typed) ? std::optional<double>(typed) : std::nullopt;
    };
    const std::optional<double> lower = boundOf(m_lower, now.lower);
    const std::optional<double> upper = boundOf(m_upper, now.upper);
    if (!lower || !upper || *lower > *upper) {
        Q_EMIT editRefused(tr("'%1 … %2' is no range: two numbers, the smaller one first")
                               .arg(m_lower->text(), m_upper->text()));
    } else if (*lower != now.lower || *upper != now.upper) {
        edit(setManualRange(m_document, site(), core::Range{*lower, *upper}));
    }
    const core::SiteQuant after = m_document.config().site(site());
    const SiteState& shown = m_document.siteState(site());
    if (shown.qparams) {
        const core::Range clip = after.manualRange.value_or(representable(*shown.qparams));
        m_lower->setText(plots::shortValue(clip.lower));
        m_upper->setText(plots::shortValue(clip.upper));
    }
}

void SitePage::edit(const QString& refusal) {
    if (!refusal.isEmpty()) {
        Q_EMIT editRefused(refusal);
        showChoices();
    }
}

}  // namespace bitlathe::ui
