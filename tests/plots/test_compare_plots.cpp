#include "plots/compare_bars_plot.h"
#include "plots/pareto_plot.h"
#include "plots/plot_export.h"

#include <QSignalSpy>
#include <QTest>

#include <cmath>
#include <random>

using namespace bitlathe::plots;
using bitlathe::core::Range;

class TestComparePlots : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }

    void letters();
    void differencesAreAgainstTheFirst();
    void missingFiguresHaveNoColumn();
    void runClick();
    void frontByDefinition();
    void paretoLabelsKeepApart();
    void paretoClick();
    void paretoAxisFitsTheCrowd();
};

void TestComparePlots::letters() {
    QCOMPARE(CompareBarsPlot::letter(0), QStringLiteral("A"));
    QCOMPARE(CompareBarsPlot::letter(25), QStringLiteral("Z"));
    QCOMPARE(CompareBarsPlot::letter(26), QStringLiteral("AA"));
}

void TestComparePlots::differencesAreAgainstTheFirst() {
    CompareBarsPlot plot;
    plot.resize(1000, 120);
    plot.setRuns({{1, "float", 91.18, Range{90.6, 91.7}, 10000, 32.0, {}, 1000, {}},
                  {2, "W8A8", 90.97, Range{90.4, 91.5}, 10000, 8.0, {}, 250, {}}});
    const QString text = plot.accessibleDescription();
    QVERIFY2(text.contains("90.97  −0.21"), qPrintable(text));
    QVERIFY2(text.contains("250 B  −75 %"), qPrintable(text));
    QVERIFY2(text.contains("A (float)") && text.contains("B (W8A8)"), qPrintable(text));
    QCOMPARE(plot.table(TableExtent::All).rows.size(), std::size_t{2});
}

void TestComparePlots::missingFiguresHaveNoColumn() {
    CompareBarsPlot plot;
    plot.resize(600, 120);
    plot.setRuns({{1, "a", {}, {}, 0, {}, {}, 1000, {}}, {2, "b", 50.0, {}, 10, {}, {}, {}, {}}});
    const QString text = plot.accessibleDescription();
    QVERIFY(text.contains("ROM") && text.contains("Accuracy") && !text.contains("Bits") &&
            !text.contains("RAM"));
    QVERIFY(!renderImage(plot).isNull());
    plot.setRuns({});
    QVERIFY(!plot.hasData());
    QVERIFY(!renderImage(plot).isNull());
}

void TestComparePlots::runClick() {
    CompareBarsPlot plot;
    plot.resize(1000, 100);
    plot.setRuns({{11, "a", 50.0, {}, 10, {}, {}, {}, {}}, {22, "b", 51.0, {}, 10, {}, {}, {}, {}}});
    renderImage(plot);
    const QSignalSpy clicked(&plot, &CompareBarsPlot::runClicked);
    for (int y = 0; y < plot.height() && clicked.size() < 2; y += 4) {
        if (plot.toolTipAt(QPointF(300, y)).startsWith("B")) {
            QTest::mouseClick(&plot, Qt::LeftButton, Qt::NoModifier, QPoint(300, y));
            break;
        }
    }
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].toLongLong(), 22);
}

void TestComparePlots::frontByDefinition() {
    // Against the definition, pair by pair, on random points with ties.
    std::mt19937 generator(17);
    std::uniform_int_distribution<int> coordinate(0, 12);
    for (int round = 0; round < 200; ++round) {
        std::vector<ParetoPoint> points;
        for (int i = 0; i < 20; ++i) {
            points.push_back({i,
                              QString::number(i),
                              coordinate(generator),
                              static_cast<double>(coordinate(generator)),
                              {}});
        }
        const std::vector<std::size_t> front = paretoFront(points);
        std::set<std::size_t> expected;
        for (std::size_t i = 0; i < points.size(); ++i) {
            bool isBeaten = false;
            for (std::size_t j = 0; j < points.size(); ++j) {
                const bool isNoWorse = points[j].romBytes <= points[i].romBytes &&
                                       points[j].accuracyPercent >= points[i].accuracyPercent;
                const bool isEqual = points[j].romBytes == points[i].romBytes &&
                                     points[j].accuracyPercent == points[i].accuracyPercent;
                isBeaten = isBeaten || (j != i && isNoWorse && (!isEqual || j < i));
            }
            if (!isBeaten) {
                expected.insert(i);
            }
        }
        QCOMPARE(std::set<std::size_t>(front.begin(), front.end()), expected);
        for (std::size_t k = 1; k < front.size(); ++k) {
            QVERIFY(points[front[k - 1]].romBytes < points[front[k]].romBytes);
        }
    }
    QVERIFY(paretoFront({}).empty());
}

void TestComparePlots::paretoLabelsKeepApart() {
    std::mt19937 generator(29);
    std::uniform_real_distribution<double> share(0, 1);
    for (const int width : {200, 370, 800}) {
        ParetoPlot plot;
        plot.resize(width, 220);
        std::vector<ParetoPoint> points;
        for (int i = 0; i < 60; ++i) {
            const double x = share(generator);
            points.push_back({i,
                              QStringLiteral("configuration %1").arg(i),
                              static_cast<qint64>(1e5 * (0.2 + x)),
                              80 + 10 * x * share(generator),
                              {}});
        }
        plot.setPoints(points);
        plot.setSelection({3, 5, 8});
        renderImage(plot);
        const std::vector<QRectF> rects = plot.labelRects();
        QVERIFY(!rects.empty());
        for (std::size_t i = 0; i < rects.size(); ++i) {
            QVERIFY(QRectF(plot.rect()).contains(rects[i]));
            for (std::size_t j = 0; j < i; ++j) {
                QVERIFY(!rects[i].intersects(rects[j]));
            }
        }
    }
}

void TestComparePlots::paretoClick() {
    ParetoPlot plot;
    plot.resize(500, 250);
    plot.setPoints({{7, "a", 1000, 80, {}}, {8, "b", 2000, 90, {}}, {9, "broken", 2000, NAN, {}}});
    renderImage(plot);
    const QSignalSpy clicked(&plot, &ParetoPlot::pointClicked);
    QTest::mouseClick(&plot, Qt::LeftButton, Qt::NoModifier, (plot.pixelOf(1) + QPointF(4, -4)).toPoint());
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].toLongLong(), 8);
    QTest::mouseClick(&plot, Qt::LeftButton, Qt::NoModifier, QPoint(250, 125));
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(plot.table(TableExtent::All).rows.size(), std::size_t{2});
    QVERIFY(plot.toolTipAt(plot.pixelOf(0)).contains("1,000 B"));
}

/// One configuration that guesses does not squeeze the others: it lies at the lower edge and tells its accuracy.
void TestComparePlots::paretoAxisFitsTheCrowd() {
    ParetoPlot plot;
    plot.resize(500, 250);
    std::vector<ParetoPoint> points{{0, "W2", 1000, 10, {}}};
    for (int i = 1; i <= 8; ++i) {
        points.push_back({i, "p", 1000 + 100 * i, 84.0 + i, {}});
    }
    plot.setPoints(points);
    renderImage(plot);
    QVERIFY2(plot.axisFloor() > 70 && plot.axisFloor() <= 85, qPrintable(QString::number(plot.axisFloor())));
    QVERIFY2(plot.toolTipAt(plot.pixelOf(0)).contains("10"), "still there to be asked");
    QVERIFY(plot.pixelOf(0).y() > plot.pixelOf(1).y());
    QVERIFY(plot.rect().contains(plot.pixelOf(0).toPoint()));
    QCOMPARE(plot.table(TableExtent::All).rows.size(), points.size());
    // A crowd that reaches down is shown whole.
    for (ParetoPoint& point : points) {
        point.accuracyPercent = 10.0 * static_cast<double>(point.id);
    }
    plot.setPoints(points);
    QCOMPARE(plot.axisFloor(), 0.0);
}

QTEST_MAIN(TestComparePlots)
#include "test_compare_plots.moc"
