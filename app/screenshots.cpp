#include "app/screenshots.h"

#include "plots/pareto_plot.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/dialogs/fit_dialog.h"
#include "ui/dialogs/fit_settings.h"
#include "ui/dialogs/integer_report_dialog.h"
#include "ui/dialogs/limit_slider.h"
#include "ui/dialogs/train_dialog.h"
#include "ui/main_window.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/folded_section.h"
#include "ui/panels/inspector_panel.h"
#include "ui/panels/panel_dock.h"
#include "ui/panels/post_training_panel.h"
#include "ui/panels/runs_panel.h"

#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QItemSelectionModel>
#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTimer>

#include <algorithm>

#include <cstdio>

namespace bitlathe::app {

namespace {

/// Long enough for layouts, fonts and queued repaints to settle.
constexpr int kSettleMs = 400;

}  // namespace

Screenshots::Screenshots(Application& application, QString folder)
    : QObject(&application), m_application(application), m_folder(std::move(folder)) {
    QDir().mkpath(m_folder);
    connect(&application.workbench(), &ui::Workbench::failed, this,
            [](const QString& what, const QString& text) {
                std::fprintf(stderr, "%s: %s\n", qPrintable(what), qPrintable(text));
                QApplication::exit(1);
            });
    connect(&application.workbench().document(), &ui::QuantDocument::statisticsChanged, this,
            &Screenshots::calibrated);
}

void Screenshots::calibrated() {
    ui::Workbench& workbench = m_application.workbench();
    if (workbench.document().statistics() == nullptr) {
        return;
    }
    workbench.document().disconnect(this);
    connect(&workbench.jobs(), &experiments::JobRunner::idle, this,
            [this] { QTimer::singleShot(kSettleMs, this, &Screenshots::takeAll); });
    workbench.runRecipe();
}

void Screenshots::takeAll() {
    ui::Workbench& workbench = m_application.workbench();
    workbench.jobs().disconnect(this);
    // The last configuration of a recipe is the one it leads up to; a layer whose weights were cut is the one to look
    // at.
    ui::QuantDocument& document = workbench.document();
    document.setVariants(document.variants(), static_cast<int>(document.variants().size()) - 1);
    core::LayerId chosen;
    for (const core::Layer& layer : document.model()->layers) {
        const core::SiteQuant weight = document.config().site({layer.id, core::SiteKind::Weight});
        if (layer.hasWeights() && weight.bits && weight.bits->bits() < 8 &&
            layer.index <= static_cast<int>(document.model()->layers.size()) / 2) {
            chosen = layer.id;
        }
    }
    workbench.selection().selectOnly(chosen.empty() ? document.model()->layers.front().id : chosen);
    workbench.measureSensitivity();
    const ui::ThemeChoice before = m_application.settings().theme();
    if (waitFor(QStringLiteral("the sensitivity"), [&] { return !workbench.jobs().isBusy(); })) {
        takePanels();
        takeIntegers();
        takeExport();
        takeFit();
        takeTraining();
    }
    m_application.settings().setTheme(before);
    QApplication::quit();
}

void Screenshots::takePanels() {
    ui::MainWindow& window = m_application.window();
    QTableView* const runs = window.runsPanel()->table();
    window.runsPanel()->refresh();
    for (int row = 0; row < std::min(2, runs->model()->rowCount()); ++row) {
        runs->selectionModel()->select(runs->model()->index(row, 0),
                                       QItemSelectionModel::Select | QItemSelectionModel::Rows);
    }
    for (const auto& [panel, name] : {std::pair("runs", "runs"), std::pair("compare", "compare")}) {
        window.dock(QLatin1String(panel))->raise();
        grab(window, QLatin1String(name));
    }
    window.inspectorPanel()->setTab(ui::InspectorPanel::Weight);
    window.postTrainingPanel()->add(QStringLiteral("weight_correction"));
    window.dock(QStringLiteral("post_training"))->raise();
    grab(window, QStringLiteral("post_training"));
    m_application.workbench().document().undoStack()->undo();
    window.inspectorPanel()->setTab(ui::InspectorPanel::Channels);
    window.dock(QStringLiteral("budget"))->raise();
    grab(window, QStringLiteral("channels"));
    window.inspectorPanel()->setTab(ui::InspectorPanel::Output);
    grab(window, QStringLiteral("window"));
    ui::BudgetPanel* const budget = window.budgetPanel();
    waitFor(QStringLiteral("the exported program's sizes"), [&] { return !budget->figures().isBusy(); });
    for (const auto& [view, name] :
         {std::pair(ui::MemoryView::Tensors, "tensors"), std::pair(ui::MemoryView::Arena, "arena"),
          std::pair(ui::MemoryView::ExportedC, "exported")}) {
        budget->choose(view);
        grab(window, QLatin1String(name));
    }
    budget->choose(ui::MemoryView::Alive);
}

void Screenshots::takeIntegers() {
    ui::MainWindow& window = m_application.window();
    m_application.workbench().compareIntegers();
    const auto report = [&] { return window.findChild<ui::IntegerReportDialog*>(); };
    if (waitFor(QStringLiteral("the integer report"), [&] { return report() != nullptr; })) {
        grab(*report(), QStringLiteral("integers"));
        report()->close();
    }
}

void Screenshots::takeExport() {
    ui::MainWindow& window = m_application.window();
    const QTemporaryDir folder;
    window.chooseExport();
    auto* const dialog = window.findChild<ui::ExportDialog*>();
    dialog->setFolder(folder.path());
    dialog->chooseFormat({"c", {}});
    waitFor(QStringLiteral("the checks"), [&] { return !dialog->isChecking(); });
    grab(*dialog, QStringLiteral("export"));
    dialog->exportButton()->click();
    waitFor(QStringLiteral("the export"), [&] { return !dialog->isWriting(); });
    grab(*dialog, QStringLiteral("export_done"));
    dialog->reject();
}

void Screenshots::takeFit() {
    ui::MainWindow& window = m_application.window();
    window.fitToDevice();
    auto* const dialog = window.findChild<ui::FitDialog*>();
    if (!waitFor(QStringLiteral("the front"),
                 [&] { return dialog->pareto()->hasData() && !dialog->isSearching(); })) {
        return;
    }
    dialog->settings()->ramLimit()->setValue(dialog->settings()->ramLimit()->value() * 2 / 3);
    dialog->settings()->romLimit()->setValue(dialog->settings()->romLimit()->value() * 3 / 4);
    waitFor(QStringLiteral("a proposal"), [&] { return !dialog->isSearching(); });
    grab(*dialog, QStringLiteral("fit"));
    dialog->showPareto();
    Q_EMIT dialog->pareto()->pointClicked(static_cast<qint64>(dialog->pareto()->points().size()) / 4, {});
    grab(*dialog, QStringLiteral("pareto"));
    dialog->reject();
}

void Screenshots::takeTraining() {
    constexpr std::size_t kSteps = 170;  // into the second of two epochs of a hundred
    ui::MainWindow& window = m_application.window();
    ui::Workbench& workbench = m_application.workbench();
    ui::QuantDocument& document = workbench.document();
    makeLearned(document);
    window.chooseTraining();
    auto* const dialog = window.findChild<ui::TrainDialog*>();
    dialog->fold(0)->setOpen(true);
    grab(*dialog, QStringLiteral("train"));
    dialog->reject();

    ui::TrainingRequest request = ui::suggestedTraining(document);
    request.quantized.options.epochs = 2;
    request.quantized.samples = 12'800;
    workbench.train(request);
    const experiments::JobId job = workbench.jobs().jobs().back();
    const bool isLearning = waitFor(QStringLiteral("a training"), [&] {
        const experiments::JobInfo* const info = workbench.jobs().find(job);
        return info->steps.size() >= kSteps || experiments::isFinished(info->state);
    });
    if (isLearning) {
        window.dock(QStringLiteral("training"))->raise();
        grab(window, QStringLiteral("training"));
    }
    workbench.jobs().cancelAll();
    waitFor(QStringLiteral("the end of the training"), [&] { return !workbench.jobs().isBusy(); });
}

/// The active configuration with 4-bit learned steps, first and last layer at 8 bits, as LSQ is published.
void Screenshots::makeLearned(ui::QuantDocument& document) {
    std::vector<ui::NamedConfig> variants = document.variants();
    ui::NamedConfig learned{"LSQ W4A4", variants.back().config};
    const auto& layers = document.model()->layers;
    const auto hasWeights = [](const core::Layer& layer) { return layer.hasWeights(); };
    const core::LayerId first = std::find_if(layers.begin(), layers.end(), hasWeights)->id;
    const core::LayerId last = std::find_if(layers.rbegin(), layers.rend(), hasWeights)->id;
    for (const core::Layer& layer : layers) {
        const auto quant = learned.config.layers.find(layer.id);
        if (!layer.hasWeights() || layer.id == first || layer.id == last ||
            quant == learned.config.layers.end()) {
            continue;
        }
        for (core::SiteQuant* const site : {&quant->second.weight, &quant->second.output}) {
            site->quantizer = {"lsq", {}};
            site->bits = core::BitWidth(4);
            site->manualRange.reset();
        }
        quant->second.batchNorm = core::BatchNormMode::Icn;
    }
    learned.config.postTraining.clear();
    variants.push_back(std::move(learned));
    document.setVariants(std::move(variants), static_cast<int>(document.variants().size()));
}

bool Screenshots::waitFor(const QString& what, const std::function<bool()>& isThere) {
    constexpr int kLookMs = 50;
    constexpr qint64 kPatienceMs = 10 * 60 * 1000;
    QElapsedTimer waited;
    waited.start();
    while (!isThere()) {
        if (waited.hasExpired(kPatienceMs)) {
            std::fprintf(stderr, "%s did not come in ten minutes\n", qPrintable(what));
            QApplication::exit(1);
            return false;
        }
        QEventLoop waiting;
        QTimer::singleShot(kLookMs, &waiting, &QEventLoop::quit);
        waiting.exec();
    }
    return true;
}

void Screenshots::grab(QWidget& widget, const QString& name) {
    for (const auto& [choice, suffix] :
         {std::pair(ui::ThemeChoice::Light, "light"), std::pair(ui::ThemeChoice::Dark, "dark")}) {
        m_application.settings().setTheme(choice);
        QEventLoop settling;
        QTimer::singleShot(kSettleMs, &settling, &QEventLoop::quit);
        settling.exec();
        const QString path = QStringLiteral("%1/%2_%3.png").arg(m_folder, name, QLatin1String(suffix));
        if (!widget.grab().save(path)) {
            std::fprintf(stderr, "'%s' cannot be written\n", qPrintable(path));
            QApplication::exit(1);
        }
    }
}

}  // namespace bitlathe::app
