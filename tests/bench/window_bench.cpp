#include <string>

#include "plots/histogram_plot.h"
#include "tests/bench/stopwatch.h"
#include "tests/ui/window/small_bench.h"
#include "ui/document/config_edits.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/site_page.h"

#include "core/device/budget.h"

#include <QApplication>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace bitlathe;

namespace {

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// Process start to first painted window, as the program itself reports it.
void benchStartup(int rounds) {
    const QTemporaryDir folder;
    std::vector<double> times;
    for (int round = 0; round <= rounds; ++round) {
        QProcess program;
        program.start(QStringLiteral(BITLATHE_BINARY_DIR "/bin/bitlathe"),
                      {"--measure-startup", "--log", folder.filePath("bench.db")});
        if (!program.waitForFinished(60'000) || program.exitCode() != 0) {
            std::fprintf(stderr, "bitlathe --measure-startup failed: %s\n",
                         program.readAllStandardError().constData());
            std::exit(1);
        }
        if (round > 0) {
            times.push_back(program.readAllStandardOutput().toDouble());
        }
    }
    std::printf("start to first window                      %8.1f ms  (goal 150)\n", median(times));
}

/// A clip handle dragged pixel by pixel: each frame is the mouse event with all it sets off (range, error,
/// budget, panels) and the repaint of inspector and budget.
void benchDrag(ui::SitePage& page, ui::BudgetPanel& budget) {
    plots::HistogramPlot* const plot = page.histogram();
    const QPoint grip(static_cast<int>(plot->xOf(plot->range()->upper)), plot->height() / 2);
    QTest::mousePress(plot, Qt::LeftButton, {}, grip);
    std::vector<double> frames;
    for (int i = 1; i <= 100; ++i) {
        frames.push_back(bench::timeOnce([&] {
            QTest::mouseMove(plot, grip - QPoint(i, 0));
            QCoreApplication::processEvents();
            page.repaint();
            budget.repaint();
        }));
    }
    QTest::mouseRelease(plot, Qt::LeftButton, {}, grip - QPoint(100, 0));
    std::printf("one clip-drag frame                        %8.2f ms  (worst of 100: %.2f; goal 16.7)\n",
                median(frames), *std::max_element(frames.begin(), frames.end()));
}

}  // namespace

/// bitlathe-window-bench [rounds]: what DESIGN promises a person's hand. The model is a ResNet-50 (25.6
/// million weights).
int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) {
        qputenv("QT_QPA_PLATFORM", "offscreen");
    }
    QApplication program(argc, argv);
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 21;
    if (rounds < 1) {
        std::fprintf(stderr, "usage: bitlathe-window-bench [rounds]\n");
        return 2;
    }
    benchStartup(rounds);

    const auto model = tests::smallModel("resnet50", {});
    ui::QuantDocument document;
    ui::Selection selection;
    document.open(tests::smallContent(model));
    document.setDevice(tests::smallDevice(32 << 20, 8 << 20));
    selection.selectOnly(model->layers[10].id);
    ui::SitePage page(core::SiteKind::Output, document, selection);
    page.resize(380, 640);
    page.show();
    ui::BudgetPanel budget(document, selection);
    budget.resize(1000, 260);
    budget.show();
    QTest::qWait(500);  // layouts, and the weights' errors on their worker

    benchDrag(page, budget);

    // The layer with most weights, its bits back and forth.
    const auto heaviest = std::max_element(
        model->layers.begin(), model->layers.end(),
        [](const core::Layer& a, const core::Layer& b) { return a.weightCount < b.weightCount; });
    int bits = 8;
    const auto times =
        bench::mediansInTurn({
                                 [&] { core::computeBudget(*model, document.config()); },
                                 [&] {
                                     bits = bits == 8 ? 4 : 8;
                                     ui::setBits(document, {heaviest->id}, core::SiteKind::Weight, bits);
                                 },
                             },
                             rounds);
    std::printf("one budget update                          %8.3f ms  (goal 16.7)\n", times[0]);
    std::printf(
        "one edit of bits, until the call returns   %8.3f ms  (%lld weights in the layer; goal 16.7)\n",
        times[1], static_cast<long long>(heaviest->weightCount));
    return 0;
}
