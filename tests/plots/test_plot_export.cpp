#include "plot_samples.h"

#include "plots/plot_export.h"

#include <QClipboard>
#include <QFile>
#include <QImage>
#include <QMenu>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>

using namespace bitlathe::plots;

namespace {

QByteArray contentOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

/// One line of CSV, quotes undone (RFC 4180).
QStringList fieldsOf(const QString& line) {
    QStringList fields{QString()};
    bool isQuoted = false;
    for (qsizetype i = 0; i < line.size(); ++i) {
        if (line[i] == '"' && isQuoted && i + 1 < line.size() && line[i + 1] == '"') {
            fields.last() += line[++i];
        } else if (line[i] == '"') {
            isQuoted = !isQuoted;
        } else if (line[i] == ',' && !isQuoted) {
            fields += QString();
        } else {
            fields.last() += line[i];
        }
    }
    return fields;
}

/// More than one colour: something was drawn.
bool showsSomething(const QImage& image) {
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            if (image.pixel(x, y) != image.pixel(0, 0)) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace

class TestPlotExport : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QVERIFY(m_folder.isValid()); }

    void filesAreWhole_data();
    void filesAreWhole();
    void refusals();
    void menuOffersAll();

private:
    QTemporaryDir m_folder;
};

void TestPlotExport::filesAreWhole_data() {
    QTest::addColumn<int>("index");
    const auto all = samples::all();
    for (std::size_t i = 0; i < all.size(); ++i) {
        QTest::newRow(qPrintable(all[i].name)) << static_cast<int>(i);
    }
}

void TestPlotExport::filesAreWhole() {
    // Never shown: exports work headless.
    QFETCH(int, index);
    const auto all = samples::all();
    const auto plot = all[static_cast<std::size_t>(index)].make();
    const QString base = m_folder.filePath(all[static_cast<std::size_t>(index)].name);

    for (const int scale : {1, 2, 4}) {
        QCOMPARE(savePng(*plot, base + ".png", scale), QString());
        const QImage image(base + ".png");
        QCOMPARE(image.size(), plot->size() * scale);
        QVERIFY(showsSomething(image));
    }
    QCOMPARE(savePlot(*plot, base + ".svg"), QString());
    QXmlStreamReader svg(contentOf(base + ".svg"));
    int texts = 0;
    int elements = 0;
    while (!svg.atEnd()) {
        if (svg.readNext() == QXmlStreamReader::StartElement) {
            QVERIFY(elements > 0 || svg.name() == QLatin1String("svg"));
            ++elements;
            texts += svg.name() == QLatin1String("text") ? 1 : 0;
        }
    }
    QVERIFY2(!svg.hasError(), qPrintable(svg.errorString()));
    QVERIFY(texts > 0);  // texts stay texts

    QCOMPARE(savePlot(*plot, base + ".pdf"), QString());
    const QByteArray pdf = contentOf(base + ".pdf");
    QVERIFY(pdf.startsWith("%PDF-"));
    QVERIFY(pdf.trimmed().endsWith("%%EOF"));

    QCOMPARE(savePlot(*plot, base + ".csv"), QString());
    const PlotTable table = plot->table(TableExtent::All);
    const QList<QByteArray> lines = contentOf(base + ".csv").trimmed().split('\n');
    QCOMPARE(static_cast<std::size_t>(lines.size()), table.rows.size() + 1);
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        const QStringList fields = fieldsOf(QString::fromUtf8(lines[static_cast<qsizetype>(row) + 1]));
        QCOMPARE(static_cast<std::size_t>(fields.size()), table.rows[row].size());
        for (std::size_t column = 0; column < table.rows[row].size(); ++column) {
            const QVariant& value = table.rows[row][column];
            if (value.typeId() == QMetaType::Double) {
                QCOMPARE(fields[static_cast<qsizetype>(column)].toDouble(), value.toDouble());
            } else {
                QCOMPARE(fields[static_cast<qsizetype>(column)], value.toString());
            }
        }
    }
}

void TestPlotExport::refusals() {
    const auto plot = samples::all().front().make();
    const QString nowhere = m_folder.filePath("no/such/folder/plot.png");
    const QString error = savePng(*plot, nowhere);
    QVERIFY2(error.contains(QStringLiteral("no/such/folder")), qPrintable(error));
    QVERIFY(!QFile::exists(nowhere));
    const QString unknown = savePlot(*plot, m_folder.filePath("plot.tiff"));
    QVERIFY2(unknown.contains(QStringLiteral(".svg")), qPrintable(unknown));
}

void TestPlotExport::menuOffersAll() {
    const auto plot = samples::all().front().make();
    const auto menu = plot->createMenu();
    QStringList texts;
    for (const QAction* action : menu->findChildren<QAction*>()) {
        texts += action->text();
    }
    for (const char* wanted : {"Copy image", "Save PNG", "Save SVG…", "Save PDF…",
                               "Save CSV of visible range…", "Save CSV of all…"}) {
        QVERIFY2(texts.contains(QString::fromUtf8(wanted)), wanted);
    }
    const QSignalSpy exported(plot.get(), &PlotWidget::exported);
    for (QAction* action : menu->actions()) {
        if (action->text() == QLatin1String("Copy image")) {
            action->trigger();
        }
    }
    QCOMPARE(exported.size(), 1);
    QCOMPARE(QApplication::clipboard()->image().size(), plot->size() * 2);
}

QTEST_MAIN(TestPlotExport)
#include "test_plot_export.moc"
