#include "ui/dialogs/fit_dialog.h"

#include "ui/commands/set_device_command.h"
#include "ui/commands/set_layer_config_command.h"
#include "ui/dialogs/fit/changes_page.h"
#include "ui/dialogs/fit/pareto_page.h"
#include "ui/dialogs/fit_settings.h"
#include "ui/dialogs/limit_slider.h"
#include "ui/document/layer_title.h"

#include <QDialogButtonBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStyle>
#include <QTabWidget>
#include <QVBoxLayout>

#include <utility>

namespace bitlathe::ui {

namespace {

constexpr int kControlsWidth = 340;

}  // namespace

FitDialog::FitDialog(QuantDocument& document, QWidget* parent) : QDialog(parent), m_document(document) {
    setWindowTitle(tr("Fit to device"));
    setObjectName(QStringLiteral("fitDialog"));
    m_settings = new FitSettings(document.budget(), document.device(), this);
    connect(m_settings, &FitSettings::changed, this, &FitDialog::search);
    connect(m_settings, &FitSettings::spaceChanged, this, &FitDialog::findFront);
    m_tabs = new QTabWidget(this);
    m_tabs->setDocumentMode(true);
    m_changes = new FitChangesPage(m_tabs);
    m_front = new FitParetoPage(m_tabs);
    m_tabs->addTab(m_changes, tr("&Changes"));
    m_tabs->addTab(m_front, tr("Accuracy against &memory"));
    connect(m_front, &FitParetoPage::pointChosen, this, &FitDialog::takePoint);
    connect(m_front, &FitParetoPage::evaluatePointRequested, this, &FitDialog::evaluatePointRequested);
    connect(m_front, &FitParetoPage::sensitivityRequested, this, &FitDialog::sensitivityRequested);
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

FitDialog::~FitDialog() = default;

QTableView* FitDialog::table() const {
    return m_changes->table();
}

plots::ParetoPlot* FitDialog::pareto() const {
    return m_front->plot();
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
    m_front->setSensitivityState(m_sensitivity != nullptr, m_document.statistics() != nullptr);
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
    m_front->setMeasured(std::move(points));
}

void FitDialog::findFront() {
    m_front->findFront(question());
}

void FitDialog::takePoint() {
    const FitPoint& point = *m_front->chosenPoint();
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
    showProposal(std::move(proposal));
}

void FitDialog::search() {
    if (!m_document.hasModel()) {
        return;
    }
    m_front->forgetPoint();
    m_front->setLimits(m_settings->request().limits);
    m_worker.start([this, question = question()]() -> experiments::LatestWins::Delivery {
        FitProposal proposal = proposeFit(question);
        return [this, proposal = std::move(proposal)] { showProposal(proposal); };
    });
}

void FitDialog::showProposal(FitProposal proposal) {
    m_proposal = std::move(proposal);
    m_changes->setChanges(compareConfigs(*m_document.model(), m_document.config(), m_proposal.config));
    const bool fits = m_proposal.isFeasible;
    const int changed = m_changes->changedCount();
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
    const bool isThere = fits || m_front->chosenPoint().has_value();
    m_changes->setSummary(!isThere       ? tr("Nothing to propose at these limits.")
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
    for (const FitChange& change : m_changes->changes()) {
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
