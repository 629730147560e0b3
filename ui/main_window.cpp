#include "ui/main_window.h"

#include "core/types/error.h"
#include "experiments/records/metric_names.h"
#include "ui/commands/set_data_command.h"
#include "ui/commands/set_device_command.h"
#include "ui/dialogs/data_dialog.h"
#include "ui/dialogs/error_dialog.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/dialogs/fit_dialog.h"
#include "ui/dialogs/integer_report_dialog.h"
#include "ui/dialogs/run_details_dialog.h"
#include "ui/dialogs/train_dialog.h"
#include "ui/document/layer_title.h"
#include "ui/document/workbench.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/device_menu.h"
#include "ui/panels/inspector_panel.h"
#include "ui/panels/jobs_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/log_panel.h"
#include "ui/panels/model_panel.h"
#include "ui/panels/panel_dock.h"
#include "ui/panels/panel_frame.h"
#include "ui/panels/post_training_panel.h"
#include "ui/panels/runs_panel.h"
#include "ui/panels/training_panel.h"
#include "ui/panels/welcome_page.h"
#include "ui/settings/app_settings.h"
#include "ui/settings/icons.h"
#include "ui/settings/theme.h"

#include <QApplication>
#include <QCloseEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QRegularExpression>
#include <QScreen>
#include <QStackedWidget>
#include <QStatusBar>
#include <QStyle>
#include <QTableView>
#include <QTimer>
#include <QToolButton>
#include <QUrl>

#include <algorithm>

namespace bitlathe::ui {

namespace {

constexpr int kMessageMs = 6000;
/// What a window manager puts around a window, generously.
constexpr int kFramePx = 8;
constexpr int kTitleBarPx = 36;
/// Widths below which the panels' texts are cut. Said outright: a long text in a panel must not push the
/// window off the screen.
constexpr int kLeftWidth = 168;
constexpr int kRightWidth = 340;
constexpr int kTabsWidth = 300;
/// Below this width of the window the toolbar names data and device without saying which is which: icons and tips
/// do, and no button falls off the end.
constexpr int kRoomForPrefixes = 1420;
/// Newest runs looked at for the status bar.
constexpr int kStatusRuns = 200;
/// Mean bits of a model with nothing quantized.
constexpr double kFloatBits = 32;

QString droppedFile(const QMimeData* data) {
    const QList<QUrl> urls = data->urls();
    return urls.size() == 1 ? urls.front().toLocalFile() : QString();
}

}  // namespace

MainWindow::MainWindow(Workbench& workbench, AppSettings& settings, LogModel& messages,
                       const QString& demoPath, QWidget* parent)
    : QMainWindow(parent), m_workbench(workbench), m_settings(settings), m_demoPath(demoPath) {
    setObjectName(QStringLiteral("mainWindow"));
    setAcceptDrops(true);
    setDockOptions(AnimatedDocks | AllowNestedDocks | AllowTabbedDocks);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    setCorner(Qt::BottomLeftCorner, Qt::BottomDockWidgetArea);
    setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
    setContextMenuPolicy(Qt::PreventContextMenu);

    QuantDocument& document = workbench.document();
    Selection& selection = workbench.selection();
    m_layers = new LayersPanel(document, selection, this);
    m_layersFrame = new PanelFrame(tr("Layers"), m_layers, this);
    m_welcome = new WelcomePage(settings, demoPath, this);
    m_center = new QStackedWidget(this);
    m_center->addWidget(m_welcome);
    m_center->addWidget(m_layersFrame);
    setCentralWidget(m_center);
    m_model = new ModelPanel(document, selection, this);
    m_inspector = new InspectorPanel(workbench, this);
    m_budget = new BudgetPanel(document, selection, this);
    m_budget->setCodingCosts(&workbench.codingCosts());

    m_postTraining = new PostTrainingPanel(document, this);
    m_training = new TrainingPanel(workbench.jobs(), this);
    m_jobs = new JobsPanel(workbench.jobs(), this);
    m_runs = new RunsPanel(this);
    m_compare = new ComparePanel(this);
    auto* const log = new LogPanel(messages, this);

    createActions();
    createToolBar();
    createStatusBar();
    addPanel(QStringLiteral("model"), tr("Model"), m_model, Place::Left);
    addPanel(QStringLiteral("inspector"), tr("Inspector"), m_inspector, Place::Right);
    addPanel(QStringLiteral("budget"), tr("Budget"), m_budget, Place::BottomTabs);
    addPanel(QStringLiteral("runs"), tr("Runs"), m_runs, Place::BottomTabs);
    addPanel(QStringLiteral("compare"), tr("Compare"), m_compare, Place::BottomTabs);
    addPanel(QStringLiteral("log"), tr("Log"), log, Place::BottomTabs);
    addPanel(QStringLiteral("jobs"), tr("Jobs"), m_jobs, Place::BottomRight);
    addPanel(QStringLiteral("post_training"), tr("Post-training"), m_postTraining, Place::BottomTabs);
    addPanel(QStringLiteral("training"), tr("Training"), m_training, Place::BottomTabs);
    connectRuns();

    connect(m_layers, &LayersPanel::summaryChanged, this,
            [this] { m_layersFrame->setHint(m_layers->summary()); });
    connect(m_layers, &LayersPanel::editRefused, this, &MainWindow::showMessage);
    connect(m_inspector, &InspectorPanel::editRefused, this, &MainWindow::showMessage);
    connect(m_inspector, &InspectorPanel::summaryChanged, this,
            [this] { dock(QStringLiteral("inspector"))->setHint(m_inspector->summary()); });
    connect(m_training, &TrainingPanel::summaryChanged, this,
            [this] { dock(QStringLiteral("training"))->setHint(m_training->summary()); });
    connect(m_training, &TrainingPanel::trainingStarted, this, [this] {
        dock(QStringLiteral("training"))->show();
        dock(QStringLiteral("training"))->raise();
    });
    connect(m_postTraining, &PostTrainingPanel::editRefused, this, &MainWindow::showMessage);
    connect(m_postTraining, &PostTrainingPanel::summaryChanged, this,
            [this] { dock(QStringLiteral("post_training"))->setHint(m_postTraining->summary()); });
    connect(m_budget, &BudgetPanel::deviceChooserRequested, this,
            [this](const QPoint& position) { m_deviceMenu->popup(position); });
    connect(m_welcome, &WelcomePage::openRequested, this, &MainWindow::chooseFile);
    connect(m_welcome, &WelcomePage::fileRequested, this, &MainWindow::openFile);
    connect(m_deviceMenu, &DeviceMenu::chosen, this, &MainWindow::chooseDevice);

    connect(&document, &QuantDocument::modelChanged, this, [this] {
        m_center->setCurrentIndex(m_workbench.document().hasModel() ? 1 : 0);
        dock(QStringLiteral("model"))->setHint(m_model->summary());
        m_layersFrame->setHint(m_layers->summary());
        refreshActions();
        refreshStatus();
        refreshRunStatus();
    });
    connect(&document, &QuantDocument::nameChanged, this, &MainWindow::refreshTitle);
    connect(document.undoStack(), &QUndoStack::cleanChanged, this, &MainWindow::refreshTitle);
    connect(&document, &QuantDocument::dataChanged, this, &MainWindow::refreshDevice);
    connect(&document, &QuantDocument::deviceChanged, this, &MainWindow::refreshDevice);
    connect(&document, &QuantDocument::budgetChanged, this, &MainWindow::refreshStatus);
    connect(&document, &QuantDocument::statisticsChanged, this, &MainWindow::refreshActions);
    connect(&workbench, &Workbench::devicesChanged, this,
            [this] { m_deviceMenu->setDevices(m_workbench.devices()); });
    connect(&workbench, &Workbench::failed, this, [this](const QString& what, const QString& text) {
        m_welcome->setBusy({});
        showError(what, text);
    });
    connect(&workbench, &Workbench::message, this, &MainWindow::showMessage);
    connect(&workbench, &Workbench::opened, this, [this](const QString& path) {
        m_welcome->setBusy({});
        m_settings.addRecentFile(path);
        m_layers->table()->setFocus();
    });
    connect(&workbench, &Workbench::saved, this, [this](const QString& path) {
        m_settings.addRecentFile(path);
        showMessage(tr("Saved %1").arg(path));
    });
    experiments::JobRunner& jobs = workbench.jobs();
    connect(&jobs, &experiments::JobRunner::jobChanged, this, &MainWindow::refreshActions);
    connect(&jobs, &experiments::JobRunner::jobFinished, this, &MainWindow::refreshActions);
    connect(&jobs, &experiments::JobRunner::jobFinished, this, [this] {
        if (!m_workbench.isOpening()) {
            m_welcome->setBusy({});
        }
    });
    connect(&settings, &AppSettings::themeChanged, this, &MainWindow::applyThemeNow);
    connect(&settings, &AppSettings::recentFilesChanged, this, &MainWindow::refreshRecent);

    refreshTitle();
    refreshActions();
    refreshDevice();
    refreshRecent();
    refreshStatus();
    // As large as the sketch where the screen has room for it and its frame.
    const QRect room = screen()->availableGeometry();
    resize(QSize(1480, 920).boundedTo(room.size() - QSize(kFramePx, kTitleBarPx)));
}

MainWindow::~MainWindow() {
    // The base class hides the docks when this part is gone already.
    for (const Panel& panel : m_panels) {
        panel.dock->disconnect(this);
    }
}

void MainWindow::setLog(std::shared_ptr<experiments::ExperimentLog> log) {
    m_log = std::move(log);
    m_runs->setLog(m_log);
    m_compare->setLog(m_log);
    refreshRunStatus();
}

void MainWindow::connectRuns() {
    connect(m_jobs, &JobsPanel::summaryChanged, this,
            [this] { dock(QStringLiteral("jobs"))->setHint(m_jobs->summary()); });
    connect(m_runs, &RunsPanel::summaryChanged, this,
            [this] { dock(QStringLiteral("runs"))->setHint(m_runs->summary()); });
    connect(m_compare, &ComparePanel::summaryChanged, this,
            [this] { dock(QStringLiteral("compare"))->setHint(m_compare->summary()); });
    connect(m_runs, &RunsPanel::compareRequested, m_compare, &ComparePanel::compare);
    connect(m_runs, &RunsPanel::showComparisonRequested, this, [this] {
        dock(QStringLiteral("compare"))->show();
        dock(QStringLiteral("compare"))->raise();
    });
    const auto showFailure = [this](const QString& text) {
        showError(tr("The log could not be used"), text);
    };
    connect(m_runs, &RunsPanel::failed, this, showFailure);
    connect(m_compare, &ComparePanel::failed, this, showFailure);
    connect(m_runs, &RunsPanel::detailsRequested, this, [this, showFailure](experiments::RunId id) {
        try {
            RunDetailsDialog(*m_log, id, this).exec();
        } catch (const core::Error& error) {
            showFailure(QString::fromUtf8(error.what()));
        }
    });
    connect(m_runs, &RunsPanel::openRecipeRequested, this, [this](experiments::RunId id) {
        withRecipeOf(id, [this](const experiments::Recipe& recipe) {
            if (confirmDiscard()) {
                m_workbench.openRecipe(recipe);
            }
        });
    });
    connect(m_runs, &RunsPanel::rerunRequested, this, [this](experiments::RunId id) {
        withRecipeOf(id, [this](const experiments::Recipe& recipe) { m_workbench.runThis(recipe); });
    });
    connect(m_runs, &RunsPanel::exportRequested, this, &MainWindow::exportRun);
    connect(m_runs, &RunsPanel::openTrainedRequested, this, &MainWindow::openTrained);
    connect(m_runs, &RunsPanel::resumeRequested, &m_workbench, &Workbench::resumeTraining);
    connect(m_training, &TrainingPanel::openTrainedRequested, this, &MainWindow::openTrained);
    connect(m_training, &TrainingPanel::trainAgainRequested, m_train, &QAction::trigger);
    connect(m_runs, &RunsPanel::integerReportRequested, this, &MainWindow::showIntegerReport);
    connect(&m_workbench, &Workbench::integersCompared, this, &MainWindow::showIntegerReport);
    connect(&m_workbench.jobs(), &experiments::JobRunner::variantFinished, this,
            &MainWindow::refreshRunStatus);
    connect(&m_workbench.jobs(), &experiments::JobRunner::jobFinished, this, [this] {
        m_runs->refresh();
        refreshRunStatus();
    });
}

bool MainWindow::openTrained(experiments::RunId id) {
    if (!confirmDiscard()) {
        return false;
    }
    m_workbench.openTrained(id);
    return true;
}

void MainWindow::exportRun(experiments::RunId id) {
    // Ranges come from statistics, so the export waits until the run's model is here and calibrated.
    const auto exportThen = [this] {
        connect(&m_workbench, &Workbench::calibrated, this, &MainWindow::chooseExport,
                static_cast<Qt::ConnectionType>(Qt::SingleShotConnection | Qt::QueuedConnection));
    };
    withRecipeOf(id, [&](const experiments::Recipe& recipe) {
        if (!confirmDiscard()) {
            return;
        }
        exportThen();
        if (hasTrainedModel(*m_log, id)) {  // what it measured, not what it started from
            m_workbench.openTrained(id);
        } else {
            m_workbench.openRecipe(recipe);
        }
    });
}

void MainWindow::withRecipeOf(experiments::RunId id,
                              const std::function<void(const experiments::Recipe&)>& work) {
    try {
        const std::string text = m_log->run(id).what.recipeJson;
        work(experiments::Recipe::parse(nlohmann::json::parse(text)));
    } catch (const std::exception& error) {
        showError(tr("The run's recipe cannot be used"), QString::fromUtf8(error.what()));
    }
}

void MainWindow::refreshRunStatus() {
    m_statusLog->clear();
    m_statusRun->clear();
    if (!m_log) {
        return;
    }
    try {
        m_statusLog->setText(
            tr("log: %1 · %2 runs")
                .arg(QFileInfo(m_workbench.logPath()).fileName(), groupedNumber(m_log->runCount())));
        if (!m_workbench.document().hasModel()) {
            return;
        }
        experiments::RunQuery query;
        query.status = experiments::RunStatus::Succeeded;
        query.limit = kStatusRuns;
        QString floatText;
        QString lastText;
        for (const experiments::RunRecord& run : m_log->runs(query)) {
            const auto top1 = run.metrics.find(experiments::metric::kTop1);
            if (run.what.modelHash != m_workbench.document().model()->hash || top1 == run.metrics.end()) {
                continue;
            }
            const auto bits = run.metrics.find(experiments::metric::kMeanWeightBits);
            const bool isFloat = bits != run.metrics.end() && bits->second.value >= kFloatBits;
            QString& text = isFloat ? floatText : lastText;
            if (text.isEmpty()) {
                const QString percent = QString::number(top1->second.value, 'f', 2);
                text = isFloat ? tr("Float %1 %").arg(percent)
                               : tr("Last run: %1 %2 %").arg(QString::fromStdString(run.what.name), percent);
                if (!isFloat && top1->second.lower95 && top1->second.upper95) {
                    text +=
                        tr(" ± %1 (n = %2)")
                            .arg(QString::number((*top1->second.upper95 - *top1->second.lower95) / 2, 'f', 2),
                                 groupedNumber(top1->second.samples));
                }
            }
        }
        m_statusRun->setText(QStringList({floatText, lastText})
                                 .filter(QRegularExpression(QStringLiteral(".")))
                                 .join(QStringLiteral("      ")));
    } catch (const core::Error& error) {
        m_statusLog->setText(QString::fromUtf8(error.what()));
    }
}

PanelDock* MainWindow::addPanel(const QString& name, const QString& title, QWidget* content, Place place) {
    auto* const dock = new PanelDock(name, title, content, this);
    m_panels.push_back({dock, place});
    const bool isRight = place == Place::Right || place == Place::BottomRight;
    content->setMinimumWidth(place == Place::Left ? kLeftWidth : isRight ? kRightWidth : kTabsWidth);
    const auto number = static_cast<int>(m_panels.size());
    QAction* const toggle = dock->toggleViewAction();
    toggle->setText(QStringLiteral("&%1 %2").arg(number).arg(title));
    m_viewMenu->insertAction(m_viewMenuEnd, toggle);
    // Ctrl+number shows a hidden panel and brings a tabbed one to the front; on the one in front it hides it.
    auto* const shortcut = new QAction(this);
    if (number <= 9) {
        shortcut->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + number)));
        toggle->setToolTip(shortcut->shortcut().toString());
        toggle->setText(toggle->text() + QLatin1Char('\t') +
                        shortcut->shortcut().toString(QKeySequence::NativeText));
    }
    addAction(shortcut);
    connect(shortcut, &QAction::triggered, dock, [dock, content] {
        if (dock->isVisible() && !content->visibleRegion().isEmpty()) {
            dock->hide();
        } else {
            dock->show();
            dock->raise();
            content->setFocus();
        }
    });
    connect(dock, &QDockWidget::visibilityChanged, this, [this] {
        for (const Panel& panel : m_panels) {
            panel.dock->updateTitleRow();
        }
    });
    return dock;
}

PanelDock* MainWindow::dock(const QString& name) const {
    const auto found = std::find_if(m_panels.begin(), m_panels.end(),
                                    [&](const Panel& panel) { return panel.dock->objectName() == name; });
    return found == m_panels.end() ? nullptr : found->dock;
}

void MainWindow::applyDefaultLayout() {
    PanelDock* left = nullptr;
    PanelDock* right = nullptr;
    PanelDock* firstTab = nullptr;
    PanelDock* below = nullptr;
    for (const Panel& panel : m_panels) {
        panel.dock->setFloating(false);
        switch (panel.place) {
        case Place::Left:
            addDockWidget(Qt::LeftDockWidgetArea, panel.dock);
            left = panel.dock;
            break;
        case Place::Right:
            addDockWidget(Qt::RightDockWidgetArea, panel.dock);
            right = panel.dock;
            break;
        case Place::BottomRight:
            splitDockWidget(right, panel.dock, Qt::Vertical);
            below = panel.dock;
            break;
        case Place::BottomTabs:
            addDockWidget(Qt::BottomDockWidgetArea, panel.dock);
            if (firstTab == nullptr) {
                firstTab = panel.dock;
            } else {
                tabifyDockWidget(firstTab, panel.dock);
            }
            break;
        }
        panel.dock->show();
    }
    firstTab->raise();
    const int bottom = std::clamp(height() * 32 / 100, 220, 400);
    const int jobs = std::clamp(height() * 25 / 100, 170, 300);
    resizeDocks({left, right},
                {std::clamp(width() * 13 / 100, kLeftWidth, 240), std::clamp(width() * 26 / 100, 330, 420)},
                Qt::Horizontal);
    resizeDocks({firstTab}, {bottom}, Qt::Vertical);
    resizeDocks({right, below}, {height() - jobs, jobs}, Qt::Vertical);
    for (const Panel& panel : m_panels) {
        panel.dock->updateTitleRow();
    }
}

void MainWindow::restoreLayout() {
    restoreGeometry(m_settings.windowGeometry());
    applyDefaultLayout();
    const QByteArray state = m_settings.windowState();
    m_isLayoutApplied = !state.isEmpty() && restoreState(state, AppSettings::kLayoutVersion);
}

void MainWindow::restoreDefaultLayout() {
    applyDefaultLayout();
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    refreshDevice();
}

void MainWindow::showEvent(QShowEvent* event) {
    QMainWindow::showEvent(event);
    if (!m_isLayoutApplied) {
        // Dock sizes asked for before the first layout are forgotten.
        m_isLayoutApplied = true;
        QTimer::singleShot(0, this, &MainWindow::applyDefaultLayout);
    }
}

void MainWindow::refreshTitle() {
    const QuantDocument& document = m_workbench.document();
    const QString name = document.hasModel() ? document.displayName() : QString();
    setWindowTitle(name.isEmpty() ? tr("Bitlathe") : tr("%1[*] — Bitlathe").arg(name));
    setWindowModified(!m_workbench.document().undoStack()->isClean());
}

void MainWindow::refreshActions() {
    const bool hasModel = m_workbench.document().hasModel();
    for (QAction* const action : {m_save, m_saveAs, m_saveRecipe, m_data, m_calibrate, m_evaluate, m_integers,
                                  m_train, m_fit, m_run}) {
        action->setEnabled(hasModel);
    }
    const bool isCalibrated = hasModel && m_workbench.document().statistics() != nullptr;
    m_layerErrors->setEnabled(isCalibrated);
    m_export->setEnabled(isCalibrated);
    m_saveStatistics->setEnabled(isCalibrated);
    m_loadStatistics->setEnabled(hasModel);
    m_dataButton->setEnabled(hasModel);
    m_cancel->setEnabled(m_workbench.jobs().isBusy());
}

void MainWindow::refreshDevice() {
    const QuantDocument& document = m_workbench.document();
    const auto label = [](QToolButton* button, const QString& text, const QString& shortText, int room) {
        button->setText(room >= kRoomForPrefixes ? text : shortText);
        button->setAccessibleName(text);
    };
    const QString device =
        document.device() ? QString::fromStdString(document.device()->name) : tr("none", "device");
    label(m_deviceButton, tr("Device: %1").arg(device), document.device() ? device : tr("No device"),
          width());
    m_deviceButton->setEnabled(document.hasModel());
    const QString images = datasetTitle(QString::fromStdString(document.recipe().data.dataset));
    label(m_dataButton, tr("Data: %1").arg(images), images, width());
}

void MainWindow::refreshStatus() {
    const QuantDocument& document = m_workbench.document();
    if (!document.hasModel() || !document.device()) {
        m_statusVerdict->setText(document.hasModel() ? tr("No device chosen") : QString());
        m_statusVerdict->setProperty("role", QStringLiteral("muted"));
    } else {
        const core::Device& device = *document.device();
        const bool fits = document.budget().fits(device);
        m_statusVerdict->setProperty("role", fits ? QStringLiteral("good") : QStringLiteral("attention"));
        m_statusVerdict->setText(
            (fits ? tr("Fits %1: ROM %2 of %3 B · RAM %4 of %5 B")
                  : tr("Too big for %1: ROM %2 of %3 B · RAM %4 of %5 B"))
                .arg(QString::fromStdString(device.name), groupedNumber(document.budget().romBytes),
                     groupedNumber(device.romLimitBytes()), groupedNumber(document.budget().peakRamBytes),
                     groupedNumber(device.ramLimitBytes())));
    }
    m_statusVerdict->style()->polish(m_statusVerdict);
}

void MainWindow::floatFocusedPanel() {
    const QWidget* const focus = QApplication::focusWidget();
    for (const Panel& panel : m_panels) {
        if (focus != nullptr && panel.dock->isAncestorOf(focus)) {
            panel.dock->setFloating(!panel.dock->isFloating());
            panel.dock->activateWindow();
            return;
        }
    }
    showMessage(tr("No panel has the keyboard: Ctrl and its number goes there."));
}

void MainWindow::applyThemeNow() {
    applyTheme(m_settings.theme());
    refreshThemedIcons(this);
    for (QAction* const action : m_themeActions) {
        action->setChecked(action->data().toInt() == static_cast<int>(m_settings.theme()));
    }
}

void MainWindow::openFile(const QString& path) {
    if (!confirmDiscard()) {
        return;
    }
    m_welcome->setBusy(QFileInfo(path).fileName());
    m_workbench.openFile(path);
}

void MainWindow::chooseFile() {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Open"), m_settings.lastFolder(),
                                     tr("Models, recipes, projects (*.pt *.pth *.ts *.json "
                                        "*.bitlathe);;Models (*.pt *.pth *.ts);;Recipes (*.json);;"
                                        "Projects (*.bitlathe);;All files (*)"));
    if (!path.isEmpty()) {
        m_settings.setLastFolder(QFileInfo(path).absolutePath());
        openFile(path);
    }
}

bool MainWindow::save() {
    const QString path = m_workbench.document().projectPath();
    return path.isEmpty() ? saveAs() : m_workbench.saveProject(path);
}

bool MainWindow::saveAs() {
    const QString name = QFileInfo(m_workbench.document().displayName()).completeBaseName();
    QString path = QFileDialog::getSaveFileName(this, tr("Save project"),
                                                m_settings.lastFolder() + QLatin1Char('/') + name +
                                                    QStringLiteral(".bitlathe"),
                                                tr("Projects (*.bitlathe)"));
    if (path.isEmpty()) {
        return false;
    }
    if (QFileInfo(path).suffix().isEmpty()) {
        path += QStringLiteral(".bitlathe");
    }
    m_settings.setLastFolder(QFileInfo(path).absolutePath());
    return m_workbench.saveProject(path);
}

QString MainWindow::askForRecipePath(const QString& name) {
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Save as recipe"),
        m_settings.lastFolder() + QLatin1Char('/') + name + QStringLiteral(".json"), tr("Recipes (*.json)"));
    if (!path.isEmpty()) {
        m_settings.setLastFolder(QFileInfo(path).absolutePath());
    }
    return path;
}

void MainWindow::saveRecipeAs() {
    const QString path = askForRecipePath(QString::fromStdString(m_workbench.document().recipe().name));
    if (!path.isEmpty()) {
        m_workbench.saveRecipe(path);
    }
}

void MainWindow::saveStatisticsAs() {
    const QString name = QFileInfo(m_workbench.document().displayName()).completeBaseName();
    const QString path = QFileDialog::getSaveFileName(this, tr("Save statistics"),
                                                      m_settings.lastFolder() + QLatin1Char('/') + name +
                                                          QStringLiteral(".stats"),
                                                      tr("Statistics (*.stats)"));
    if (!path.isEmpty()) {
        m_settings.setLastFolder(QFileInfo(path).absolutePath());
        m_workbench.saveStatistics(path);
    }
}

void MainWindow::chooseStatistics() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Load statistics"), m_settings.lastFolder(),
                                                      tr("Statistics (*.stats);;All files (*)"));
    if (!path.isEmpty()) {
        m_settings.setLastFolder(QFileInfo(path).absolutePath());
        m_workbench.loadStatistics(path);
    }
}

void MainWindow::chooseData() {
    QuantDocument& document = m_workbench.document();
    DataDialog dialog(document.recipe().data, document.calibration(), this);
    if (dialog.exec() == QDialog::Accepted) {
        document.undoStack()->push(new SetDataCommand(document, dialog.data(), dialog.calibration()));
        if (!document.statistics()) {
            m_workbench.calibrate();
        }
    }
}

void MainWindow::chooseExport() {
    auto* const dialog = new ExportDialog(m_workbench, m_settings.lastFolder(), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &ExportDialog::written, this,
            [this, dialog] { m_settings.setLastFolder(dialog->folder()); });
    dialog->open();
}

void MainWindow::showIntegerReport(experiments::RunId run) {
    try {
        const auto comparison = experiments::integerComparison(*m_log, run);
        if (!comparison) {
            showError(
                tr("No integer report"),
                tr("Run %1 did not run the integer model. Run > Compare with integers makes a run that does.")
                    .arg(run.value));
            return;
        }
        auto* const dialog = new IntegerReportDialog(*comparison, m_log->run(run).what.name, this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->show();
    } catch (const core::Error& error) {
        showError(tr("The run cannot be read"), QString::fromUtf8(error.what()));
    }
}

std::vector<plots::ParetoPoint> MainWindow::measuredPoints() const {
    std::vector<plots::ParetoPoint> points;
    if (!m_log || !m_workbench.document().hasModel()) {
        return points;
    }
    namespace metric = experiments::metric;
    experiments::RunQuery query;
    query.status = experiments::RunStatus::Succeeded;
    query.limit = kStatusRuns;
    try {
        for (const experiments::RunRecord& run : m_log->runs(query)) {
            const auto top1 = run.metrics.find(metric::kTop1);
            const auto rom = run.metrics.find(metric::kRomBytes);
            const auto ram = run.metrics.find(metric::kRamBytes);
            const auto bits = run.metrics.find(metric::kMeanWeightBits);
            const bool isComparable = run.what.modelHash == m_workbench.document().model()->hash &&
                                      top1 != run.metrics.end() && rom != run.metrics.end() &&
                                      ram != run.metrics.end() && bits != run.metrics.end() &&
                                      bits->second.value < kFloatBits;
            if (isComparable) {
                plots::ParetoPoint point;
                point.id = -run.id.value;  // the estimates count from 0
                point.name = QString::fromStdString(run.what.name);
                point.romBytes = static_cast<qint64>(rom->second.value);
                point.ramBytes = static_cast<qint64>(ram->second.value);
                point.accuracyPercent = top1->second.value;
                points.push_back(std::move(point));
            }
        }
    } catch (const core::Error&) {
        points.clear();  // the status bar tells what is wrong with the log
    }
    return points;
}

void MainWindow::fitToDevice() {
    auto* const dialog = new FitDialog(m_workbench.document(), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &FitDialog::evaluateRequested, &m_workbench, &Workbench::evaluate);
    connect(dialog, &FitDialog::sensitivityRequested, &m_workbench, &Workbench::measureSensitivity);
    connect(dialog, &FitDialog::evaluatePointRequested, this,
            [this](const core::QuantConfig& config, const QString& name) {
                m_workbench.evaluateConfig(config, name.toStdString());
            });
    const auto tellSensitivity = [this, dialog] {
        const auto& measured = m_workbench.sensitivity();
        dialog->setSensitivity(
            measured ? std::shared_ptr<const core::SensitivityTable>(measured, &measured->table) : nullptr);
    };
    connect(&m_workbench, &Workbench::sensitivityChanged, dialog, tellSensitivity);
    connect(&m_workbench.jobs(), &experiments::JobRunner::jobFinished, dialog,
            [this, dialog, tellSensitivity] {
                dialog->setMeasured(measuredPoints());
                if (!m_workbench.sensitivity() && !m_workbench.jobs().isBusy()) {
                    tellSensitivity();  // cancelled or failed: it can be asked again
                }
            });
    dialog->setMeasured(measuredPoints());
    tellSensitivity();
    dialog->open();
}

void MainWindow::chooseTraining() {
    const QuantDocument& document = m_workbench.document();
    TrainDialog::Offer offer;
    offer.request = m_workbench.trainingRequest();
    offer.configuration =
        QString::fromStdString(document.variants()[static_cast<std::size_t>(document.activeVariant())].name);
    offer.quantizedProblem = quantizedTrainingProblem(document);
    offer.documentRun = document.recipe().model.run;
    try {
        if (m_log) {
            offer.runs = trainedRuns(*m_log, *document.model());
        }
    } catch (const core::Error& error) {
        showMessage(QString::fromUtf8(error.what()));  // the open model is still there to start from
    }
    auto* const dialog = new TrainDialog(std::move(offer), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog] { m_workbench.train(dialog->request()); });
    connect(dialog, &TrainDialog::saveRecipeRequested, this, [this, dialog] {
        const QString path = askForRecipePath(tr("training"));
        if (!path.isEmpty()) {
            m_workbench.saveTrainingRecipe(dialog->request(), path);
        }
    });
    dialog->open();
}

void MainWindow::chooseDevice(const QString& id) {
    QuantDocument& document = m_workbench.document();
    if (!document.hasModel()) {
        return;
    }
    std::optional<core::Device> device;
    if (!id.isEmpty()) {
        device = m_workbench.devices()->find(id.toStdString());
    }
    document.undoStack()->push(new SetDeviceCommand(document, std::move(device)));
    m_settings.setLastDevice(id);
}

void MainWindow::about() {
    QMessageBox::about(
        this, tr("About Bitlathe"),
        tr("<h3>Bitlathe %1</h3><p>A workbench for neural-network quantization experiments.</p>"
           "<p>Free software under the GNU General Public License, version 3 or later.</p>")
            .arg(QApplication::applicationVersion()));
}

void MainWindow::showError(const QString& what, const QString& text) {
    auto* const dialog = new ErrorDialog(what, text, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->open();
}

void MainWindow::showMessage(const QString& text) {
    statusBar()->showMessage(text, kMessageMs);
}

bool MainWindow::confirmDiscard() {
    QuantDocument& document = m_workbench.document();
    if (!document.hasModel() || document.undoStack()->isClean()) {
        return true;
    }
    QMessageBox box(QMessageBox::NoIcon, tr("Unsaved changes"),
                    tr("%1 has changes that are not saved.").arg(document.displayName()),
                    QMessageBox::Save | QMessageBox::Discard | QMessageBox::Cancel, this);
    box.setObjectName(QStringLiteral("discardBox"));
    box.setDefaultButton(QMessageBox::Save);
    switch (box.exec()) {
    case QMessageBox::Save:
        return save();
    case QMessageBox::Discard:
        return true;
    default:
        return false;
    }
}

void MainWindow::closeEvent(QCloseEvent* event) {
    event->ignore();
    if (!confirmDiscard()) {
        return;
    }
    experiments::JobRunner& jobs = m_workbench.jobs();
    if (jobs.isBusy()) {
        const int unfinished = jobs.runningCount() + jobs.waitingCount();
        QMessageBox box(QMessageBox::NoIcon, tr("A job is running"),
                        unfinished == 1 ? tr("One job is not finished.")
                                        : tr("%1 jobs are not finished.").arg(unfinished),
                        QMessageBox::NoButton, this);
        box.setObjectName(QStringLiteral("jobsBox"));
        box.setInformativeText(tr("Closing cancels them; their runs are kept in the log as cancelled."));
        QPushButton* const leave = box.addButton(tr("Cancel jobs and close"), QMessageBox::DestructiveRole);
        leave->setObjectName(QStringLiteral("closeAnyway"));
        box.setDefaultButton(box.addButton(tr("Keep working"), QMessageBox::RejectRole));
        box.exec();
        if (box.clickedButton() != leave) {
            return;
        }
        jobs.cancelAll();
    }
    m_settings.setWindow(saveGeometry(), saveState(AppSettings::kLayoutVersion));
    event->accept();
    Q_EMIT closing();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (!droppedFile(event->mimeData()).isEmpty()) {
        event->acceptProposedAction();
    }
}

void MainWindow::dropEvent(QDropEvent* event) {
    const QString path = droppedFile(event->mimeData());
    event->acceptProposedAction();
    // The drag source waits for the drop to end, and opening may show a dialog.
    QTimer::singleShot(0, this, [this, path] { openFile(path); });
}

}  // namespace bitlathe::ui
