#include "ui/document/layer_title.h"

#include <QLocale>
#include <QSet>

namespace bitlathe::ui {

namespace {

bool isNumber(const QString& text) {
    bool isOk = false;
    text.toInt(&isOk);
    return isOk;
}

QString singular(const QString& container) {
    return container.size() > 3 && container.endsWith(QLatin1Char('s')) ? container.chopped(1) : container;
}

}  // namespace

QStringList layerTitleParts(const core::LayerId& id) {
    static const QSet<QString> kSilent = {QStringLiteral("conv"), QStringLiteral("op"),
                                          QStringLiteral("module")};
    const QStringList path = QString::fromStdString(id.str()).split(QLatin1Char('.'), Qt::SkipEmptyParts);
    QStringList parts;
    for (qsizetype i = 0; i < path.size(); ++i) {
        if (i + 1 < path.size() && isNumber(path[i + 1]) && !isNumber(path[i])) {
            parts << singular(path[i]) + QLatin1Char(' ') + path[i + 1];
            ++i;
        } else {
            parts << path[i];
        }
    }
    if (parts.size() > 1 && kSilent.contains(parts.back())) {
        parts.removeLast();
    }
    for (QString& part : parts) {
        part.replace(QLatin1Char('_'), QLatin1Char(' '));
    }
    return parts;
}

QString layerTitle(const core::LayerId& id) {
    return layerTitleParts(id).join(QStringLiteral(" · "));
}

QString groupedNumber(qint64 value) {
    static const QLocale kLocale(QLocale::English, QLocale::UnitedStates);
    return kLocale.toString(value);
}

}  // namespace bitlathe::ui
