#pragma once

#include <string>

#include "ui/models/log_model.h"

#include <QObject>

#include <memory>
#include <mutex>
#include <vector>

namespace spdlog::sinks {
class sink;
}

namespace bitlathe::ui {

/// Carries spdlog's messages from any thread to a LogModel. Lines gather behind a lock and cross to the GUI
/// thread in one go per turn of its event loop, so a thousand messages cost one event.
class LogFeed final : public QObject {
    Q_OBJECT

public:
    explicit LogFeed(LogModel& model, QObject* parent = nullptr);
    /// Afterwards messages reach the other sinks only.
    ~LogFeed() override;

    /// Adds this feed to spdlog's default logger and sends Qt's own messages (qDebug, qWarning, ...) to
    /// spdlog. Call it before other threads log.
    void install();
    /// Any thread.
    void post(LogLine line);

private:
    void flush();

    LogModel& m_model;
    std::shared_ptr<spdlog::sinks::sink> m_sink;

    std::mutex m_mutex;  // guards the pending lines
    std::vector<LogLine> m_pending;
};

}  // namespace bitlathe::ui
