// Renders every sample plot, light and dark, at 1x and 2x, into a folder, for people to look at.

#include "plot_samples.h"

#include "plots/plot_export.h"
#include "plots/plot_theme.h"

#include <QApplication>
#include <QDir>
#include <QTextStream>

int main(int argc, char** argv) {
    using namespace bitlathe::plots;
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) {
        qputenv("QT_QPA_PLATFORM", "offscreen");
    }
    QApplication application(argc, argv);
    QTextStream errors(stderr);
    if (argc != 2) {
        errors << "usage: plot_gallery FOLDER\n";
        return 2;
    }
    const QString folder = QString::fromLocal8Bit(argv[1]);
    if (!QDir().mkpath(folder)) {
        errors << "Cannot create " << folder << ". Choose another folder.\n";
        return 2;
    }
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    QFont font(QStringLiteral("Inter"));
    font.setPixelSize(13);
    QApplication::setFont(font);
    for (const PlotTheme& theme : {PlotTheme::light(), PlotTheme::dark()}) {
        QApplication::setPalette(theme.palette());
        const QString scheme =
            theme.scheme == PlotTheme::Scheme::Light ? QStringLiteral("light") : QStringLiteral("dark");
        for (const samples::Sample& sample : samples::all()) {
            const auto plot = sample.make();
            for (const int scale : {1, 2}) {
                const QString path =
                    QStringLiteral("%1/%2_%3_%4x.png").arg(folder, sample.name, scheme).arg(scale);
                const QString error = savePng(*plot, path, scale);
                if (!error.isEmpty()) {
                    errors << error << '\n';
                    return 1;
                }
            }
        }
    }
    return 0;
}
