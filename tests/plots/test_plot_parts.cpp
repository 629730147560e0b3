#include "plots/label_layout.h"
#include "plots/number_text.h"
#include "plots/plot_table.h"
#include "plots/plot_theme.h"

#include <QLocale>
#include <QTest>

#include <random>
#include <set>

using namespace bitlathe::plots;
using bitlathe::core::BitWidth;

class TestPlotParts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }

    void fewerBitsAreDarker();
    void schemeFollowsThePalette();
    void textCanBeRead();
    void numbersReadWell_data();
    void numbersReadWell();
    void powersUseSuperscripts();
    void csvQuotesAndRoundTrips();
    void labelsNeverTouch();
    void firstLabelGetsThePlace();
};

void TestPlotParts::fewerBitsAreDarker() {
    for (const PlotTheme& theme : {PlotTheme::light(), PlotTheme::dark()}) {
        for (int bits = BitWidth::kMin; bits < BitWidth::kMax; ++bits) {
            QVERIFY2(theme.colorForBits(BitWidth(bits)).lightnessF() <
                         theme.colorForBits(BitWidth(bits + 1)).lightnessF(),
                     qPrintable(QString::number(bits)));
        }
    }
    // The sketch's colours at the widths it shows, the same in both schemes.
    QCOMPARE(PlotTheme::light().colorForBits(BitWidth(4)), QColor(0x7FB7DD));
    QCOMPARE(PlotTheme::light().colorForBits(BitWidth(8)), PlotTheme::dark().colorForBits(BitWidth(8)));
    // Float is off the scale: grey, that is hardly any saturation.
    QVERIFY(PlotTheme::light().colorForBits(std::nullopt).hsvSaturationF() < 0.1);
}

void TestPlotParts::schemeFollowsThePalette() {
    QCOMPARE(PlotTheme::forPalette(PlotTheme::light().palette()).scheme, PlotTheme::Scheme::Light);
    QCOMPARE(PlotTheme::forPalette(PlotTheme::dark().palette()).scheme, PlotTheme::Scheme::Dark);
    QCOMPARE(PlotTheme::forPalette(PlotTheme::dark().palette()).surface, PlotTheme::dark().surface);
}

void TestPlotParts::textCanBeRead() {
    QCOMPARE(PlotTheme::textOn(PlotTheme::light().colorForBits(BitWidth(8))), QColor(0x1F2430));
    QCOMPARE(PlotTheme::textOn(PlotTheme::light().colorForBits(BitWidth(1))), QColor(0xFFFFFF));
    std::set<QRgb> categories;
    for (int i = 0; i < 7; ++i) {
        categories.insert(PlotTheme::light().category(i).rgb());
    }
    QCOMPARE(categories.size(), std::size_t{7});
    QCOMPARE(PlotTheme::light().category(7), PlotTheme::light().category(0));
}

void TestPlotParts::numbersReadWell_data() {
    QTest::addColumn<QString>("actual");
    QTest::addColumn<QString>("expected");
    QTest::newRow("bytes") << exactBytes(104312) << "104,312 B";
    QTest::newRow("below a KiB") << shortBytes(640) << "640 B";
    QTest::newRow("one KiB") << shortBytes(1024) << "1 KiB";
    QTest::newRow("KiB") << shortBytes(104312) << "102 KiB";
    QTest::newRow("MiB") << shortBytes(1.5 * 1024 * 1024) << "1.5 MiB";
    QTest::newRow("value") << shortValue(3.7421) << "3.742";
    QTest::newRow("small value") << shortValue(0.0031234) << "0.003123";
    QTest::newRow("tiny value") << shortValue(1.23e-7) << "1.23e-7";
    QTest::newRow("zero") << shortValue(0) << "0";
    QTest::newRow("no minus zero") << valueAtResolution(-0.001, 0.01) << "0.00";
    QTest::newRow("resolution") << valueAtResolution(-12.3456, 0.01) << "-12.35";
    QTest::newRow("percent") << percentText(0.8) << "80.0 %";
    QTest::newRow("small percent") << percentText(0.0042) << "0.42 %";
    QTest::newRow("tiny percent") << percentText(1e-6) << "< 0.01 %";
    QTest::newRow("no percent") << percentText(0) << "0.0 %";
    QTest::newRow("count") << shortCount(950) << "950";
    QTest::newRow("thousands") << shortCount(1500) << "1.5k";
    QTest::newRow("millions") << shortCount(3e6) << "3M";
}

void TestPlotParts::numbersReadWell() {
    QFETCH(QString, actual);
    QFETCH(QString, expected);
    QCOMPARE(actual, expected);
}

void TestPlotParts::powersUseSuperscripts() {
    QCOMPARE(powerOfTen(0), QStringLiteral("1"));
    QCOMPARE(powerOfTen(1), QStringLiteral("10"));
    QCOMPARE(powerOfTen(6), QStringLiteral("10⁶"));
    QCOMPARE(powerOfTen(-12), QStringLiteral("10⁻¹²"));
}

void TestPlotParts::csvQuotesAndRoundTrips() {
    PlotTable table;
    table.columns = {QStringLiteral("layer"), QStringLiteral("value")};
    table.rows = {{QStringLiteral("a,\"b\""), 0.1},
                  {QStringLiteral("c"), qlonglong(7)},
                  {QStringLiteral("d"), QVariant()}};
    QCOMPARE(table.toCsv(), QStringLiteral("layer,value\n\"a,\"\"b\"\"\",0.1\nc,7\nd,\n"));
    for (const double value : {1.0 / 3, 1e-300, -123456.789012345678}) {
        PlotTable one;
        one.columns = {QStringLiteral("x")};
        one.rows = {{value}};
        QCOMPARE(one.toCsv().section(QLatin1Char('\n'), 1, 1).toDouble(), value);  // bit for bit
    }
}

void TestPlotParts::labelsNeverTouch() {
    std::mt19937 generator(3);
    for (int round = 0; round < 500; ++round) {
        std::uniform_real_distribution<double> anchor(-20, 390);
        std::uniform_real_distribution<double> width(5, 120);
        std::vector<LabelRequest> requests;
        for (int i = 0; i < 8; ++i) {
            requests.push_back({anchor(generator), QSizeF(width(generator), 12)});
        }
        const QRectF area(0, 19, 370, 36);
        const QRectF obstacle(150, 19, 8, 16);
        std::vector<QRectF> seen{obstacle};
        for (const auto& rect : placeLabels(requests, area, 12, {obstacle})) {
            if (!rect) {
                continue;
            }
            QVERIFY(area.contains(*rect));
            for (const QRectF& other : seen) {
                QVERIFY(!other.intersects(*rect));
            }
            seen.push_back(*rect);
        }
        QVERIFY(seen.size() > 3);  // it does place labels
    }
}

void TestPlotParts::firstLabelGetsThePlace() {
    const QRectF area(0, 0, 100, 12);
    const auto placed =
        placeLabels({{50, QSizeF(80, 12)}, {50, QSizeF(80, 12)}, {50, QSizeF(200, 12)}}, area, 12);
    QVERIFY(placed[0].has_value());
    QVERIFY(!placed[1].has_value());
    QVERIFY(!placed[2].has_value());  // wider than the area: not even alone
    // Near the right edge a label goes to the left of its line.
    const auto atEdge = placeLabels({{98, QSizeF(30, 12)}}, area, 12);
    QCOMPARE(atEdge[0]->right(), 94.0);
}

QTEST_GUILESS_MAIN(TestPlotParts)
#include "test_plot_parts.moc"
