#include "ui/settings/app_settings.h"

#include <QDir>
#include <QFileInfo>
#include <QThread>

#include <algorithm>

namespace bitlathe::ui {

namespace {
constexpr auto kTheme = "window/theme";
constexpr auto kRecent = "files/recent";
constexpr auto kGeometry = "window/geometry";
constexpr auto kState = "window/state";
constexpr auto kStateVersion = "window/layout_version";
constexpr auto kDevice = "document/device";
constexpr auto kFolder = "files/folder";
constexpr auto kThreads = "work/threads";
}  // namespace

AppSettings::AppSettings(QObject* parent)
    : QObject(parent), m_settings(QSettings::IniFormat, QSettings::UserScope, QStringLiteral("bitlathe"),
                                  QStringLiteral("bitlathe")) {}

ThemeChoice AppSettings::theme() const {
    const QString name = m_settings.value(kTheme).toString();
    if (name == QLatin1String("light")) {
        return ThemeChoice::Light;
    }
    return name == QLatin1String("dark") ? ThemeChoice::Dark : ThemeChoice::System;
}

void AppSettings::setTheme(ThemeChoice choice) {
    if (choice == theme()) {
        return;
    }
    m_settings.setValue(kTheme, choice == ThemeChoice::Light  ? QStringLiteral("light")
                                : choice == ThemeChoice::Dark ? QStringLiteral("dark")
                                                              : QStringLiteral("system"));
    Q_EMIT themeChanged();
}

QStringList AppSettings::recentFiles() const {
    QStringList files = m_settings.value(kRecent).toStringList();
    files.removeIf([](const QString& path) { return !QFileInfo::exists(path); });
    return files;
}

void AppSettings::addRecentFile(const QString& path) {
    const QString absolute = QFileInfo(path).absoluteFilePath();
    QStringList files = recentFiles();
    files.removeAll(absolute);
    files.prepend(absolute);
    m_settings.setValue(kRecent, QStringList(files.mid(0, kMaxRecentFiles)));
    Q_EMIT recentFilesChanged();
}

void AppSettings::clearRecentFiles() {
    m_settings.remove(kRecent);
    Q_EMIT recentFilesChanged();
}

QByteArray AppSettings::windowGeometry() const {
    return m_settings.value(kGeometry).toByteArray();
}

QByteArray AppSettings::windowState() const {
    return m_settings.value(kStateVersion).toInt() == kLayoutVersion ? m_settings.value(kState).toByteArray()
                                                                     : QByteArray();
}

void AppSettings::setWindow(const QByteArray& geometry, const QByteArray& state) {
    m_settings.setValue(kGeometry, geometry);
    m_settings.setValue(kState, state);
    m_settings.setValue(kStateVersion, kLayoutVersion);
}

QString AppSettings::lastDevice() const {
    return m_settings.value(kDevice).toString();
}

void AppSettings::setLastDevice(const QString& id) {
    m_settings.setValue(kDevice, id);
}

QString AppSettings::lastFolder() const {
    return m_settings.value(kFolder, QDir::homePath()).toString();
}

void AppSettings::setLastFolder(const QString& folder) {
    m_settings.setValue(kFolder, folder);
}

int AppSettings::threads() const {
    return std::max(1, m_settings.value(kThreads, QThread::idealThreadCount()).toInt());
}

void AppSettings::setThreads(int threads) {
    m_settings.setValue(kThreads, std::max(1, threads));
}

}  // namespace bitlathe::ui
