#include "plots/plot_export.h"

#include "plots/plot_widget.h"

#include <qcustomplot.h>

#include <QBuffer>
#include <QClipboard>
#include <QCoreApplication>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QImage>
#include <QMenu>
#include <QPageLayout>
#include <QPageSize>
#include <QPdfWriter>
#include <QRegularExpression>
#include <QSaveFile>
#include <QSvgGenerator>

#include <functional>

namespace bitlathe::plots {

namespace {

QString text(const char* source) {
    return QCoreApplication::translate("bitlathe::plots::PlotExport", source);
}

QString cannotWrite(const QString& path, const QString& reason) {
    return text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport",
                                  "Cannot write %1: %2. Choose another folder or file name."))
        .arg(QDir::toNativeSeparators(path), reason);
}

QString writeFile(const QString& path, const QByteArray& bytes) {
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() || !file.commit()) {
        return cannotWrite(path, file.errorString());
    }
    return {};
}

/// Draws the plot with vector operations, `scale` device units per logical pixel.
void draw(PlotWidget& plot, QPaintDevice& device, double scale) {
    QCPPainter painter;
    painter.begin(&device);
    painter.setMode(QCPPainter::pmVectorized);
    painter.scale(scale, scale);
    plot.canvas().toPainter(&painter, plot.width(), plot.height());
    painter.end();
}

QString suggestedName(const PlotWidget& plot, const QString& suffix) {
    QString name = plot.accessibleName().toLower();
    name.replace(QRegularExpression(QStringLiteral("[^\\w]+")), QStringLiteral("_"));
    return name + QLatin1Char('.') + suffix;
}

void report(PlotWidget& plot, const QString& error, const QString& path) {
    if (error.isEmpty()) {
        Q_EMIT plot.exported(path);
    } else {
        Q_EMIT plot.exportFailed(error);
    }
}

using Save = std::function<QString(PlotWidget&, const QString&)>;

void addSaveAction(QMenu& menu, PlotWidget& plot, const QString& label, const QString& suffix,
                   const Save& save) {
    QObject::connect(menu.addAction(label), &QAction::triggered, &plot, [&plot, suffix, save] {
        auto* dialog =
            new QFileDialog(&plot, text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "Save plot")),
                            QString(), QStringLiteral("*.") + suffix);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->setAcceptMode(QFileDialog::AcceptSave);
        dialog->setDefaultSuffix(suffix);
        dialog->selectFile(suggestedName(plot, suffix));
        QObject::connect(dialog, &QFileDialog::fileSelected, &plot,
                         [&plot, save](const QString& path) { report(plot, save(plot, path), path); });
        dialog->open();
    });
}

}  // namespace

QImage renderImage(PlotWidget& plot, int scale) {
    return plot.canvas().toPixmap(plot.width(), plot.height(), scale).toImage();
}

QString savePng(PlotWidget& plot, const QString& path, int scale) {
    QBuffer buffer;
    buffer.open(QIODevice::WriteOnly);
    if (!renderImage(plot, scale).save(&buffer, "PNG")) {
        return cannotWrite(path,
                           text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "the plot has no size")));
    }
    return writeFile(path, buffer.data());
}

QString saveSvg(PlotWidget& plot, const QString& path) {
    QBuffer buffer;
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setSize(plot.size());
    generator.setViewBox(plot.rect());
    generator.setTitle(plot.accessibleName());
    generator.setDescription(plot.accessibleDescription());
    draw(plot, generator, 1);
    return writeFile(path, buffer.data());
}

QString savePdf(PlotWidget& plot, const QString& path) {
    QBuffer buffer;
    buffer.open(QIODevice::WriteOnly);
    {
        // A page of the plot's size, 96 logical pixels to the inch.
        QPdfWriter writer(&buffer);
        constexpr double kPointsPerPixel = 72.0 / 96.0;
        writer.setPageLayout(QPageLayout(QPageSize(QSizeF(plot.size()) * kPointsPerPixel, QPageSize::Point),
                                         QPageLayout::Portrait, QMarginsF()));
        writer.setResolution(96);
        writer.setTitle(plot.accessibleName());
        draw(plot, writer, 1);
    }
    return writeFile(path, buffer.data());
}

QString saveCsv(PlotWidget& plot, const QString& path, TableExtent extent) {
    return writeFile(path, plot.table(extent).toCsv().toUtf8());
}

QString savePlot(PlotWidget& plot, const QString& path) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    if (suffix == QLatin1String("png")) {
        return savePng(plot, path, 2);
    }
    if (suffix == QLatin1String("svg")) {
        return saveSvg(plot, path);
    }
    if (suffix == QLatin1String("pdf")) {
        return savePdf(plot, path);
    }
    if (suffix == QLatin1String("csv")) {
        return saveCsv(plot, path);
    }
    return text(QT_TRANSLATE_NOOP(
                    "bitlathe::plots::PlotExport",
                    "Cannot save a plot as \"%1\": its name must end in .png, .svg, .pdf or .csv."))
        .arg(QDir::toNativeSeparators(path));
}

void addExportActions(QMenu& menu, PlotWidget& plot) {
    QObject::connect(menu.addAction(text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "Copy image"))),
                     &QAction::triggered, &plot, [&plot] {
                         QGuiApplication::clipboard()->setImage(renderImage(plot, 2));
                         Q_EMIT plot.exported(QString());
                     });
    QMenu* png = menu.addMenu(text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "Save PNG")));
    for (const int scale : {1, 2, 4}) {
        addSaveAction(*png, plot,
                      text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "%1× (%2 × %3 px)…"))
                          .arg(scale)
                          .arg(plot.width() * scale)
                          .arg(plot.height() * scale),
                      QStringLiteral("png"),
                      [scale](PlotWidget& p, const QString& path) { return savePng(p, path, scale); });
    }
    addSaveAction(menu, plot, text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "Save SVG…")),
                  QStringLiteral("svg"), saveSvg);
    addSaveAction(menu, plot, text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "Save PDF…")),
                  QStringLiteral("pdf"), savePdf);
    addSaveAction(menu, plot,
                  text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "Save CSV of visible range…")),
                  QStringLiteral("csv"),
                  [](PlotWidget& p, const QString& path) { return saveCsv(p, path, TableExtent::Visible); });
    addSaveAction(menu, plot, text(QT_TRANSLATE_NOOP("bitlathe::plots::PlotExport", "Save CSV of all…")),
                  QStringLiteral("csv"),
                  [](PlotWidget& p, const QString& path) { return saveCsv(p, path, TableExtent::All); });
}

}  // namespace bitlathe::plots
