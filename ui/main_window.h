#pragma once

#include <string>

#include "experiments/recipes/recipe.h"
#include "experiments/store/experiment_log.h"

#include "plots/pareto_plot.h"

#include <QMainWindow>

#include <functional>
#include <memory>
#include <vector>

class QLabel;
class QMenu;
class QStackedWidget;
class QToolButton;

namespace bitlathe::ui {

class AppSettings;
class BudgetPanel;
class ComparePanel;
class DeviceMenu;
class InspectorPanel;
class JobsPanel;
class LayersPanel;
class LogModel;
class ModelPanel;
class PanelDock;
class PanelFrame;
class PostTrainingPanel;
class RunsPanel;
class TrainingPanel;
class WelcomePage;
class Workbench;

/// The one window: menus, toolbar, docks around the layer table, status bar. Connects panels, shared
/// selection and the workbench; computes nothing.
class MainWindow final : public QMainWindow {
    Q_OBJECT

public:
    /// Where a panel lives in the default layout.
    enum class Place { Left, Right, BottomTabs, BottomRight };

    /// demoPath  the bundled recipe, empty where it is not installed
    MainWindow(Workbench& workbench, AppSettings& settings, LogModel& messages, const QString& demoPath,
               QWidget* parent = nullptr);
    ~MainWindow() override;

    /// A connection of the GUI thread, shared by the panels that read runs.
    void setLog(std::shared_ptr<experiments::ExperimentLog> log);
    /// Adds a dock with a View menu entry and the next Ctrl+1..9.
    PanelDock* addPanel(const QString& name, const QString& title, QWidget* content, Place place);
    /// Call after the last addPanel: default layout, then the remembered one.
    void restoreLayout();
    PanelDock* dock(const QString& name) const;
    LayersPanel* layersPanel() const noexcept { return m_layers; }
    InspectorPanel* inspectorPanel() const noexcept { return m_inspector; }
    BudgetPanel* budgetPanel() const noexcept { return m_budget; }
    PostTrainingPanel* postTrainingPanel() const noexcept { return m_postTraining; }
    TrainingPanel* trainingPanel() const noexcept { return m_training; }
    JobsPanel* jobsPanel() const noexcept { return m_jobs; }
    RunsPanel* runsPanel() const noexcept { return m_runs; }
    ComparePanel* comparePanel() const noexcept { return m_compare; }

    /// Asks about unsaved edits. False: stay.
    bool confirmDiscard();

public Q_SLOTS:
    void openFile(const QString& path);
    void showError(const QString& what, const QString& text);
    void showMessage(const QString& text);
    void restoreDefaultLayout();
    /// Opens the dialog that finds bits for the device.
    void fitToDevice();
    /// Opens the dialog that writes the model for another engine.
    void chooseExport();
    /// Opens what a run's integer model came to.
    void showIntegerReport(bitlathe::experiments::RunId run);
    /// Opens the dialog that starts a training.
    void chooseTraining();

Q_SIGNALS:
    /// The window is closing and everybody agreed.
    void closing();

protected:
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    struct Panel {
        PanelDock* dock;
        Place place;
    };

    void createActions();
    void createToolBar();
    void createStatusBar();
    void connectRuns();
    void applyDefaultLayout();
    void refreshTitle();
    void refreshActions();
    void refreshStatus();
    void refreshRunStatus();
    /// Runs `work` on the recipe of a logged run; shows what is wrong with it.
    void withRecipeOf(experiments::RunId id, const std::function<void(const experiments::Recipe&)>& work);
    /// False: the user stays with unsaved edits.
    bool openTrained(experiments::RunId id);
    /// Opens what the run measured, then asks where to export it.
    void exportRun(experiments::RunId id);
    void refreshDevice();
    void refreshRecent();
    void applyThemeNow();
    /// The dock the keyboard is in floats, or comes back.
    void floatFocusedPanel();
    void chooseFile();
    bool save();
    bool saveAs();
    /// Empty: the user thought better of it.
    QString askForRecipePath(const QString& name);
    void saveRecipeAs();
    void saveStatisticsAs();
    void chooseStatistics();
    void chooseData();
    /// Accuracy and bytes of the log's runs of this model.
    std::vector<plots::ParetoPoint> measuredPoints() const;
    void chooseDevice(const QString& id);
    void about();
    QAction* makeAction(const QString& text, const QString& icon, const QKeySequence& key,
                        const QString& hint, std::function<void()> run);

    Workbench& m_workbench;
    AppSettings& m_settings;
    QString m_demoPath;

    QStackedWidget* m_center = nullptr;
    WelcomePage* m_welcome = nullptr;
    PanelFrame* m_layersFrame = nullptr;
    LayersPanel* m_layers = nullptr;
    ModelPanel* m_model = nullptr;
    InspectorPanel* m_inspector = nullptr;
    BudgetPanel* m_budget = nullptr;
    PostTrainingPanel* m_postTraining = nullptr;
    TrainingPanel* m_training = nullptr;
    JobsPanel* m_jobs = nullptr;
    RunsPanel* m_runs = nullptr;
    ComparePanel* m_compare = nullptr;
    std::shared_ptr<experiments::ExperimentLog> m_log;
    std::vector<Panel> m_panels;

    QMenu* m_viewMenu = nullptr;
    QMenu* m_recentMenu = nullptr;
    QAction* m_viewMenuEnd = nullptr;  ///< panels are listed above it
    QAction* m_save = nullptr;
    QAction* m_saveAs = nullptr;
    QAction* m_saveRecipe = nullptr;
    QAction* m_saveStatistics = nullptr;
    QAction* m_loadStatistics = nullptr;
    QAction* m_data = nullptr;
    QAction* m_calibrate = nullptr;
    QAction* m_evaluate = nullptr;
    QAction* m_layerErrors = nullptr;
    QAction* m_integers = nullptr;
    QAction* m_fit = nullptr;
    QAction* m_train = nullptr;
    QAction* m_run = nullptr;
    QAction* m_cancel = nullptr;
    QAction* m_export = nullptr;
    QAction* m_switchTheme = nullptr;
    std::vector<QAction*> m_themeActions;
    QToolButton* m_dataButton = nullptr;
    QToolButton* m_deviceButton = nullptr;
    DeviceMenu* m_deviceMenu = nullptr;
    QLabel* m_statusRun = nullptr;
    QLabel* m_statusVerdict = nullptr;
    QLabel* m_statusLog = nullptr;
    bool m_isLayoutApplied = false;
};

}  // namespace bitlathe::ui
