#include "ui/settings/icons.h"

#include "ui/settings/theme.h"

#include <QAbstractButton>
#include <QAction>
#include <QFile>
#include <QGuiApplication>
#include <QPainter>
#include <QPixmap>
#include <QSvgRenderer>

namespace bitlathe::ui {

namespace {

constexpr const char* kIconName = "themedIcon";

/// The icons are drawn once in black strokes; the ink is put in as text before rendering.
QPixmap render(const QString& name, const QColor& ink, int size) {
    QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
    if (!file.open(QIODevice::ReadOnly)) {
        return {};
    }
    QByteArray source = file.readAll();
    source.replace("#000000", ink.name().toLatin1());
    QSvgRenderer renderer(source);
    QPixmap pixmap(size, size);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    renderer.render(&painter);
    return pixmap;
}

}  // namespace

QIcon themedIcon(const QString& name) {
    const Theme& theme = currentTheme();
    // "!name": ink for a filled button.
    const bool isOnAccent = name.startsWith(QLatin1Char('!'));
    const QString file = isOnAccent ? name.mid(1) : name;
    QIcon icon;
    for (const int size : {16, 32, 48}) {
        icon.addPixmap(render(file, isOnAccent ? theme.onAccent : theme.text, size), QIcon::Normal);
        icon.addPixmap(render(file, theme.palette().color(QPalette::Disabled, QPalette::Text), size),
                       QIcon::Disabled);
    }
    return icon;
}

void setThemedIcon(QAction* action, const QString& name) {
    action->setProperty(kIconName, name);
    action->setIcon(themedIcon(name));
}

void setThemedIcon(QAbstractButton* button, const QString& name) {
    button->setProperty(kIconName, name);
    button->setIcon(themedIcon(name));
}

void refreshThemedIcons(QObject* root) {
    for (QAction* const action : root->findChildren<QAction*>()) {
        if (const QString name = action->property(kIconName).toString(); !name.isEmpty()) {
            action->setIcon(themedIcon(name));
        }
    }
    for (QAbstractButton* const button : root->findChildren<QAbstractButton*>()) {
        if (const QString name = button->property(kIconName).toString(); !name.isEmpty()) {
            button->setIcon(themedIcon(name));
        }
    }
}

}  // namespace bitlathe::ui
