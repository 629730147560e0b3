#pragma once

#include <string>

#include "ui/settings/theme.h"

#include <QByteArray>
#include <QObject>
#include <QSettings>
#include <QStringList>

namespace bitlathe::ui {

/// What the program remembers between starts, typed. GUI thread only; read by ui and app alone.
class AppSettings final : public QObject {
    Q_OBJECT

public:
    static constexpr int kMaxRecentFiles = 10;
    /// Raised whenever docks are added or renamed: older layouts are then not restored.
    static constexpr int kLayoutVersion = 2;

    explicit AppSettings(QObject* parent = nullptr);

    ThemeChoice theme() const;
    void setTheme(ThemeChoice choice);

    /// Newest first, existing files only.
    QStringList recentFiles() const;
    void addRecentFile(const QString& path);
    void clearRecentFiles();

    QByteArray windowGeometry() const;
    QByteArray windowState() const;
    void setWindow(const QByteArray& geometry, const QByteArray& state);

    /// Catalogue id; empty before the first choice.
    QString lastDevice() const;
    void setLastDevice(const QString& id);
    /// Folder the file dialogs open in.
    QString lastFolder() const;
    void setLastFolder(const QString& folder);
    /// Intra-op threads of new documents.
    int threads() const;
    void setThreads(int threads);

Q_SIGNALS:
    void themeChanged();
    void recentFilesChanged();

private:
    QSettings m_settings;
};

}  // namespace bitlathe::ui
