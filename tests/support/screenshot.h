#pragma once

#include "ui/settings/theme.h"

#include <QCoreApplication>
#include <QDir>
#include <QWidget>

namespace bitlathe::tests {

/// Renders `widget` in both themes into <build>/screenshots/<name>_{light,dark}.png for people to look at.
/// Returns false when a picture could not be written or shows a single colour.
inline bool takeScreenshots(QWidget& widget, const QString& name, const QSize& size) {
    const QDir folder(QStringLiteral(BITLATHE_BINARY_DIR "/screenshots"));
    folder.mkpath(QStringLiteral("."));
    // The surface it stands on in the window.
    widget.setObjectName(QStringLiteral("panelBody"));
    widget.setAttribute(Qt::WA_StyledBackground);
    bool isGood = true;
    for (const auto& [choice, suffix] :
         {std::pair{ui::ThemeChoice::Light, "light"}, {ui::ThemeChoice::Dark, "dark"}}) {
        ui::applyTheme(choice);
        widget.resize(size);
        widget.show();
        QCoreApplication::processEvents();
        const QImage image = widget.grab().toImage();
        bool hasInk = false;
        for (int y = 0; y < image.height() && !hasInk; ++y) {
            for (int x = 0; x < image.width() && !hasInk; ++x) {
                hasInk = image.pixel(x, y) != image.pixel(0, 0);
            }
        }
        isGood = isGood && hasInk &&
                 image.save(folder.filePath(QStringLiteral("%1_%2.png").arg(name, QLatin1String(suffix))));
    }
    ui::applyTheme(ui::ThemeChoice::Light);
    return isGood;
}

}  // namespace bitlathe::tests
