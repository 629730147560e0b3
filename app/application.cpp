#include "app/application.h"

#include "core/device/device.h"
#include "core/types/error.h"
#include "experiments/resources/resource_folder.h"
#include "ui/main_window.h"
#include "ui/settings/theme.h"

#include <QApplication>
#include <QEvent>
#include <QIcon>
#include <QTimer>

namespace bitlathe::app {

namespace {

QString demoRecipe() {
    const std::filesystem::path path = experiments::resourceFolder() / "recipes" / "demo.json";
    std::error_code ignored;
    return std::filesystem::exists(path, ignored) ? QString::fromStdString(path.string()) : QString();
}

}  // namespace

Application::Application(Options options, experiments::EngineHost::Opener open)
    : m_options(std::move(options)), m_feed(m_messages), m_engineHost(std::move(open)), m_jobs(m_engineHost),
      m_workbench(m_document, m_selection, m_jobs, m_options.logPath) {
    m_feed.install();
    ui::applyTheme(m_settings.theme());
    QApplication::setWindowIcon(QIcon(QStringLiteral(":/icons/org.bitlathe.Bitlathe.svg")));
    m_workbench.setThreads(m_settings.threads());
    m_window = std::make_unique<ui::MainWindow>(m_workbench, m_settings, m_messages, demoRecipe());
    m_window->restoreLayout();
}

Application::~Application() = default;

void Application::start() {
    m_window->installEventFilter(this);
    m_window->show();
}

bool Application::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_window.get() && event->type() == QEvent::Paint && !m_isPainted) {
        m_isPainted = true;
        // After this paint event, and only then, there is time for everything else.
        QTimer::singleShot(0, this, [this] {
            Q_EMIT firstPainted();
            startWork();
        });
    }
    return QObject::eventFilter(watched, event);
}

void Application::startWork() {
    m_engineHost.warmUp();
    try {
        m_workbench.setDevices(std::make_shared<const core::DeviceCatalogue>(core::DeviceCatalogue::load(
            (experiments::resourceFolder() / "devices").string(), experiments::userDeviceFolder().string())));
    } catch (const core::Error& error) {
        m_window->showError(tr("The device catalogue was not read"), QString::fromUtf8(error.what()));
    }
    openLog();
    if (!m_options.file.isEmpty()) {
        m_window->openFile(m_options.file);
    }
    Q_EMIT started();
}

void Application::openLog() {
    try {
        m_log = experiments::ExperimentLog::open(m_options.logPath.toStdString());
        m_window->setLog(m_log);
    } catch (const core::Error& error) {
        m_window->showError(tr("The experiment log was not opened"), QString::fromUtf8(error.what()));
    }
}

}  // namespace bitlathe::app
