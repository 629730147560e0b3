#include "ui/models/log_sink.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <QtGlobal>

#include <chrono>
#include <utility>

namespace bitlathe::ui {

namespace {

LogLevel levelOf(spdlog::level::level_enum level) {
    switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
        return LogLevel::Debug;
    case spdlog::level::warn:
        return LogLevel::Warning;
    case spdlog::level::err:
    case spdlog::level::critical:
        return LogLevel::Error;
    default:
        return LogLevel::Info;
    }
}

/// A sink that outlives its feed: the loggers share it, the feed detaches.
class FeedSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit FeedSink(LogFeed* feed) : m_feed(feed) {}

    /// Waits for a message on its way.
    void detach() {
        const std::lock_guard lock(mutex_);
        m_feed = nullptr;
    }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        if (m_feed == nullptr) {
            return;
        }
        const auto sinceEpoch =
            std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
        const QDateTime time = QDateTime::fromMSecsSinceEpoch(sinceEpoch.count(), Qt::UTC);
        const QString text =
            QString::fromUtf8(message.payload.data(), static_cast<qsizetype>(message.payload.size()));
        for (const QString& line : text.trimmed().split(QLatin1Char('\n'))) {
            m_feed->post({time, levelOf(message.level), line});
        }
    }
    void flush_() override {}

    LogFeed* m_feed;  // guarded by base_sink's mutex
};

void forwardQtMessage(QtMsgType type, const QMessageLogContext& context, const QString& text) {
    const QString category = QString::fromUtf8(context.category == nullptr ? "" : context.category);
    const std::string line =
        (category.isEmpty() || category == QLatin1String("default") ? text : category + ": " + text)
            .toStdString();
    switch (type) {
    case QtDebugMsg:
        spdlog::debug("{}", line);
        break;
    case QtInfoMsg:
        spdlog::info("{}", line);
        break;
    case QtWarningMsg:
        spdlog::warn("{}", line);
        break;
    case QtCriticalMsg:
        spdlog::error("{}", line);
        break;
    case QtFatalMsg:
        spdlog::critical("{}", line);
        spdlog::default_logger()->flush();
        break;  // Qt ends the program after the handler returns
    }
}

}  // namespace

LogFeed::LogFeed(LogModel& model, QObject* parent) : QObject(parent), m_model(model) {}

LogFeed::~LogFeed() {
    if (!m_sink) {
        return;
    }
    qInstallMessageHandler(nullptr);
    // The deaf sink stays with the logger: its list of sinks may not change while other threads log.
    static_cast<FeedSink&>(*m_sink).detach();
}

void LogFeed::install() {
    if (m_sink) {
        return;
    }
    m_sink = std::make_shared<FeedSink>(this);
    spdlog::default_logger()->sinks().push_back(m_sink);
    qInstallMessageHandler(forwardQtMessage);
}

void LogFeed::post(LogLine line) {
    bool isFirst = false;
    {
        const std::lock_guard lock(m_mutex);
        isFirst = m_pending.empty();
        m_pending.push_back(std::move(line));
        // What no one can see any more need not wait: a flood while the GUI is busy stays bounded.
        if (m_pending.size() >= 2U * LogModel::kMaxLines) {
            m_pending.erase(m_pending.begin(), m_pending.begin() + LogModel::kMaxLines);
        }
    }
    if (isFirst) {
        QMetaObject::invokeMethod(this, &LogFeed::flush, Qt::QueuedConnection);
    }
}

void LogFeed::flush() {
    std::vector<LogLine> lines;
    {
        const std::lock_guard lock(m_mutex);
        lines.swap(m_pending);
    }
    m_model.append(std::move(lines));
}

}  // namespace bitlathe::ui
