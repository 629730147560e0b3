#include "plots/ram_timeline_plot.h"
#include "plots/rom_bar.h"
#include "plots/tensor_timeline_plot.h"

#include "plots/plot_export.h"

#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace bitlathe::plots;
using bitlathe::core::BitWidth;
using bitlathe::core::LayerId;

namespace {

int countPixels(PlotWidget& plot, const QColor& color) {
    const QImage image = renderImage(plot);
    int pixels = 0;
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            pixels += image.pixelColor(x, y) == color ? 1 : 0;
        }
    }
    return pixels;
}

}  // namespace

class TestBudgetPlots : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }

    void romSegmentsHaveTheirShare();
    void romClickSelects();
    void romLimitIsCutOrDrawn();
    void romTooltipIsExact();
    void ramPeakAndLimit();
    void ramClickAndTooltip();
    void ramIsStacked();
    void tensorsHaveTimeAndPlace();
    void emptyModels();

private:
    std::unique_ptr<RomBar> rom() const {
        auto bar = std::make_unique<RomBar>();
        bar->setPalette(PlotTheme::light().palette());
        bar->resize(816, 48);  // 8 px at each side: 800 for the bar
        bar->setSegments({{LayerId("a"), "stem", 1000, BitWidth(8)},
                          {LayerId("b"), "middle", 3000, BitWidth(2)},
                          {LayerId("c"), "head", 4000, std::nullopt}});
        renderImage(*bar);
        return bar;
    }
    std::unique_ptr<RamTimelinePlot> ram() const {
        auto plot = std::make_unique<RamTimelinePlot>();
        plot->setPalette(PlotTheme::light().palette());
        plot->resize(600, 180);
        plot->setSteps({{LayerId("a"), "stem", 1024, 8192, 0},
                        {LayerId("b"), "middle", 8192, 4096, 2048},
                        {LayerId("c"), "head", 4096, 10, 0}});
        renderImage(*plot);
        return plot;
    }
    /// x of the middle of a layer's bar, found by asking what the tooltip there says.
    int middleOf(const RamTimelinePlot& plot, const QString& name) const {
        int first = -1;
        int last = -1;
        for (int x = 0; x < plot.width(); ++x) {
            if (plot.toolTipAt(QPointF(x, 100)).contains(name)) {
                first = first < 0 ? x : first;
                last = x;
            }
        }
        return (first + last) / 2;
    }
};

void TestBudgetPlots::romSegmentsHaveTheirShare() {
    const auto bar = rom();
    const QImage image = renderImage(*bar);
    const int y = 35;
    QCOMPARE(bar->totalBytes(), qint64{8000});
    // 1000 of 8000 bytes on 800 px: 100 px of the colour for 8 bits, then 300 for 2 bits, then 400 of float.
    QCOMPARE(image.pixelColor(8 + 20, 24), PlotTheme::light().colorForBits(BitWidth(8)));
    QCOMPARE(image.pixelColor(8 + 95, 24), PlotTheme::light().colorForBits(BitWidth(8)));
    QCOMPARE(image.pixelColor(8 + 105, 24), PlotTheme::light().colorForBits(BitWidth(2)));
    QCOMPARE(image.pixelColor(8 + 395, y), PlotTheme::light().colorForBits(BitWidth(2)));
    QCOMPARE(image.pixelColor(8 + 405, y), PlotTheme::light().colorForBits(std::nullopt));
}

void TestBudgetPlots::romClickSelects() {
    const auto bar = rom();
    const QSignalSpy clicked(bar.get(), &LayerPlot::layerClicked);
    QTest::mouseClick(bar.get(), Qt::LeftButton, Qt::ControlModifier, QPoint(8 + 200, 35));
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].value<LayerId>(), LayerId("b"));
    QCOMPARE(clicked[0][1].value<Qt::KeyboardModifiers>(), Qt::ControlModifier);
    const int before = countPixels(*bar, PlotTheme::light().attention);
    bar->setSelection({LayerId("b"), LayerId("unknown")});
    QVERIFY(countPixels(*bar, PlotTheme::light().attention) > before + 1000);
    QCOMPARE(clicked.size(), 1);  // setting it does not click
    QTest::mouseClick(bar.get(), Qt::LeftButton, Qt::NoModifier, QPoint(200, 5));  // the caption
    QCOMPARE(clicked.size(), 1);
}

void TestBudgetPlots::romLimitIsCutOrDrawn() {
    const auto bar = rom();
    bar->setLimit(10000);
    QVERIFY(countPixels(*bar, PlotTheme::light().attention) > 20);  // the line
    QVERIFY(bar->accessibleDescription().contains("8,000 of 10,000 B (80.0 %)"));
    bar->setLimit(1000000);
    QCOMPARE(countPixels(*bar, PlotTheme::light().attention), 0);
    QVERIFY(bar->accessibleDescription().contains("axis cut"));
    bar->setLimit(7000);
    QVERIFY(bar->accessibleDescription().contains("1,000 B over"));
}

void TestBudgetPlots::romTooltipIsExact() {
    const auto bar = rom();
    const QString text = bar->toolTipAt(QPointF(8 + 200, 35));
    QVERIFY2(text.contains("middle") && text.contains("3,000 B") && text.contains("2 bits") &&
                 text.contains("37.5"),
             qPrintable(text));
    QVERIFY(bar->toolTipAt(QPointF(8 + 600, 35)).contains("float"));
}

void TestBudgetPlots::ramPeakAndLimit() {
    const auto plot = ram();
    QVERIFY(plot->accessibleDescription().contains("14,336 B while middle runs"));
    plot->setLimit(131072);
    QCOMPARE(countPixels(*plot, PlotTheme::light().attention), 0);
    QVERIFY(plot->accessibleDescription().contains("axis cut"));
    plot->setLimit(16384);
    QVERIFY(countPixels(*plot, PlotTheme::light().attention) > 100);  // the dashed line
    plot->setLimit(14000);
    QVERIFY(plot->accessibleDescription().contains("336 B over"));
    for (const int width : {200, 370, 1000}) {
        plot->resize(width, 180);
        renderImage(*plot);
        const std::vector<QRectF> rects = plot->labelRects();
        for (std::size_t i = 0; i < rects.size(); ++i) {
            QVERIFY(QRectF(plot->rect()).contains(rects[i]));
            for (std::size_t j = 0; j < i; ++j) {
                QVERIFY(!rects[i].intersects(rects[j]));
            }
        }
    }
}

void TestBudgetPlots::ramClickAndTooltip() {
    const auto plot = ram();
    const QSignalSpy clicked(plot.get(), &LayerPlot::layerClicked);
    const QSignalSpy hovered(plot.get(), &LayerPlot::layerHovered);
    const QPoint at(middleOf(*plot, "head"), 150);
    QTest::mouseClick(plot.get(), Qt::LeftButton, Qt::NoModifier, at);
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].value<LayerId>(), LayerId("c"));
    QVERIFY(!hovered.isEmpty());
    QCOMPARE(hovered.last()[0].value<LayerId>(), LayerId("c"));
    QEvent leave(QEvent::Leave);
    QApplication::sendEvent(plot.get(), &leave);
    QCOMPARE(hovered.last()[0].value<LayerId>(), LayerId());
    const QString text = plot->toolTipAt(QPointF(middleOf(*plot, "middle"), 150));
    QVERIFY2(text.contains("14,336 B") && text.contains("input 8,192 B") &&
                 text.contains("other live 2,048 B"),
             qPrintable(text));
}

void TestBudgetPlots::ramIsStacked() {
    const auto plot = ram();
    const QImage image = renderImage(*plot);
    const int x = middleOf(*plot, "middle");
    const auto pixels = [&](const QColor& color) {
        int count = 0;
        for (int y = 24; y < image.height(); ++y) {  // below the legend
            count += image.pixelColor(x, y) == color ? 1 : 0;
        }
        return count;
    };
    const int input = pixels(PlotTheme::light().colorForBits(BitWidth(4)));
    const int output = pixels(PlotTheme::light().colorForBits(BitWidth(2)));
    const int other = pixels(PlotTheme::light().greyed);
    // 8192 : 4096 : 2048 bytes; each boundary is rounded to a pixel.
    QVERIFY(other > 5);
    QVERIFY(std::abs(input - 2 * output) <= 2);
    QVERIFY(std::abs(output - 2 * other) <= 2);
}

void TestBudgetPlots::tensorsHaveTimeAndPlace() {
    TensorTimelinePlot plot;
    plot.setPalette(PlotTheme::light().palette());
    plot.resize(600, 200);
    plot.setSpans({{LayerId("a"), "stem", 4096, 0, 0, 1, BitWidth(8), false},
                   {LayerId("b"), "middle", 2048, 4096, 1, 3, BitWidth(4), false},
                   {LayerId("b"), "middle rows", 512, 6144, 1, 1, std::nullopt, true}},
                  1, "arena");
    QImage image = renderImage(plot);
    QCOMPARE(plot.totalBytes(), qint64{6656});
    const QRectF stem = plot.rectOf(0);
    const QRectF middle = plot.rectOf(1);
    QCOMPARE(std::lround(middle.width() / stem.width() * 10), 15L);  // three steps against two
    QCOMPARE(std::lround(stem.height() / middle.height() * 10), 20L);
    QVERIFY(std::abs(stem.top() - middle.bottom()) < 1);
    QCOMPARE(image.pixelColor((stem.topLeft() + QPointF(5, 5)).toPoint()),
             PlotTheme::light().colorForBits(BitWidth(8)));
    QVERIFY(plot.toolTipAt(middle.center()).contains("2,048 B at byte 4,096"));
    QVERIFY(plot.toolTipAt(middle.center()).contains("step 1 to 3"));
    QVERIFY(plot.toolTipAt(QPointF(middle.right() - 5, stem.center().y())).isEmpty());
    const QSignalSpy clicked(&plot, &LayerPlot::layerClicked);
    QTest::mouseClick(&plot, Qt::LeftButton, Qt::NoModifier, middle.center().toPoint());
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].value<LayerId>(), LayerId("b"));
    plot.setLimit(6000);
    QVERIFY(plot.accessibleDescription().contains("656 B over"));
    const PlotTable table = plot.table(TableExtent::All);
    QCOMPARE(table.rows.size(), std::size_t{3});
    QCOMPARE(table.rows[2].back().toInt(), 1);
    plot.setSpans({}, -1, {});
    QVERIFY(!plot.hasData());
    renderImage(plot);
}

void TestBudgetPlots::emptyModels() {
    RomBar bar;
    bar.setSegments({});
    bar.setLimit(1000);
    RamTimelinePlot timeline;
    timeline.setLimit(1000);
    timeline.setSteps({});
    for (PlotWidget* plot : {static_cast<PlotWidget*>(&bar), static_cast<PlotWidget*>(&timeline)}) {
        plot->resize(400, 100);
        QVERIFY(!plot->hasData());
        QVERIFY(!renderImage(*plot).isNull());
        QCOMPARE(plot->accessibleDescription(), plot->emptyText());
        QTest::mouseClick(plot, Qt::LeftButton, Qt::NoModifier, QPoint(100, 30));
    }
}

QTEST_MAIN(TestBudgetPlots)
#include "test_budget_plots.moc"
