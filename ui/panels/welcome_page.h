#pragma once

#include <QWidget>

class QVBoxLayout;

namespace bitlathe::ui {

class AppSettings;

/// What the middle of the window shows while no model is open: what to do next.
class WelcomePage final : public QWidget {
    Q_OBJECT

public:
    /// demoPath  the bundled recipe; empty where it is not installed, then it is not offered
    WelcomePage(AppSettings& settings, const QString& demoPath, QWidget* parent = nullptr);

    /// Shows that a file is being read, or (empty) the choices again.
    void setBusy(const QString& fileName);

Q_SIGNALS:
    void openRequested();
    void fileRequested(const QString& path);

private:
    void refreshRecent();

    AppSettings& m_settings;
    QWidget* m_recent = nullptr;
    QVBoxLayout* m_recentRows = nullptr;
    QWidget* m_choices = nullptr;
    QWidget* m_busy = nullptr;
};

}  // namespace bitlathe::ui
