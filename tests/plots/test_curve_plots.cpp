#include "plot_samples.h"

#include "plots/channel_range_plot.h"
#include "plots/error_curve_plot.h"
#include "plots/histogram_plot.h"
#include "plots/plot_export.h"
#include "plots/training_curve_plot.h"

#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace bitlathe::plots;
using bitlathe::core::Range;

class TestCurvePlots : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }

    void errorCurveDropsWhatCannotBeDrawn();
    void errorCurveInterpolates();
    void errorCurveSharesTheHistogramsAxis();
    void markClick();
    void channelsInOrderOrSorted();
    void channelTooltip();
    void trainingGrows();
    void trainingSurvivesNotFinite();
};

void TestCurvePlots::errorCurveDropsWhatCannotBeDrawn() {
    ErrorCurvePlot plot;
    plot.resize(370, 140);
    plot.setCurve({{0, 0}, {1, 0.5}, {2, NAN}, {3, 0.1}, {4, INFINITY}}, ErrorMeasure::MeanSquaredError);
    QCOMPARE(plot.table(TableExtent::All).rows.size(), std::size_t{2});  // no zero on a logarithmic axis
    QVERIFY(!renderImage(plot).isNull());
    plot.setCurve({{0, 0}, {1, 10}}, ErrorMeasure::SqnrDb);
    QCOMPARE(plot.table(TableExtent::All).rows.size(), std::size_t{2});  // 0 dB is a value
    plot.setCurve({{0, 0}}, ErrorMeasure::SqnrDb);
    QVERIFY(!plot.hasData());
}

void TestCurvePlots::errorCurveInterpolates() {
    ErrorCurvePlot plot;
    plot.resize(370, 140);
    plot.setCurve({{0, 0}, {1, 10}, {2, 30}, {3, 20}}, ErrorMeasure::SqnrDb);
    renderImage(plot);
    QVERIFY(plot.accessibleDescription().contains("30.00 dB at clip value 2"));
    // The tooltip tells the value on the line, whose ends are the data's.
    bool sawTwenty = false;
    for (int x = 0; x < plot.width(); ++x) {
        const QString text = plot.toolTipAt(QPointF(x, 60));
        const double clip = text.section(' ', 1, 1).chopped(1).toDouble();
        if (text.contains("clip") && clip > 1 && clip < 2) {
            const double decibel = text.section(' ', 2, 2).toDouble();
            QVERIFY2(std::abs(decibel - (10 + 20 * (clip - 1))) < 0.05, qPrintable(text));
            sawTwenty = true;
        }
    }
    QVERIFY(sawTwenty);
}

void TestCurvePlots::errorCurveSharesTheHistogramsAxis() {
    HistogramPlot histogram;
    ErrorCurvePlot curve;
    histogram.resize(370, 200);
    curve.resize(370, 140);
    connect(&histogram, &HistogramPlot::axisChanged, &curve, &ErrorCurvePlot::setAxis);
    curve.setCurve({{0.1, 5}, {0.2, 20}, {0.3, 10}}, ErrorMeasure::SqnrDb);
    histogram.setHistogram(samples::weights());
    QCOMPARE(curve.visibleRange(), histogram.visibleRange());
    histogram.setRange({-2, 2});  // the axis grows with the range
    QCOMPARE(curve.visibleRange(), histogram.visibleRange());
    histogram.setVisibleRange({-0.1, 0.1});
    QCOMPARE(curve.visibleRange(), (Range{-0.1, 0.1}));
    QVERIFY(curve.isZoomed());
    histogram.resetView();
    QVERIFY(!curve.isZoomed());
}

void TestCurvePlots::markClick() {
    ErrorCurvePlot plot;
    plot.resize(370, 140);
    plot.setCurve({{0, 0}, {1, 10}, {2, 30}}, ErrorMeasure::SqnrDb);
    plot.setMarks({{"KL", 0.5}, {"MSE", 1.5, true}});
    renderImage(plot);
    const QSignalSpy clicked(&plot, &ErrorCurvePlot::markClicked);
    QTest::mouseClick(&plot, Qt::LeftButton, Qt::NoModifier, plot.labelRects()[1].center().toPoint());
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].toInt(), 1);
    QVERIFY(plot.toolTipAt(plot.labelRects()[1].center()).contains("MSE: 1.500, 20.00 dB"));
}

void TestCurvePlots::channelsInOrderOrSorted() {
    ChannelRangePlot plot;
    plot.resize(370, 180);
    const QSignalSpy changed(&plot, &ChannelRangePlot::orderChanged);
    plot.setChannels({{-1, 1}, {-0.1, 0.2}, {-3, 2}}, {{-2, 2}});
    const auto channels = [&] {
        std::vector<int> result;
        for (const auto& row : plot.table(TableExtent::All).rows) {
            result.push_back(row[0].toInt());
        }
        return result;
    };
    QCOMPARE(channels(), (std::vector<int>{0, 1, 2}));
    plot.setOrder(ChannelOrder::ByWidth);
    QCOMPARE(channels(), (std::vector<int>{2, 0, 1}));
    QCOMPARE(changed.size(), 0);
    QCOMPARE(plot.table(TableExtent::All).rows[0][3].toDouble(), -2.0);
    plot.setChannels({{-1, 1}}, {});
    QCOMPARE(plot.table(TableExtent::All).columns.size(), 3);
}

void TestCurvePlots::channelTooltip() {
    ChannelRangePlot plot;
    plot.resize(370, 180);
    plot.setChannels({{-1, 1}, {-0.1, 0.25}}, {{-1.5, 1.25}, {-0.2, 0.2}});
    renderImage(plot);
    const QString text = plot.toolTipAt(QPointF(350, 90));
    QVERIFY2(text.contains("channel 1: -0.1000 to 0.2500") && text.contains("-0.2000 to 0.2000"),
             qPrintable(text));
    const QSignalSpy clicked(&plot, &ChannelRangePlot::channelClicked);
    QTest::mouseClick(&plot, Qt::LeftButton, Qt::NoModifier, QPoint(350, 90));
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].toInt(), 1);
}

void TestCurvePlots::trainingGrows() {
    TrainingCurvePlot plot;
    plot.resize(370, 180);
    QVERIFY(!plot.hasData());
    for (int i = 0; i < 20000; ++i) {
        plot.append({i * 1e-3, 1.0 / (1 + i * 1e-3),
                     i % 1000 == 0 ? std::optional(80 + i * 1e-3 / 2) : std::nullopt});
    }
    QCOMPARE(plot.table(TableExtent::All).rows.size(), std::size_t{20000});
    QVERIFY(plot.accessibleDescription().contains("accuracy 89.50 %"));
    QVERIFY(!renderImage(plot).isNull());
    plot.clear();
    QVERIFY(!plot.hasData());
}

void TestCurvePlots::trainingSurvivesNotFinite() {
    TrainingCurvePlot plot;
    plot.resize(370, 180);
    plot.setPoints({{0, 2.3, 10.0}, {1, NAN, 11.0}, {2, INFINITY, std::nullopt}});
    QVERIFY(!renderImage(plot).isNull());
    QVERIFY(plot.accessibleDescription().contains("loss 2.300"));
}

QTEST_MAIN(TestCurvePlots)
#include "test_curve_plots.moc"
