#include "ui/dialogs/fit_dialog.h"

#include "ui/commands/set_layer_config_command.h"
#include "ui/dialogs/limit_slider.h"
#include "ui/document/layer_title.h"
#include "ui/models/fit_change_model.h"
#include "ui/models/layer_table_delegate.h"
#include "ui/models/layer_table_model.h"
#include "ui/models/row_background.h"
#include "ui/panels/panel_parts.h"
#include "ui/settings/theme.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QStyle>
#include <QStyledItemDelegate>
#include <QTabWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

/// All rows, or those that change.
class FitChangeFilter final : public QSortFilterProxyModel {
public:
    using QSortFilterProxyModel::QSortFilterProxyModel;

    void setOnlyChanges(bool isOn) {
        m_isOnlyChanges = isOn;
        invalidateFilter();
    }

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override {
        return !m_isOnlyChanges ||
               sourceModel()->index(row, 0, parent).data(FitChangeModel::ChangedRole).toBool();
    }

private:
    bool m_isOnlyChanges = true;
};

namespace {

constexpr int kChipWidth = 25;
constexpr int kChipHeight = 17;
constexpr int kPadding = 8;
constexpr int kControlsWidth = 300;
/// Limits the sliders reach beyond what is there and what the device has.
constexpr double kHeadroom = 1.25;

/// Bits as chips; what a proposal changes has a ring around it.
class ChangeDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const Theme& theme = currentTheme();
        painter->save();
        paintRowBackground(*painter, option);
        const QRect cell = option.rect.adjusted(kPadding, 0, -kPadding, -1);
        painter->setFont(option.font);
        if (const QVariant bits = index.data(LayerTableModel::BitsRole); bits.isValid()) {
            const QRect chip(cell.left(), cell.center().y() - kChipHeight / 2 + 1, kChipWidth, kChipHeight);
            paintBitsChip(*painter, chip, bits.toInt());
            if (isChange(index, bits)) {
                painter->setRenderHint(QPainter::Antialiasing);
                painter->setPen(QPen(theme.attention, 1.5));
                painter->drawRoundedRect(QRectF(chip).adjusted(-2, -2, 2, 2), 5, 5);
            }
        } else {
            const bool isQuiet = !index.data(FitChangeModel::ChangedRole).toBool();
            painter->setPen(isQuiet ? theme.mutedText : theme.text);
            painter->drawText(
                cell, index.data(Qt::TextAlignmentRole).toInt(),
                option.fontMetrics.elidedText(index.data().toString(), Qt::ElideRight, cell.width()));
        }
        painter->restore();
    }
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const bool isChip = index.data(LayerTableModel::BitsRole).isValid();
        const int width = isChip ? kChipWidth : option.fontMetrics.horizontalAdvance(index.data().toString());
        return {width + 2 * kPadding + 4, LayerTableDelegate::kRowHeight};
    }

private:
    static bool isChange(const QModelIndex& index, const QVariant& bits) {
        const bool isAfter =
            index.column() == FitChangeModel::WeightAfter || index.column() == FitChangeModel::OutputAfter;
        return isAfter && index.siblingAtColumn(index.column() - 1).data(LayerTableModel::BitsRole) != bits;
    }
};

}  // namespace

FitDialog::FitDialog(QuantDocument& document, QWidget* parent) : QDialog(parent), m_document(document) {
    setWindowTitle(tr("Fit to device"));
    setObjectName(QStringLiteral("fitDialog"));
    buildControls();

    m_verdict = new QLabel(this);
    m_verdict->setWordWrap(true);
    m_verdict->setAccessibleName(tr("Verdict"));
    m_verdict->setMinimumHeight(3 * m_verdict->fontMetrics().height());
    m_verdict->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    auto* const reset = new QPushButton(tr("&Device limits"), this);
    reset->setAutoDefault(false);
    reset->setEnabled(document.device().has_value());
    connect(reset, &QPushButton::clicked, this, &FitDialog::useDeviceLimits);

    auto* const form = new QFormLayout;
    form->setSpacing(8);
    form->addRow(tr("&Search"), m_method);
    auto* const bits = new QHBoxLayout;
    bits->setSpacing(3);
    for (QToolButton* const button : m_bits) {
        bits->addWidget(button);
    }
    bits->addStretch();
    form->addRow(tr("Bits"), bits);
    auto* const controls = new QVBoxLayout;
    controls->setSpacing(14);
    controls->addLayout(form);
    controls->addWidget(m_rom);
    controls->addWidget(m_ram);
    controls->addWidget(reset, 0, Qt::AlignLeft);
    controls->addWidget(m_verdict);
    controls->addStretch();
    auto* const left = new QWidget(this);
    left->setLayout(controls);
    controls->setContentsMargins({});
    left->setFixedWidth(kControlsWidth);

    m_tabs = new QTabWidget(this);
    m_tabs->setDocumentMode(true);
    m_tabs->addTab(newChangesPage(), tr("&Changes"));
    m_tabs->addTab(newParetoPage(), tr("Accuracy against &memory"));
    auto* const middle = new QHBoxLayout;
    middle->setSpacing(18);
    middle->addWidget(left);
    middle->addWidget(m_tabs, 1);

    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
    m_acceptAndEvaluate = buttons->addButton(tr("Accept and &evaluate"), QDialogButtonBox::AcceptRole);
    m_accept = buttons->addButton(tr("&Accept"), QDialogButtonBox::AcceptRole);
    m_accept->setDefault(true);
    m_accept->setObjectName(QStringLiteral("acceptFit"));
    m_acceptAndEvaluate->setObjectName(QStringLiteral("acceptAndEvaluateFit"));
    connect(m_accept, &QPushButton::clicked, this, [this] { take(false); });
    connect(m_acceptAndEvaluate, &QPushButton::clicked, this, [this] { take(true); });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(12);
    column->addLayout(middle, 1);
    column->addWidget(buttons);
    resize(1060, 640);

    // What is shown belongs to the configuration it was searched for.
    connect(&document, &QuantDocument::variantsChanged, this, &FitDialog::search);
    connect(&document, &QuantDocument::layerConfigChanged, this, &FitDialog::search);
    connect(&document, &QuantDocument::modelChanged, this, &QDialog::reject);
    useDeviceLimits();
    search();
}

FitDialog::~FitDialog() {
    m_frontContext.requestCancel();
}

QWidget* FitDialog::newChangesPage() {
    auto* const page = new QWidget(this);
    m_model = new FitChangeModel(this);
    m_filter = new FitChangeFilter(this);
    m_filter->setSourceModel(m_model);
    m_table = newPanelTable(tr("Bits before and after"), page);
    m_table->setFrameShape(QFrame::StyledPanel);
    m_table->setModel(m_filter);
    m_table->setItemDelegate(new ChangeDelegate(m_table));
    m_table->verticalHeader()->setDefaultSectionSize(LayerTableDelegate::kRowHeight);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(FitChangeModel::Name, QHeaderView::Stretch);
    for (int column = FitChangeModel::WeightBefore; column <= FitChangeModel::OutputAfter; ++column) {
        m_table->horizontalHeader()->setSectionResizeMode(column, QHeaderView::Fixed);
        m_table->setColumnWidth(column,
                                m_table->fontMetrics().horizontalAdvance(tr("W then")) + 4 * kPadding);
    }
    m_summary = new QLabel(page);
    m_onlyChanges = new QCheckBox(tr("Only &layers that change"), page);
    m_onlyChanges->setChecked(true);
    connect(m_onlyChanges, &QCheckBox::toggled, m_filter, &FitChangeFilter::setOnlyChanges);

    auto* const head = new QHBoxLayout;
    head->setContentsMargins(0, 8, 0, 0);
    head->addWidget(m_summary, 1);
    head->addWidget(m_onlyChanges);
    auto* const column = new QVBoxLayout(page);
    column->setContentsMargins({});
    column->addLayout(head);
    column->addWidget(m_table, 1);
    return page;
}

QWidget* FitDialog::newParetoPage() {
    auto* const page = new QWidget(this);
    m_pareto = new plots::ParetoPlot(page);
    m_pareto->setEmptyText(tr("Nothing to show yet. Measure the sensitivity of the tensors first:\n"
                              "each is quantized alone at each width, on training images."));
    connect(m_pareto, &plots::ParetoPlot::pointClicked, this, &FitDialog::takePoint);
    m_byteAxis = new QComboBox(page);
    m_byteAxis->setAccessibleName(tr("Horizontal axis"));
    m_byteAxis->addItem(tr("against ROM"), static_cast<int>(plots::ByteAxis::Rom));
    m_byteAxis->addItem(tr("against RAM"), static_cast<int>(plots::ByteAxis::Ram));
    connect(m_byteAxis, &QComboBox::currentIndexChanged, this, &FitDialog::showFront);
    m_measure = new QPushButton(tr("&Measure sensitivity"), page);
    m_measure->setAutoDefault(false);
    m_measure->setObjectName(QStringLiteral("measureSensitivity"));
    connect(m_measure, &QPushButton::clicked, this, [this] {
        m_measure->setEnabled(false);
        m_measure->setText(tr("Measuring…"));
        Q_EMIT sensitivityRequested();
    });
    m_queuePoint = new QPushButton(tr("&Queue for evaluation"), page);
    m_queuePoint->setAutoDefault(false);
    m_queuePoint->setObjectName(QStringLiteral("queuePoint"));
    m_queuePoint->setToolTip(
        tr("Measures the chosen point's accuracy: one run in the log; this dialog stays open"));
    connect(m_queuePoint, &QPushButton::clicked, this, [this] {
        const FitPoint& point = m_front[static_cast<std::size_t>(*m_chosenPoint)];
        Q_EMIT evaluatePointRequested(point.config, point.name);
    });
    m_frontNote = new QLabel(page);
    m_frontNote->setProperty("role", QStringLiteral("muted"));
    m_frontNote->setWordWrap(true);
    auto* const head = new QHBoxLayout;
    head->setContentsMargins(0, 8, 0, 0);
    head->addWidget(m_byteAxis);
    head->addStretch();
    head->addWidget(m_queuePoint);
    head->addWidget(m_measure);
    auto* const column = new QVBoxLayout(page);
    column->setContentsMargins({});
    column->addLayout(head);
    column->addWidget(m_pareto, 1);
    column->addWidget(m_frontNote);
    connect(&m_frontWorker, &experiments::LatestWins::failed, m_frontNote, &QLabel::setText);
    refreshParetoTools();
    return page;
}

void FitDialog::buildControls() {
    m_method = new QComboBox(this);
    m_method->addItem(tr("rules, scales per channel (MixPC)"), static_cast<int>(FitMethod::RulesPerChannel));
    m_method->addItem(tr("rules, one scale a layer (MixPL)"), static_cast<int>(FitMethod::RulesPerLayer));
    m_method->setToolTip(tr("Memory-driven rules: Rusci, Capotondi, Benini 2019, arXiv:1905.13082"));
    connect(m_method, &QComboBox::currentIndexChanged, this, &FitDialog::search);
    m_method->addItem(tr("optimal (integer program)"), static_cast<int>(FitMethod::Optimal));
    for (int bits = 8; bits >= 2; --bits) {
        auto* const button = newToolButton(QString::number(bits), tr("Allow %1 bits").arg(bits), this);
        button->setCheckable(true);
        button->setChecked(bits == 8 || bits == 4 || bits == 2);
        connect(button, &QToolButton::toggled, this, [this] {
            search();
            findFront();
        });
        m_bits.push_back(button);
    }
    m_rom = new LimitSlider(tr("ROM"), this);
    m_ram = new LimitSlider(tr("RAM"), this);
    const core::Budget& budget = m_document.budget();
    const std::optional<core::Device>& device = m_document.device();
    const auto reach = [](std::int64_t now, std::int64_t limit) {
        return static_cast<qint64>(kHeadroom * static_cast<double>(std::max(now, std::min(limit, 2 * now))));
    };
    m_rom->setMaximum(reach(budget.romBytes, device ? device->romLimitBytes() : 0));
    m_ram->setMaximum(reach(budget.peakRamBytes, device ? device->ramLimitBytes() : 0));
    if (device) {
        const QString name = QString::fromStdString(device->name);
        m_rom->setDeviceLimit(device->romLimitBytes(), name);
        m_ram->setDeviceLimit(device->ramLimitBytes(), name);
    }
    connect(m_rom, &LimitSlider::valueChanged, this, &FitDialog::search);
    connect(m_ram, &LimitSlider::valueChanged, this, &FitDialog::search);
}

void FitDialog::useDeviceLimits() {
    const std::optional<core::Device>& device = m_document.device();
    m_rom->setValue(device ? device->romLimitBytes() : m_document.budget().romBytes);
    m_ram->setValue(device ? device->ramLimitBytes() : m_document.budget().peakRamBytes);
}

QString FitDialog::verdict() const {
    return m_verdict->text();
}

bool FitDialog::isSearching() const {
    return m_worker.isBusy();
}

std::vector<int> FitDialog::allowedBits() const {
    std::vector<int> bits;
    for (std::size_t i = 0; i < m_bits.size(); ++i) {
        if (m_bits[i]->isChecked()) {
            bits.push_back(8 - static_cast<int>(i));
        }
    }
    return bits.empty() ? std::vector<int>{8} : bits;  // something has to be allowed: the image's own width
}

FitRequest FitDialog::request() const {
    FitRequest request;
    request.model = m_document.model();
    request.config = m_document.config();
    request.romLimitBytes = m_rom->value();
    request.ramLimitBytes = m_ram->value();
    request.method = static_cast<FitMethod>(m_method->currentData().toInt());
    request.bits = allowedBits();
    request.sensitivity = m_sensitivity;
    return request;
}

void FitDialog::setSensitivity(std::shared_ptr<const core::SensitivityTable> sensitivity) {
    m_sensitivity = std::move(sensitivity);
    m_measure->setText(m_sensitivity ? tr("&Measure again") : tr("&Measure sensitivity"));
    refreshParetoTools();
    if (m_sensitivity) {
        const int optimal = m_method->findData(static_cast<int>(FitMethod::Optimal));
        m_method->currentIndex() == optimal ? search() : m_method->setCurrentIndex(optimal);
    }
    findFront();
}

void FitDialog::showPareto() {
    m_tabs->setCurrentIndex(1);
}

void FitDialog::setMeasured(std::vector<plots::ParetoPoint> points) {
    m_measured = std::move(points);
    showFront();
}

void FitDialog::findFront() {
    m_frontContext.requestCancel();
    m_frontContext = core::RunContext();
    if (!m_sensitivity) {
        m_front.clear();
        showFront();
        return;
    }
    m_frontNote->setText(tr("Computing the front…"));
    m_frontWorker.start(
        [this, request = request(), context = m_frontContext]() -> experiments::LatestWins::Delivery {
            std::vector<FitPoint> front = fitFront(request, context);
            return [this, front = std::move(front)] {
                m_front = front;
                showFront();
            };
        });
}

void FitDialog::showFront() {
    std::vector<plots::ParetoPoint> points;
    for (std::size_t i = 0; i < m_front.size(); ++i) {
        const FitPoint& point = m_front[i];
        plots::ParetoPoint drawn;
        drawn.id = static_cast<qint64>(i);
        drawn.name = point.name;
        drawn.romBytes = point.romBytes;
        drawn.ramBytes = point.peakRamBytes;
        drawn.accuracyPercent = point.estimatedTop1;
        drawn.isEstimate = true;
        points.push_back(std::move(drawn));
    }
    points.insert(points.end(), m_measured.begin(), m_measured.end());
    const auto axis = static_cast<plots::ByteAxis>(m_byteAxis->currentData().toInt());
    m_pareto->setByteAxis(axis);
    m_pareto->setPoints(m_front.empty() ? std::vector<plots::ParetoPoint>() : std::move(points));
    m_pareto->setLimit(axis == plots::ByteAxis::Rom ? m_rom->value() : m_ram->value());
    m_frontNote->setText(
        m_front.empty()
            ? QString()
            : tr("Estimates add up what each tensor loses alone, on %1 training images. Click a point to "
                 "see and accept its bits.")
                  .arg(groupedNumber(m_sensitivity->samples)));
    refreshParetoTools();
}

void FitDialog::takePoint(qint64 id) {
    if (id < 0 || id >= static_cast<qint64>(m_front.size())) {
        return;  // a run of the log: its configuration is opened from the list of runs
    }
    const FitPoint& point = m_front[static_cast<std::size_t>(id)];
    m_worker.cancel();
    FitProposal proposal;
    proposal.isFeasible = true;
    proposal.config = point.config;
    proposal.budget = core::computeBudget(*m_document.model(), point.config);
    proposal.before = m_document.budget();
    proposal.estimatedTop1 = point.estimatedTop1;
    proposal.verdict = tr("%1: %2 B of ROM, %3 B of RAM.")
                           .arg(point.name, groupedNumber(point.romBytes), groupedNumber(point.peakRamBytes));
    showProposal(std::move(proposal));
    m_chosenPoint = id;
    m_pareto->setSelection({id});
    refreshParetoTools();
}

void FitDialog::refreshParetoTools() {
    m_measure->setEnabled(m_document.statistics() != nullptr);
    m_measure->setToolTip(
        m_document.statistics() != nullptr
            ? tr("Quantizes each tensor alone at each width, on training images; takes a while")
            : tr("Not calibrated yet: press Calibrate (F7) first"));
    m_queuePoint->setEnabled(m_chosenPoint.has_value());
}

void FitDialog::search() {
    if (!m_document.hasModel()) {
        return;
    }
    m_chosenPoint.reset();
    m_pareto->setSelection({});
    m_worker.start([this, request = request()]() -> experiments::LatestWins::Delivery {
        FitProposal proposal = proposeFit(request);
        return [this, proposal = std::move(proposal)] { showProposal(proposal); };
    });
}

void FitDialog::showProposal(FitProposal proposal) {
    m_proposal = std::move(proposal);
    m_model->setChanges(compareConfigs(*m_document.model(), m_document.config(), m_proposal.config));
    m_filter->invalidate();
    const bool fits = m_proposal.isFeasible;
    const int changed = m_model->changedCount();
    m_verdict->setText(
        (fits ? QStringLiteral("✓ ") : QStringLiteral("✗ ")) + m_proposal.verdict +
        (m_proposal.estimatedTop1
             ? tr("\nEstimated accuracy %1 %.").arg(QString::number(*m_proposal.estimatedTop1, 'f', 1))
             : QString()));
    m_verdict->setProperty("role", fits ? QStringLiteral("good") : QStringLiteral("attention"));
    m_verdict->style()->polish(m_verdict);
    m_summary->setText(!fits          ? tr("Nothing to propose at these limits.")
                       : changed == 0 ? tr("It fits as it is.")
                                      : tr("%n layer(s) change", nullptr, changed));
    m_rom->setUsed(m_proposal.budget.romBytes);
    m_ram->setUsed(m_proposal.budget.peakRamBytes);
    m_accept->setEnabled(fits && changed > 0);
    m_acceptAndEvaluate->setEnabled(fits);
    Q_EMIT proposed();
}

void FitDialog::take(bool isEvaluated) {
    std::vector<LayerChange> changes;
    for (const FitChange& change : m_model->changes()) {
        if (!change.isChanged) {
            continue;
        }
        LayerChange edit{change.layer, {}};
        if (change.layer == core::kInputLayer) {
            edit.quant.output = m_proposal.config.input;
        } else {
            edit.quant = m_proposal.config.layers.at(change.layer);
        }
        changes.push_back(std::move(edit));
    }
    m_worker.cancel();
    m_document.disconnect(this);  // the edit below is the one this dialog is about
    if (!changes.empty()) {
        const QString text = m_document.device()
                                 ? tr("fit to %1").arg(QString::fromStdString(m_document.device()->name))
                                 : tr("fit to %1 B of ROM").arg(groupedNumber(m_rom->value()));
        m_document.undoStack()->push(new SetLayerConfigCommand(m_document, std::move(changes), text));
    }
    accept();
    if (isEvaluated) {
        Q_EMIT evaluateRequested();
    }
}

}  // namespace bitlathe::ui
