#include <string>

#include "plots/histogram_plot.h"
#include "tests/support/patience.h"
#include "tests/ui/window/window_bench.h"
#include "ui/dialogs/integer_report_dialog.h"
#include "ui/dialogs/train_dialog.h"
#include "ui/document/config_edits.h"
#include "ui/main_window.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/inspector_panel.h"
#include "ui/panels/jobs_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/panel_dock.h"
#include "ui/panels/runs_panel.h"
#include "ui/panels/site_page.h"
#include "ui/panels/training_panel.h"

#include <QAction>
#include <QApplication>
#include <QFile>
#include <QLabel>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QStatusBar>
#include <QTableView>
#include <QTest>
#include <QToolButton>

using namespace bitlathe;
using namespace bitlathe::ui;
using experiments::JobState;
using tests::answerBox;

/// The window as a person uses it, with an engine that answers without tensors.
class TestMainWindow final : public QObject, private tests::WindowBench {
    Q_OBJECT

private Q_SLOTS:
    void init() { setUp(); }

    void cleanup() { tearDown(); }

    /// The whole path of a person's first hour, step by step.
    void editsRunsCancelsAndCompares() {
        start(m_recipe);
        MainWindow& window = m_application->window();
        Workbench& bench = m_application->workbench();
        QuantDocument& document = bench.document();
        QTRY_VERIFY_WITH_TIMEOUT(document.statistics() != nullptr, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        QVERIFY(document.device().has_value());
        QCOMPARE(document.config().layers.empty(), false);

        // Bits on several layers by keyboard, as one step; the budget and the verdict answer.
        QTableView* const table = window.layersPanel()->table();
        const auto& layers = document.model()->layers;
        const auto romBefore = document.budget().romBytes;
        const QString verdictBefore = window.budgetPanel()->verdict();
        table->setFocus();
        bench.selection().selectOnly(layers[10].id);
        QTest::keyClick(table, Qt::Key_Down, Qt::ShiftModifier);
        QTest::keyClick(table, Qt::Key_Down, Qt::ShiftModifier);
        QCOMPARE(bench.selection().layers().size(), std::size_t{3});
        QTest::keyClick(table, Qt::Key_4);
        for (const std::size_t i : {10, 11, 12}) {
            QCOMPARE(document.layerConfig(layers[i].id).weight.bits->bits(), 4);
        }
        QVERIFY(document.budget().romBytes < romBefore);
        QVERIFY(window.budgetPanel()->verdict() != verdictBefore);
        QVERIFY(window.isWindowModified());

        // Undo by keyboard.
        QTest::keyClick(&window, Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(document.budget().romBytes, romBefore);
        QCOMPARE(window.budgetPanel()->verdict(), verdictBefore);
        QVERIFY(!window.isWindowModified());
        QTest::keyClick(&window, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
        QVERIFY(document.budget().romBytes < romBefore);

        // A drag of the clip handle; the figures answer during the drag.
        bench.selection().selectOnly(layers[4].id);
        window.inspectorPanel()->setTab(InspectorPanel::Output);
        SitePage* const page = window.inspectorPanel()->outputPage();
        plots::HistogramPlot* const plot = page->histogram();
        QTRY_VERIFY_WITH_TIMEOUT(plot->range().has_value() && plot->height() > 60, tests::kPatienceMs);
        const QString figures = page->figures();
        const int steps = document.undoStack()->count();
        const QPoint grip(static_cast<int>(plot->xOf(plot->range()->upper)), plot->height() / 2);
        QTest::mousePress(plot, Qt::LeftButton, {}, grip);
        QTest::mouseMove(plot, grip - QPoint(30, 0));
        QTest::mouseMove(plot, grip - QPoint(60, 0));
        QVERIFY(page->figures() != figures);
        QTest::mouseRelease(plot, Qt::LeftButton, {}, grip - QPoint(60, 0));
        QCOMPARE(document.undoStack()->count(), steps + 1);

        // A run that is cancelled.
        m_isBlocked = true;
        window.findChild<QToolButton*>(QStringLiteral("runButton"))->click();
        QTRY_COMPARE_WITH_TIMEOUT(bench.jobs().runningCount(), 1, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(m_isWaiting.load(), tests::kPatienceMs);
        window.jobsPanel()->cancelButton()->click();
        const experiments::JobId job = bench.jobs().jobs().back();
        QVERIFY(bench.jobs().find(job)->state == JobState::Cancelling);
        m_isBlocked = false;
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().find(job)->state == JobState::Cancelled, tests::kPatienceMs);

        // A run that ends, and a comparison of two of its configurations.
        window.findChild<QToolButton*>(QStringLiteral("runButton"))->click();
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().isBusy(), tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        QCOMPARE(bench.jobs().find(bench.jobs().jobs().back())->outcome.text, "");
        window.dock(QStringLiteral("runs"))->show();
        window.dock(QStringLiteral("runs"))->raise();
        window.runsPanel()->refresh();
        QTableView* const runs = window.runsPanel()->table();
        QTRY_VERIFY_WITH_TIMEOUT(runs->model()->rowCount() >= 2, tests::kPatienceMs);
        runs->selectionModel()->clearSelection();
        for (const int row : {0, 1}) {
            runs->selectionModel()->select(runs->model()->index(row, 0),
                                           QItemSelectionModel::Select | QItemSelectionModel::Rows);
        }
        QTRY_COMPARE_WITH_TIMEOUT(window.comparePanel()->runs().size(), std::size_t{2}, tests::kPatienceMs);
        QVERIFY(window.comparePanel()->summaryTable()->model()->rowCount() > 0);
    }

    /// From F5 to a trained document: its weights, the grids it learned, and what an edit does to them.
    void trainsAndOpensTheResult() {
        start(m_recipe);
        MainWindow& window = m_application->window();
        Workbench& bench = m_application->workbench();
        QuantDocument& document = bench.document();
        QTRY_VERIFY_WITH_TIMEOUT(document.statistics() != nullptr, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        QVERIFY(document.learned() == nullptr);

        window.chooseTraining();
        auto* const dialog = window.findChild<TrainDialog*>();
        QVERIFY(dialog != nullptr);
        QVERIFY(dialog->request().isQuantized);
        const QString path = m_folder->filePath(QStringLiteral("training.json"));
        QVERIFY(bench.saveTrainingRecipe(dialog->request(), path));
        dialog->findChild<QPushButton*>(QStringLiteral("startTraining"))->click();
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().isBusy(), tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        QCOMPARE(bench.jobs().find(bench.jobs().jobs().back())->outcome.text, "");
        QCOMPARE(bench.jobs().find(bench.jobs().jobs().back())->name, "QAT W8A8");

        // What was saved is what the run did.
        const auto log = experiments::ExperimentLog::open(bench.logPath().toStdString());
        const experiments::RunRecord run = log->runs().front();
        const auto saved = experiments::Recipe::load(path.toStdString()).toJson();
        const auto done = nlohmann::json::parse(log->run(run.id).what.recipeJson);
        QVERIFY2(saved.at("stages") == done.at("stages"), done.at("stages").dump(1).c_str());

        QToolButton* const open = window.trainingPanel()->openButton();
        QVERIFY(open->isVisibleTo(window.trainingPanel()));
        open->click();
        QTRY_VERIFY_WITH_TIMEOUT(document.recipe().model.run == run.id.value, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(document.statistics() != nullptr, tests::kPatienceMs);
        QVERIFY(document.learned() != nullptr);
        const core::LayerId layer = document.model()->layers[3].id;
        const core::SiteId output{layer, core::SiteKind::Output};
        QVERIFY(document.siteState(output).isLearned);
        QVERIFY(*document.siteState(output).qparams == document.learned()->plan.sites.at(output));
        QVERIFY(document.siteState({layer, core::SiteKind::Weight}).isLearned);
        setBits(document, {layer}, core::SiteKind::Output, 4);
        QVERIFY(!document.siteState(output).isLearned);
        document.undoStack()->undo();
        QVERIFY(document.siteState(output).isLearned);

        // It can be evaluated like any document, and trained further.
        bench.evaluate();
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        QCOMPARE(bench.jobs().find(bench.jobs().jobs().back())->outcome.text, "");
        window.chooseTraining();
        auto* const further = window.findChild<TrainDialog*>();
        QCOMPARE(further->request().startRun, run.id.value);
        further->reject();
    }

    void aCancelledTrainingIsResumedFromTheRuns() {
        start(m_recipe);
        MainWindow& window = m_application->window();
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        m_blockedMethod = "train";
        m_isBlocked = true;
        bench.train(bench.trainingRequest());
        QTRY_VERIFY_WITH_TIMEOUT(m_isWaiting.load(), tests::kPatienceMs);
        const experiments::JobId job = bench.jobs().jobs().back();
        bench.jobs().cancel(job);
        m_isBlocked = false;
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().find(job)->state == JobState::Cancelled, tests::kPatienceMs);

        window.dock(QStringLiteral("runs"))->show();
        window.dock(QStringLiteral("runs"))->raise();
        window.runsPanel()->refresh();
        QTableView* const runs = window.runsPanel()->table();
        QTRY_COMPARE_WITH_TIMEOUT(runs->model()->rowCount(), 1, tests::kPatienceMs);
        runs->selectRow(0);
        const auto actionNamed = [&](const QString& text) -> QAction* {
            for (QAction* const action : runs->actions()) {
                if (action->text() == text) {
                    return action;
                }
            }
            return nullptr;
        };
        QVERIFY(!actionNamed(QStringLiteral("Open trained model"))->isEnabled());
        QVERIFY(actionNamed(QStringLiteral("Resume training"))->isEnabled());
        actionNamed(QStringLiteral("Resume training"))->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().isBusy(), tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        QCOMPARE(bench.jobs().find(bench.jobs().jobs().back())->outcome.text, "");
        const auto log = experiments::ExperimentLog::open(bench.logPath().toStdString());
        const experiments::RunRecord resumed = log->runs().front();
        QVERIFY(resumed.status == experiments::RunStatus::Succeeded);
        QCOMPARE(resumed.metrics.at("resumed_run").value, 1.0);

        runs->selectRow(0);
        QTRY_VERIFY_WITH_TIMEOUT(actionNamed(QStringLiteral("Open trained model"))->isEnabled(),
                                 tests::kPatienceMs);
        QVERIFY(!actionNamed(QStringLiteral("Resume training"))->isEnabled());
    }

    void keepsTheProject() {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
        const core::LayerId layer = bench.document().model()->layers[5].id;
        setBits(bench.document(), {layer}, core::SiteKind::Weight, 3);
        setManualRange(bench.document(), {layer, core::SiteKind::Output}, core::Range{-0.5, 0.75});
        bench.selection().select({layer});
        bench.selection().setSite(core::SiteKind::Weight);
        const core::QuantConfig config = bench.document().config();
        const QString path = m_folder->filePath(QStringLiteral("p.bitlathe"));
        QVERIFY(bench.saveProject(path));
        QVERIFY(bench.document().undoStack()->isClean());
        QVERIFY(m_application->window().windowTitle().contains(QStringLiteral("p.bitlathe")));

        QSignalSpy opened(&bench, &Workbench::opened);
        m_application->window().openFile(path);
        QTRY_COMPARE_WITH_TIMEOUT(opened.size(), 1, tests::kPatienceMs);
        QVERIFY(bench.document().config() == config);
        QCOMPARE(bench.document().device()->id, "stm32f411re");
        QCOMPARE(bench.selection().current(), layer);
        QVERIFY(bench.selection().site() == core::SiteKind::Weight);
        QCOMPARE(bench.document().variants().size(), std::size_t{2});
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
    }

    void closingDuringAJobAsks() {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        m_isBlocked = true;
        bench.runRecipe();
        QTRY_VERIFY_WITH_TIMEOUT(m_isWaiting.load(), tests::kPatienceMs);
        MainWindow& window = m_application->window();
        answerBox(QStringLiteral("jobsBox"), [](QMessageBox& box) { box.defaultButton()->click(); });
        QVERIFY(!window.close());
        QCOMPARE(bench.jobs().runningCount(), 1);
        const experiments::JobId job = bench.jobs().jobs().back();
        answerBox(QStringLiteral("jobsBox"), [](QMessageBox& box) {
            box.findChild<QPushButton*>(QStringLiteral("closeAnyway"))->click();
        });
        QVERIFY(window.close());
        QVERIFY(bench.jobs().find(job)->state == JobState::Cancelling);
        m_isBlocked = false;
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().find(job)->state == JobState::Cancelled, tests::kPatienceMs);
        // The log holds the run as cancelled, not as running.
        const auto log = experiments::ExperimentLog::open(bench.logPath().toStdString());
        for (const experiments::RunRecord& run : log->runs()) {
            QVERIFY(run.status != experiments::RunStatus::Running);
        }
    }

    void unsavedEditsAreAskedAbout() {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        setBits(bench.document(), {bench.document().model()->layers[1].id}, core::SiteKind::Weight, 4);
        answerBox(QStringLiteral("discardBox"),
                  [](QMessageBox& box) { box.button(QMessageBox::Cancel)->click(); });
        QVERIFY(!m_application->window().close());
        answerBox(QStringLiteral("discardBox"),
                  [](QMessageBox& box) { box.button(QMessageBox::Discard)->click(); });
        QVERIFY(m_application->window().close());
    }

    void badFilesAreExplained_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("expected");
        QTest::addRow("foreign model") << "m.pt" << QByteArray("not a zip") << "no TorchScript";
        QTest::addRow("ONNX") << "m.onnx" << QByteArray("x") << "torch.jit.save";
        QTest::addRow("unknown kind") << "m.txt" << QByteArray("x") << ".bitlathe";
        QTest::addRow("recipe with a typo")
            << "r.json" << QByteArray(R"({"schema_version": 1, "nam": "x"})") << "nam";
        QTest::addRow("newer project")
            << "p.bitlathe" << QByteArray(R"({"bitlathe_project": 9, "recipe": {}})") << "newer";
    }
    void badFilesAreExplained() {
        QFETCH(QString, name);
        QFETCH(QByteArray, content);
        QFETCH(QString, expected);
        const QString path = m_folder->filePath(name);
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(content);
        file.close();
        m_isGraphMissing = true;
        start({});
        m_application->window().openFile(path);
        QWidget* dialog = nullptr;
        QTRY_VERIFY_WITH_TIMEOUT(
            (dialog = m_application->window().findChild<QWidget*>(QStringLiteral("errorDialog"))) != nullptr,
            tests::kPatienceMs);
        const QString text = dialog->findChild<QLabel*>(QStringLiteral("errorText"))->text();
        QVERIFY2(text.contains(expected), qPrintable(text));
        QVERIFY2(text.contains(name), qPrintable(text));
        dialog->close();
        QVERIFY(!m_application->workbench().document().hasModel());
        m_isGraphMissing = false;
    }

    void everyPanelHasAShortcutAndComesBack() {
        start({});
        MainWindow& window = m_application->window();
        const QStringList names = {"model", "inspector", "budget",        "runs",    "compare",
                                   "log",   "jobs",      "post_training", "training"};
        for (int i = 0; i < names.size(); ++i) {
            PanelDock* const dock = window.dock(names[i]);
            QVERIFY2(dock != nullptr, qPrintable(names[i]));
            dock->hide();
            QTest::keyClick(&window, static_cast<Qt::Key>(Qt::Key_1 + i), Qt::ControlModifier);
            QVERIFY2(dock->isVisible(), qPrintable(names[i]));
        }
        window.dock(QStringLiteral("budget"))->setFloating(true);
        window.dock(QStringLiteral("jobs"))->hide();
        window.restoreDefaultLayout();
        QVERIFY(!window.dock(QStringLiteral("budget"))->isFloating());
        QVERIFY(window.dock(QStringLiteral("jobs"))->isVisible());
    }

    void themesSwitchWithoutALeftover() {
        start({});
        AppSettings& settings = m_application->settings();
        settings.setTheme(ThemeChoice::Dark);
        QVERIFY(currentTheme().isDark);
        QVERIFY(QApplication::palette().color(QPalette::Window).lightness() < 128);
        QVERIFY(!qApp->styleSheet().contains(QLatin1Char('@')));
        settings.setTheme(ThemeChoice::Light);
        QVERIFY(!currentTheme().isDark);
    }

    /// One click: a run with the integer model in the log, and its report beside the window.
    void integersAreCompared() {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        MainWindow& window = m_application->window();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        bench.compareIntegers();
        QTRY_VERIFY_WITH_TIMEOUT(window.findChild<IntegerReportDialog*>() != nullptr, tests::kPatienceMs);
        auto* const report = window.findChild<IntegerReportDialog*>();
        QVERIFY(report->table()->model()->rowCount() > 20);
        QVERIFY(report->accuracies().contains(QStringLiteral("n = 16")));
        const QString text = report->asText();
        report->close();
        // It is in the log: the report of a run from there is the same.
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        window.runsPanel()->refresh();
        QTRY_VERIFY_WITH_TIMEOUT(window.findChild<IntegerReportDialog*>() == nullptr, tests::kPatienceMs);
        window.showIntegerReport({1});
        QCOMPARE(window.findChild<IntegerReportDialog*>()->asText(), text);
        window.findChild<IntegerReportDialog*>()->close();
    }

    void floatHasNoIntegers() {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        bench.document().setVariants({{"float", {}}}, 0);
        bench.disconnect(&m_application->window());
        QSignalSpy failed(&bench, &Workbench::failed);
        bench.compareIntegers();
        QCOMPARE(failed.size(), 1);
        QVERIFY(failed[0][1].toString().contains(QStringLiteral("float")));
        QVERIFY(!bench.jobs().isBusy());
    }

    void fitsASmallScreen() {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr, tests::kPatienceMs);
        m_application->window().resize(1280, 800);
        QTest::qWait(100);
        QCOMPARE(m_application->window().size(), QSize(1280, 800));
    }
};

QTEST_MAIN(TestMainWindow)
#include "test_main_window.moc"
