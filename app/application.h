#pragma once

#include <string>

#include "experiments/jobs/engine_host.h"
#include "experiments/jobs/job_runner.h"
#include "experiments/store/experiment_log.h"
#include "ui/document/quant_document.h"
#include "ui/document/selection.h"
#include "ui/document/workbench.h"
#include "ui/models/log_model.h"
#include "ui/models/log_sink.h"
#include "ui/settings/app_settings.h"

#include <QObject>
#include <QString>

#include <memory>

namespace bitlathe::ui {
class MainWindow;
}

namespace bitlathe::app {

/// Builds the objects of the window program and connects them. What takes time (engine, device catalogue,
/// log, the file to open) begins after the first window was painted.
class Application final : public QObject {
    Q_OBJECT

public:
    struct Options {
        QString file;  ///< to open; empty: none
        QString logPath;
    };

    /// open  makes the tensor engine; tests put a small one in
    explicit Application(Options options, experiments::EngineHost::Opener open = core::loadEngine);
    ~Application() override;

    /// Shows the window; the rest follows from the event loop.
    void start();

    ui::MainWindow& window() noexcept { return *m_window; }
    ui::Workbench& workbench() noexcept { return m_workbench; }
    ui::AppSettings& settings() noexcept { return m_settings; }
    experiments::EngineHost& engineHost() noexcept { return m_engineHost; }

Q_SIGNALS:
    /// The first frame is on the screen.
    void firstPainted();
    /// Catalogue and log are there, the file is being opened.
    void started();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void startWork();
    void openLog();

    Options m_options;
    ui::AppSettings m_settings;
    ui::LogModel m_messages;
    ui::LogFeed m_feed;
    experiments::EngineHost m_engineHost;
    experiments::JobRunner m_jobs;
    ui::QuantDocument m_document;
    ui::Selection m_selection;
    ui::Workbench m_workbench;
    std::shared_ptr<experiments::ExperimentLog> m_log;  ///< the GUI thread's connection
    std::unique_ptr<ui::MainWindow> m_window;
    bool m_isPainted = false;
};

}  // namespace bitlathe::app
