#include "ui/dialogs/fit_dialog.h"

#include "ui/commands/set_device_command.h"
#include "ui/commands/set_layer_config_command.h"
#include "ui/dialogs/fit_settings.h"
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
constexpr int kControlsWidth = 340;

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
    m_settings = new FitSettings(document.budget(), document.device(), this);
    connect(m_settings, &FitSettings::changed, this, &FitDialog::search);
    connect(m_settings, &FitSettings::spaceChanged, this, &FitDialog::findFront);
    m_tabs = new QTabWidget(this);
    m_tabs->setDocumentMode(true);
    m_tabs->addTab(newChangesPage(), tr("&Changes"));
    m_tabs->addTab(newParetoPage(), tr("Accuracy against &memory"));
    auto* const middle = new QHBoxLayout;
    middle->setSpacing(18);
    middle->addWidget(newControls());
    middle->addWidget(m_tabs, 1);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(12);
    column->addLayout(middle, 1);
    column->addWidget(newButtons());
    resize(1060, 660);

    // What is shown belongs to the configuration it was searched for.
    connect(&document, &QuantDocument::variantsChanged, this, &FitDialog::search);
    connect(&document, &QuantDocument::layerConfigChanged, this, &FitDialog::search);
    connect(&document, &QuantDocument::modelChanged, this, &QDialog::reject);
    search();
}

FitDialog::~FitDialog() {
    m_frontContext.requestCancel();
}

QWidget* FitDialog::newControls() {
    auto* const left = new QWidget(this);
    m_verdict = new QLabel(left);
    m_verdict->setWordWrap(true);
    m_verdict->setAccessibleName(tr("Verdict"));
    m_verdict->setMinimumHeight(4 * m_verdict->fontMetrics().height());
    m_verdict->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_verdict->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* const column = new QVBoxLayout(left);
    column->setContentsMargins({});
    column->setSpacing(12);
    column->addWidget(m_settings);
    column->addWidget(m_verdict);
    column->addStretch();
    left->setFixedWidth(kControlsWidth);
    return left;
}

QDialogButtonBox* FitDialog::newButtons() {
    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
    m_acceptAndEvaluate = buttons->addButton(tr("Accept and &evaluate"), QDialogButtonBox::AcceptRole);
    m_accept = buttons->addButton(tr("&Accept"), QDialogButtonBox::AcceptRole);
    m_accept->setDefault(true);
    m_accept->setObjectName(QStringLiteral("acceptFit"));
    m_acceptAndEvaluate->setObjectName(QStringLiteral("acceptAndEvaluateFit"));
    connect(m_accept, &QPushButton::clicked, this, [this] { take(false); });
    connect(m_acceptAndEvaluate, &QPushButton::clicked, this, [this] { take(true); });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    return buttons;
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

QString FitDialog::verdict() const {
    return m_verdict->text();
}

bool FitDialog::isSearching() const {
    return m_worker.isBusy();
}

FitQuestion FitDialog::question() const {
    return {m_document.model(), m_document.config(), m_settings->request(), m_sensitivity};
}

void FitDialog::setSensitivity(std::shared_ptr<const core::SensitivityTable> sensitivity) {
    m_sensitivity = std::move(sensitivity);
    m_measure->setText(m_sensitivity ? tr("&Measure again") : tr("&Measure sensitivity"));
    refreshParetoTools();
    if (m_sensitivity) {
        // Costs are there to be weighed; a search that weighs them already only starts anew.
        isByCost(m_settings->chosenMethod()) ? search() : m_settings->choose(core::FitMethod::Ilp);
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
        forgetPoint();
        m_front.clear();
        showFront();
        return;
    }
    m_frontNote->setText(tr("Computing the front…"));
    m_frontWorker.start(
        [this, question = question(), context = m_frontContext]() -> experiments::LatestWins::Delivery {
            std::vector<FitPoint> front = fitFront(question, context);
            return [this, front = std::move(front)] {
                forgetPoint();  // it was one of the old front
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
    m_pareto->setByteAxis(static_cast<plots::ByteAxis>(m_byteAxis->currentData().toInt()));
    m_pareto->setPoints(m_front.empty() ? std::vector<plots::ParetoPoint>() : std::move(points));
    refreshParetoLimit();
    m_frontNote->setText(
        m_front.empty()
            ? QString()
            : tr("Estimates add up what each tensor loses alone, on %1 training images. Click a point to "
                 "see and accept its bits.")
                  .arg(groupedNumber(m_sensitivity->samples)));
    refreshParetoTools();
}

void FitDialog::refreshParetoLimit() {
    const core::SearchLimits limits = m_settings->request().limits;
    const bool isRom = m_byteAxis->currentData().toInt() == static_cast<int>(plots::ByteAxis::Rom);
    m_pareto->setLimit(isRom ? limits.romBytes : limits.ramBytes);
}

void FitDialog::takePoint(qint64 id) {
    if (id < 0 || id >= static_cast<qint64>(m_front.size())) {
        return;  // a run of the log: its configuration is opened from the list of runs
    }
    const FitPoint& point = m_front[static_cast<std::size_t>(id)];
    m_worker.cancel();
    const core::FitRequest search = m_settings->request();
    const auto budgetOf = [&](const core::QuantConfig& config) {
        return core::computeBudget(*m_document.model(), config, search.ramModel, search.rules, search.banks);
    };
    FitProposal proposal;
    proposal.config = point.config;
    proposal.budget = budgetOf(point.config);
    proposal.before = budgetOf(m_document.config());
    proposal.estimatedTop1 = point.estimatedTop1;
    const std::int64_t romOver = point.romBytes - search.limits.romBytes;
    const std::int64_t ramOver = point.peakRamBytes - search.limits.ramBytes;
    proposal.isFeasible = romOver <= 0 && ramOver <= 0;
    proposal.verdict = tr("%1: %2 B of ROM, %3 B of RAM.")
                           .arg(point.name, groupedNumber(point.romBytes), groupedNumber(point.peakRamBytes));
    if (romOver > 0) {
        proposal.verdict += tr(" ROM is over the limit by %1 B.").arg(groupedNumber(romOver));
    }
    if (ramOver > 0) {
        proposal.verdict += tr(" RAM is over the limit by %1 B.").arg(groupedNumber(ramOver));
    }
    m_chosenPoint = id;
    showProposal(std::move(proposal));
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

void FitDialog::forgetPoint() {
    m_chosenPoint.reset();
    m_pareto->setSelection({});
    m_queuePoint->setEnabled(false);
}

void FitDialog::search() {
    if (!m_document.hasModel()) {
        return;
    }
    forgetPoint();
    refreshParetoLimit();
    m_worker.start([this, question = question()]() -> experiments::LatestWins::Delivery {
        FitProposal proposal = proposeFit(question);
        return [this, proposal = std::move(proposal)] { showProposal(proposal); };
    });
}

void FitDialog::showProposal(FitProposal proposal) {
    m_proposal = std::move(proposal);
    m_model->setChanges(compareConfigs(*m_document.model(), m_document.config(), m_proposal.config));
    m_filter->invalidate();
    const bool fits = m_proposal.isFeasible;
    const int changed = m_model->changedCount();
    QString text = (fits ? QStringLiteral("✓ ") : QStringLiteral("✗ ")) + m_proposal.verdict;
    if (m_proposal.estimatedTop1) {
        text += tr("\nEstimated accuracy %1 %.").arg(QString::number(*m_proposal.estimatedTop1, 'f', 1));
    }
    if (!m_proposal.method.isEmpty()) {
        text += QLatin1Char('\n') + tr("Found by: %1.").arg(m_proposal.method);
    }
    m_verdict->setText(text);
    m_verdict->setProperty("role", fits ? QStringLiteral("good") : QStringLiteral("attention"));
    m_verdict->style()->polish(m_verdict);
    // A point of the front may be taken although it is over the limits: the verdict says so.
    const bool isThere = fits || m_chosenPoint.has_value();
    m_summary->setText(!isThere       ? tr("Nothing to propose at these limits.")
                       : changed == 0 ? tr("It fits as it is.")
                       : changed == 1 ? tr("1 layer changes")
                                      : tr("%1 layers change").arg(changed));
    m_settings->setUsed(m_proposal.budget.romBytes, m_proposal.budget.peakRamBytes);
    m_accept->setEnabled(isThere && (changed > 0 || isDeviceEdited()));
    m_acceptAndEvaluate->setEnabled(isThere);
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
    QUndoStack& undo = *m_document.undoStack();
    const QString text = m_document.device()
                             ? tr("fit to %1").arg(QString::fromStdString(m_document.device()->name))
                             : tr("fit to %1 B of ROM").arg(groupedNumber(m_settings->romLimit()->value()));
    const bool isDeviceTaken = isDeviceEdited();
    if (isDeviceTaken) {
        undo.beginMacro(text);
        undo.push(new SetDeviceCommand(m_document, m_settings->device()));
    }
    if (!changes.empty()) {
        undo.push(new SetLayerConfigCommand(m_document, std::move(changes), text));
    }
    if (isDeviceTaken) {
        undo.endMacro();
    }
    accept();
    if (isEvaluated) {
        Q_EMIT evaluateRequested();
    }
}

bool FitDialog::isDeviceEdited() const {
    const std::optional<core::Device>& now = m_document.device();
    const std::optional<core::Device>& edited = m_settings->device();
    return now && edited &&
           (now->reservedRomBytes != edited->reservedRomBytes ||
            now->reservedRamBytes != edited->reservedRamBytes);
}

}  // namespace bitlathe::ui
