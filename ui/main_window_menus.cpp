// The menus, the toolbar and the status bar of the window: what can be done, under which key and icon.

#include "ui/dialogs/shortcuts_dialog.h"
#include "ui/document/workbench.h"
#include "ui/main_window.h"
#include "ui/panels/device_menu.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/panel_dock.h"
#include "ui/settings/app_settings.h"
#include "ui/settings/icons.h"
#include "ui/settings/theme.h"

#include <QActionGroup>
#include <QApplication>
#include <QFileInfo>
#include <QLabel>
#include <QMenuBar>
#include <QStatusBar>
#include <QTableView>
#include <QToolBar>
#include <QToolButton>

namespace bitlathe::ui {

QAction* MainWindow::makeAction(const QString& text, const QString& icon, const QKeySequence& key,
                                const QString& hint, std::function<void()> run) {
    auto* const action = new QAction(text, this);
    if (!icon.isEmpty()) {
        setThemedIcon(action, icon);
    }
    action->setShortcut(key);
    QString plain = text;
    plain.remove(QLatin1Char('&')).remove(QStringLiteral("…"));
    const QString keyText =
        key.isEmpty() ? QString() : QStringLiteral("  (%1)").arg(key.toString(QKeySequence::NativeText));
    action->setToolTip((hint.isEmpty() ? plain : hint) + keyText);
    action->setStatusTip(hint);
    connect(action, &QAction::triggered, this, std::move(run));
    return action;
}

void MainWindow::createActions() {
    QUndoStack* const stack = m_workbench.document().undoStack();

    QMenu* const file = menuBar()->addMenu(tr("&File"));
    file->addAction(makeAction(tr("&Open…"), QStringLiteral("open"), QKeySequence::Open,
                               tr("Open a model, a recipe or a project"), [this] { chooseFile(); }));
    m_recentMenu = file->addMenu(tr("Open &recent"));
    if (!m_demoPath.isEmpty()) {
        file->addAction(makeAction(tr("Open the &demo"), {}, QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_O),
                                   tr("Open the bundled MobileNet on Fashion-MNIST"),
                                   [this] { openFile(m_demoPath); }));
    }
    file->addSeparator();
    m_save =
        makeAction(tr("&Save project"), QStringLiteral("save"), QKeySequence::Save, {}, [this] { save(); });
    m_saveAs = makeAction(tr("Save project &as…"), {}, QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_S), {},
                          [this] { saveAs(); });
    m_saveRecipe = makeAction(
        tr("Save as re&cipe…"), QStringLiteral("recipe"), QKeySequence(Qt::CTRL | Qt::ALT | Qt::Key_S),
        tr("Write everything as a recipe for bitlathe-cli run"), [this] { saveRecipeAs(); });
    file->addActions({m_save, m_saveAs, m_saveRecipe});
    file->addSeparator();
    m_loadStatistics = makeAction(tr("&Load statistics…"), {}, QKeySequence(Qt::CTRL | Qt::Key_H),
                                  tr("Histograms and moments from a file, in place of a calibration"),
                                  [this] { chooseStatistics(); });
    m_saveStatistics =
        makeAction(tr("Save s&tatistics…"), {}, QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_H),
                   tr("Write the calibration's histograms and moments for use without the data"),
                   [this] { saveStatisticsAs(); });
    file->addActions({m_loadStatistics, m_saveStatistics});
    file->addSeparator();
    m_export =
        makeAction(tr("&Export…"), QStringLiteral("export"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_E),
                   tr("Write the quantized model for another engine"), [this] { chooseExport(); });
    file->addAction(m_export);
    file->addSeparator();
    QAction* const quit =
        makeAction(tr("&Quit"), {}, QKeySequence(Qt::CTRL | Qt::Key_Q), {}, [this] { close(); });
    quit->setMenuRole(QAction::QuitRole);
    file->addAction(quit);

    QMenu* const edit = menuBar()->addMenu(tr("&Edit"));
    QAction* const undo = stack->createUndoAction(this, tr("&Undo"));
    undo->setObjectName(QStringLiteral("undoAction"));
    undo->setShortcut(QKeySequence::Undo);
    setThemedIcon(undo, QStringLiteral("undo"));
    QAction* const redo = stack->createRedoAction(this, tr("&Redo"));
    redo->setObjectName(QStringLiteral("redoAction"));
    redo->setShortcuts({QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z), QKeySequence(Qt::CTRL | Qt::Key_Y)});
    setThemedIcon(redo, QStringLiteral("redo"));
    edit->addActions({undo, redo});
    edit->addSeparator();
    edit->addAction(makeAction(tr("&Find layer"), QStringLiteral("search"), QKeySequence::Find, {},
                               [this] { m_layers->focusFilter(); }));
    edit->addAction(
        makeAction(tr("Select &all layers"), {}, QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_A), {}, [this] {
            m_layers->table()->selectAll();
            m_layers->table()->setFocus();
        }));
    edit->addAction(
        makeAction(tr("&Copy layers as table"), {}, QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C),
                   tr("Tab-separated values, exact figures"), [this] { m_layers->copySelection(); }));
    edit->addSeparator();
    edit->addAction(makeAction(tr("&Next layer by error"), {}, QKeySequence(Qt::ALT | Qt::Key_Down),
                               tr("The layer whose output loses next most"),
                               [this] { m_layers->goByError(1); }));
    edit->addAction(makeAction(tr("&Previous layer by error"), {}, QKeySequence(Qt::ALT | Qt::Key_Up), {},
                               [this] { m_layers->goByError(-1); }));

    QMenu* const model = menuBar()->addMenu(tr("&Model"));
    m_data = makeAction(tr("&Data…"), QStringLiteral("data"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_D),
                        tr("The images to calibrate and evaluate on"), [this] { chooseData(); });
    model->addAction(m_data);
    model->addAction(makeAction(tr("De&vice…"), QStringLiteral("device"), QKeySequence(Qt::CTRL | Qt::Key_D),
                                tr("The device whose memory the model must fit"),
                                [this] { m_deviceButton->showMenu(); }));

    QMenu* const run = menuBar()->addMenu(tr("&Run"));
    m_calibrate = makeAction(tr("&Calibrate"), QStringLiteral("calibrate"), QKeySequence(Qt::Key_F7),
                             tr("Collect histograms of every tensor on the calibration images"),
                             [this] { m_workbench.calibrate(); });
    m_evaluate = makeAction(tr("&Evaluate"), QStringLiteral("evaluate"), QKeySequence(Qt::Key_F8),
                            tr("Measure the accuracy of this configuration: one run in the log"),
                            [this] { m_workbench.evaluate(); });
    m_layerErrors = makeAction(tr("Measure &layer errors"), {}, QKeySequence(Qt::SHIFT | Qt::Key_F7),
                               tr("Isolated and accumulated SQNR of every layer, on test images"),
                               [this] { m_workbench.measureLayerErrors(); });
    m_integers = makeAction(tr("Compare with &integers"), {}, QKeySequence(Qt::SHIFT | Qt::Key_F8),
                            tr("Run the integer model beside the fake-quantized one: accuracy and codes that "
                               "differ, one run in the log"),
                            [this] { m_workbench.compareIntegers(); });
    m_train = makeAction(tr("&Train…"), QStringLiteral("train"), QKeySequence(Qt::Key_F5),
                         tr("Train this configuration with quantization in the loop, or the float model"),
                         [this] { chooseTraining(); });
    m_fit = makeAction(tr("&Fit to device…"), QStringLiteral("fit"), QKeySequence(Qt::Key_F6),
                       tr("Find bits that fit the device's memory"), [this] { fitToDevice(); });
    m_fit->setIconText(tr("Fit"));
    m_run = makeAction(tr("&Run recipe"), QStringLiteral("!run"), QKeySequence(Qt::Key_F9),
                       tr("Calibrate and evaluate every configuration: one run each in the log"),
                       [this] { m_workbench.runRecipe(); });
    m_cancel = makeAction(tr("Ca&ncel jobs"), QStringLiteral("stop"), QKeySequence(Qt::SHIFT | Qt::Key_F9),
                          {}, [this] { m_workbench.jobs().cancelAll(); });
    run->addActions({m_calibrate, m_evaluate, m_layerErrors, m_integers});
    run->addSeparator();
    run->addActions({m_train, m_fit});
    run->addSeparator();
    run->addActions({m_run, m_cancel});

    m_viewMenu = menuBar()->addMenu(tr("&View"));
    m_viewMenuEnd = m_viewMenu->addSeparator();
    m_viewMenu->addAction(makeAction(tr("&Float or dock the panel in use"), {},
                                     QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_F), {},
                                     [this] { floatFocusedPanel(); }));
    m_viewMenu->addAction(makeAction(tr("Restore &default layout"), {}, QKeySequence(Qt::CTRL | Qt::Key_0),
                                     {}, [this] { restoreDefaultLayout(); }));
    m_switchTheme = makeAction(
        tr("S&witch light and dark"), QStringLiteral("theme"), QKeySequence(Qt::CTRL | Qt::Key_T), {},
        [this] { m_settings.setTheme(currentTheme().isDark ? ThemeChoice::Light : ThemeChoice::Dark); });
    m_viewMenu->addAction(m_switchTheme);
    QMenu* const theme = m_viewMenu->addMenu(tr("&Theme"));
    auto* const group = new QActionGroup(this);
    const std::pair<QString, ThemeChoice> themes[] = {{tr("&System"), ThemeChoice::System},
                                                      {tr("&Light"), ThemeChoice::Light},
                                                      {tr("&Dark"), ThemeChoice::Dark}};
    for (const auto& [text, choice] : themes) {
        QAction* const action = group->addAction(text);
        action->setCheckable(true);
        action->setChecked(m_settings.theme() == choice);
        action->setData(static_cast<int>(choice));
        connect(action, &QAction::triggered, this, [this, choice = choice] { m_settings.setTheme(choice); });
        m_themeActions.push_back(action);
    }
    theme->addActions(group->actions());

    QMenu* const help = menuBar()->addMenu(tr("&Help"));
    help->addAction(makeAction(tr("&Keyboard shortcuts"), {}, QKeySequence(Qt::Key_F1), {}, [this] {
        auto* const dialog = new ShortcutsDialog(menuBar()->actions(), this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->open();
    }));
    help->addAction(makeAction(tr("&About Bitlathe"), QStringLiteral("info"),
                               QKeySequence(Qt::SHIFT | Qt::Key_F1), {}, [this] { about(); }));
    addActions(menuBar()->actions());
}

void MainWindow::createToolBar() {
    QToolBar* const bar = addToolBar(tr("Main toolbar"));
    bar->setObjectName(QStringLiteral("mainToolBar"));
    bar->setMovable(false);
    bar->setIconSize({16, 16});
    const auto addButton = [&](QAction* action, const QString& text, Qt::ToolButtonStyle style) {
        auto* const button = new QToolButton(bar);
        button->setDefaultAction(action);
        button->setToolButtonStyle(style);
        if (!text.isEmpty()) {
            button->setText(text);
        }
        button->setAccessibleName(action->toolTip());
        bar->addWidget(button);
        return button;
    };
    const auto actionNamed = [&](const QString& text) -> QAction* {
        for (QAction* const action : findChildren<QAction*>()) {
            if (action->text() == text) {
                return action;
            }
        }
        return nullptr;
    };
    addButton(actionNamed(tr("&Open…")), {}, Qt::ToolButtonIconOnly);
    addButton(m_save, {}, Qt::ToolButtonIconOnly);
    m_dataButton = new QToolButton(bar);
    m_dataButton->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    setThemedIcon(m_dataButton, QStringLiteral("data"));
    m_dataButton->setToolTip(m_data->toolTip());
    connect(m_dataButton, &QToolButton::clicked, this, &MainWindow::chooseData);
    bar->addWidget(m_dataButton);
    m_deviceButton = new QToolButton(bar);
    m_deviceButton->setObjectName(QStringLiteral("deviceButton"));
    m_deviceButton->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    setThemedIcon(m_deviceButton, QStringLiteral("device"));
    m_deviceButton->setToolTip(tr("The device whose memory the model must fit  (Ctrl+D)"));
    m_deviceButton->setPopupMode(QToolButton::InstantPopup);
    m_deviceMenu = new DeviceMenu(m_deviceButton);
    m_deviceButton->setMenu(m_deviceMenu);
    bar->addWidget(m_deviceButton);
    bar->addSeparator();
    addButton(findChild<QAction*>(QStringLiteral("undoAction")), {}, Qt::ToolButtonIconOnly);
    addButton(findChild<QAction*>(QStringLiteral("redoAction")), {}, Qt::ToolButtonIconOnly);
    bar->addSeparator();
    addButton(m_calibrate, {}, Qt::ToolButtonTextBesideIcon);
    addButton(m_evaluate, {}, Qt::ToolButtonTextBesideIcon);
    addButton(m_train, {}, Qt::ToolButtonTextBesideIcon);
    addButton(m_fit, {}, Qt::ToolButtonTextBesideIcon);
    QToolButton* const run = addButton(m_run, {}, Qt::ToolButtonTextBesideIcon);
    run->setProperty("primary", true);
    run->setObjectName(QStringLiteral("runButton"));
    addButton(m_export, {}, Qt::ToolButtonIconOnly);
    auto* const spacer = new QWidget(bar);
    spacer->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    bar->addWidget(spacer);
    addButton(m_switchTheme, {}, Qt::ToolButtonIconOnly)->setProperty("flat", true);
}

void MainWindow::createStatusBar() {
    statusBar()->setSizeGripEnabled(false);
    m_statusRun = new QLabel(this);
    m_statusRun->setProperty("role", QStringLiteral("muted"));
    m_statusVerdict = new QLabel(this);
    m_statusLog = new QLabel(this);
    m_statusLog->setProperty("role", QStringLiteral("muted"));
    m_statusVerdict->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_statusRun->setContentsMargins(8, 0, 8, 0);
    m_statusLog->setContentsMargins(8, 0, 8, 0);
    statusBar()->addWidget(m_statusRun);
    statusBar()->addWidget(m_statusVerdict, 1);
    statusBar()->addPermanentWidget(m_statusLog);
}

void MainWindow::refreshRecent() {
    m_recentMenu->clear();
    const QStringList files = m_settings.recentFiles();
    int number = 0;
    for (const QString& path : files) {
        ++number;
        QAction* const action =
            m_recentMenu->addAction(QStringLiteral("%1%2  %3")
                                        .arg(number < 10 ? QStringLiteral("&") : QString())
                                        .arg(number)
                                        .arg(QFileInfo(path).fileName()));
        action->setToolTip(path);
        action->setStatusTip(path);
        connect(action, &QAction::triggered, this, [this, path] { openFile(path); });
    }
    m_recentMenu->addSeparator();
    m_recentMenu->addAction(tr("&Clear list"), this, [this] { m_settings.clearRecentFiles(); });
    m_recentMenu->setEnabled(!files.isEmpty());
}

}  // namespace bitlathe::ui
