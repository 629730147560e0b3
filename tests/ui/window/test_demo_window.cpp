#include <string>

#include "app/application.h"
#include "plots/histogram_plot.h"
#include "tests/support/patience.h"
#include "ui/main_window.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/inspector_panel.h"
#include "ui/panels/jobs_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/runs_panel.h"
#include "ui/panels/site_page.h"

#include <QDir>
#include <QPushButton>
#include <QSettings>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

using namespace bitlathe;
using namespace bitlathe::ui;
using experiments::JobState;

namespace {

/// Five configurations on 10,000 images take 10 s on one quiet core; a busy machine may be twenty times slower.
}  // namespace

/// The window on the bundled demo: the real engine, the real model, the real data.
class TestDemoWindow final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void editsRunsCancelsAndCompares() {
        const QTemporaryDir folder;
        const QString before = QDir::currentPath();
        QDir::setCurrent(folder.path());  // the demo exports below the working folder
        qputenv("XDG_DATA_HOME", folder.filePath("data").toUtf8());
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, folder.filePath("config"));
        {
            app::Application application({QStringLiteral(BITLATHE_SOURCE_DIR "/resources/recipes/demo.json"),
                                          folder.filePath("experiments.db")});
            application.start();
            walk(application);
            application.workbench().document().undoStack()->setClean();
        }
        QDir::setCurrent(before);
    }

private:
    static void walk(app::Application& application) {
        MainWindow& window = application.window();
        Workbench& bench = application.workbench();
        QuantDocument& document = bench.document();
        QTRY_VERIFY_WITH_TIMEOUT(document.statistics() != nullptr && !bench.jobs().isBusy(),
                                 tests::kPatienceMs);
        QCOMPARE(document.model()->layers.size(), std::size_t{29});
        QCOMPARE(document.variants().size(), std::size_t{5});
        document.setVariants(document.variants(), 1);  // W8A8

        // Bits of three layers by keyboard; budget and SQNR answer; undone by keyboard.
        QTableView* const table = window.layersPanel()->table();
        const auto& layers = document.model()->layers;
        const core::SiteId weights{layers[11].id, core::SiteKind::Weight};
        const auto rom = document.budget().romBytes;
        QTRY_VERIFY_WITH_TIMEOUT(document.siteState(weights).error.has_value(), tests::kPatienceMs);
        const double sqnr = document.siteState(weights).error->sqnrDb;
        table->setFocus();
        bench.selection().selectOnly(layers[10].id);
        QTest::keyClick(table, Qt::Key_Down, Qt::ShiftModifier);
        QTest::keyClick(table, Qt::Key_Down, Qt::ShiftModifier);
        QTest::keyClick(table, Qt::Key_4);
        for (const std::size_t i : {10, 11, 12}) {
            QCOMPARE(document.layerConfig(layers[i].id).weight.bits->bits(), 4);
        }
        QVERIFY(document.budget().romBytes < rom);
        QTRY_VERIFY_WITH_TIMEOUT(document.siteState(weights).error.has_value() &&
                                     document.siteState(weights).error->sqnrDb < sqnr,
                                 tests::kPatienceMs);
        QTest::keyClick(&window, Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(document.budget().romBytes, rom);

        // A clip handle dragged: the figures answer during the drag, and it is one step.
        bench.selection().selectOnly(layers[4].id);
        window.inspectorPanel()->setTab(InspectorPanel::Output);
        SitePage* const page = window.inspectorPanel()->outputPage();
        plots::HistogramPlot* const plot = page->histogram();
        QTRY_VERIFY_WITH_TIMEOUT(plot->range().has_value() && plot->height() > 60, tests::kPatienceMs);
        const QString figures = page->figures();
        const int steps = document.undoStack()->index();
        const QPoint grip(static_cast<int>(plot->xOf(plot->range()->upper)), plot->height() / 2);
        QTest::mousePress(plot, Qt::LeftButton, {}, grip);
        QTest::mouseMove(plot, grip - QPoint(40, 0));
        QTest::mouseMove(plot, grip - QPoint(80, 0));
        QVERIFY(page->figures() != figures);
        QTest::mouseRelease(plot, Qt::LeftButton, {}, grip - QPoint(80, 0));
        QCOMPARE(document.undoStack()->index(), steps + 1);
        document.undoStack()->undo();

        // A run cancelled on its way, then one to the end, and two of its configurations side by side.
        auto* const run = window.findChild<QToolButton*>(QStringLiteral("runButton"));
        run->click();
        QTRY_COMPARE_WITH_TIMEOUT(bench.jobs().runningCount(), 1, tests::kPatienceMs);
        const experiments::JobId cancelled = bench.jobs().jobs().back();
        bench.jobs().cancel(cancelled);
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().find(cancelled)->state == JobState::Cancelled,
                                 tests::kPatienceMs);
        run->click();
        QTRY_VERIFY_WITH_TIMEOUT(bench.jobs().isBusy(), tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.jobs().isBusy(), tests::kPatienceMs);
        QCOMPARE(bench.jobs().find(bench.jobs().jobs().back())->outcome.text, "");
        window.runsPanel()->refresh();
        QTableView* const runs = window.runsPanel()->table();
        QTRY_VERIFY_WITH_TIMEOUT(runs->model()->rowCount() >= 5, tests::kPatienceMs);
        runs->selectionModel()->clearSelection();
        for (const int row : {0, 1}) {
            runs->selectionModel()->select(runs->model()->index(row, 0),
                                           QItemSelectionModel::Select | QItemSelectionModel::Rows);
        }
        QTRY_COMPARE_WITH_TIMEOUT(window.comparePanel()->runs().size(), std::size_t{2}, tests::kPatienceMs);
        QVERIFY(window.comparePanel()->summaryTable()->model()->rowCount() > 0);
    }
};

QTEST_MAIN(TestDemoWindow)
#include "test_demo_window.moc"
