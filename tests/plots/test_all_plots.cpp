// What holds for every plot: no text on another or over the edge at any width, both schemes, words for those
// who do not see it.

#include "plot_samples.h"

#include "plots/plot_export.h"

#include <QFile>
#include <QFontMetricsF>
#include <QTemporaryDir>
#include <QTest>
#include <QTransform>
#include <QXmlStreamReader>

#include <set>

using namespace bitlathe::plots;

namespace {

struct DrawnText {
    QString text;
    QRectF ink;
};

QTransform transformOf(const QString& attribute) {
    // "matrix(a,b,c,d,e,f)"
    const QStringList numbers = attribute.mid(7).chopped(1).split(QLatin1Char(','));
    return numbers.size() == 6
               ? QTransform(numbers[0].toDouble(), numbers[1].toDouble(), numbers[2].toDouble(),
                            numbers[3].toDouble(), numbers[4].toDouble(), numbers[5].toDouble())
               : QTransform();
}

/// Every text the plot draws, with the rectangle its ink covers, read from its SVG.
std::vector<DrawnText> textsOf(PlotWidget& plot, const QString& path) {
    std::vector<DrawnText> texts;
    if (!saveSvg(plot, path).isEmpty()) {
        return texts;
    }
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return texts;
    }
    QXmlStreamReader svg(&file);
    QTransform transform;
    while (!svg.atEnd()) {
        if (svg.readNext() != QXmlStreamReader::StartElement) {
            continue;
        }
        const QXmlStreamAttributes attributes = svg.attributes();
        if (svg.name() == QLatin1String("g") && attributes.hasAttribute(QStringLiteral("transform"))) {
            transform = transformOf(attributes.value(QStringLiteral("transform")).toString());
        }
        if (svg.name() != QLatin1String("text")) {
            continue;
        }
        QFont font(attributes.value(QStringLiteral("font-family")).toString());
        font.setPixelSize(attributes.value(QStringLiteral("font-size")).toInt());
        font.setWeight(static_cast<QFont::Weight>(attributes.value(QStringLiteral("font-weight")).toInt()));
        const QPointF origin(attributes.value(QStringLiteral("x")).toDouble(),
                             attributes.value(QStringLiteral("y")).toDouble());
        const QString text = svg.readElementText();
        if (!text.trimmed().isEmpty()) {
            const QRectF ink = QFontMetricsF(font).tightBoundingRect(text).translated(origin);
            texts.push_back({text, transform.mapRect(ink)});
        }
    }
    return texts;
}

}  // namespace

class TestAllPlots : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }

    void textsKeepApart_data();
    void textsKeepApart();
    void bothSchemes_data() { samplesOnly(); }
    void bothSchemes();
    void describeThemselves_data() { samplesOnly(); }
    void describeThemselves();
    void zoomingIsSafe_data() { samplesOnly(); }
    void zoomingIsSafe();

private:
    void samplesOnly() {
        QTest::addColumn<int>("index");
        const auto all = samples::all();
        for (std::size_t i = 0; i < all.size(); ++i) {
            QTest::newRow(qPrintable(all[i].name)) << static_cast<int>(i);
        }
    }
    std::unique_ptr<PlotWidget> fetch() const {
        QFETCH(int, index);
        return samples::all()[static_cast<std::size_t>(index)].make();
    }
    QTemporaryDir m_folder;
};

void TestAllPlots::textsKeepApart_data() {
    QTest::addColumn<int>("index");
    QTest::addColumn<int>("width");
    const auto all = samples::all();
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (const int width : {200, 260, 370, 560, 1000, 1900}) {
            QTest::addRow("%s at %d px", qPrintable(all[i].name), width) << static_cast<int>(i) << width;
        }
    }
}

void TestAllPlots::textsKeepApart() {
    QFETCH(int, width);
    const auto plot = fetch();
    plot->resize(width, std::max(plot->height(), plot->heightForWidth(width)));
    const std::vector<DrawnText> texts = textsOf(*plot, m_folder.filePath(QStringLiteral("texts.svg")));
    QVERIFY(!texts.empty());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        // One pixel of grace: ink is antialiased and glyph boxes are rounded.
        QVERIFY2(QRectF(plot->rect()).adjusted(-1, -1, 1, 1).contains(texts[i].ink),
                 qPrintable("cut: " + texts[i].text));
        for (std::size_t j = 0; j < i; ++j) {
            QVERIFY2(!texts[i].ink.adjusted(0.5, 0.5, -0.5, -0.5).intersects(texts[j].ink),
                     qPrintable(texts[j].text + " | " + texts[i].text));
        }
    }
}

void TestAllPlots::bothSchemes() {
    const auto plot = fetch();
    std::set<QRgb> surfaces;
    for (const PlotTheme& theme : {PlotTheme::light(), PlotTheme::dark()}) {
        plot->setPalette(theme.palette());
        const QImage image = renderImage(*plot);
        QCOMPARE(image.pixelColor(image.width() - 2, 0), theme.surface);
        std::set<QRgb> colors;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x) {
                colors.insert(image.pixel(x, y));
            }
        }
        QVERIFY(colors.size() > 5);
        QVERIFY(!colors.contains(
                    (theme.scheme == PlotTheme::Scheme::Light ? PlotTheme::dark() : PlotTheme::light())
                        .surface.rgb()) ||
                theme.scheme == PlotTheme::Scheme::Dark);  // white may be text on dark
    }
}

void TestAllPlots::describeThemselves() {
    const auto plot = fetch();
    QVERIFY(!plot->accessibleName().isEmpty());
    QVERIFY(plot->accessibleDescription().size() > 10);
    QCOMPARE(plot->hasData(), !plot->table(TableExtent::All).rows.empty());
    for (const auto& row : plot->table(TableExtent::All).rows) {
        QCOMPARE(static_cast<qsizetype>(row.size()), plot->table(TableExtent::All).columns.size());
    }
}

void TestAllPlots::zoomingIsSafe() {
    const auto plot = fetch();
    plot->show();
    for (const int delta : {120, 1200, 12000, -600, -12000, 360}) {
        const QPointF at(plot->width() * 0.6, plot->height() * 0.5);
        QWheelEvent wheel(at, plot->mapToGlobal(at), {}, QPoint(0, delta), Qt::NoButton, Qt::NoModifier,
                          Qt::NoScrollPhase, false);
        QApplication::sendEvent(plot.get(), &wheel);
        QVERIFY(!plot->grab().isNull());
        QVERIFY(plot->table(TableExtent::Visible).rows.size() <= plot->table(TableExtent::All).rows.size());
    }
    plot->resetView();
    QVERIFY(!plot->isZoomed());
}

QTEST_MAIN(TestAllPlots)
#include "test_all_plots.moc"
