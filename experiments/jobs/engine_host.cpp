#include "experiments/jobs/engine_host.h"

#include "experiments/jobs/job_outcome.h"

#include <spdlog/spdlog.h>

#include <QElapsedTimer>
#include <QtConcurrent/QtConcurrentRun>

namespace bitlathe::experiments {

EngineHost::EngineHost(Opener open, QObject* parent) : QObject(parent), m_open(std::move(open)) {
    m_pool.setMaxThreadCount(1);
    m_pool.setExpiryTimeout(-1);
    m_pool.setObjectName(QStringLiteral("jobs"));
}

EngineHost::~EngineHost() {
    m_pool.waitForDone();
}

void EngineHost::warmUp() {
    {
        const std::lock_guard lock(m_mutex);
        if (m_state == State::Loading || m_state == State::Ready) {
            return;
        }
        m_state = State::Loading;
        m_failureText.clear();
    }
    m_pool.start([this] { openNow(); });
}

core::Engine& EngineHost::require() {
    openNow();
    const std::lock_guard lock(m_mutex);
    if (!m_engine) {
        throw core::Error(core::ErrorCode::EngineUnavailable, m_failureText);
    }
    return *m_engine;
}

void EngineHost::openNow() {
    // A job that came before the warm-up may have opened it already, or failed to: one attempt is enough.
    if (const State now = state(); now == State::Ready || now == State::Failed) {
        return;
    }
    setState(State::Loading);
    QElapsedTimer timer;
    timer.start();
    std::shared_ptr<core::Engine> engine;
    core::EngineInfo info;
    const JobOutcome outcome = runToOutcome([&] {
        engine = m_open();
        info = engine->info();
    });
    if (outcome.kind != JobOutcome::Kind::Succeeded) {
        {
            const std::lock_guard lock(m_mutex);
            m_failureText = outcome.text;
        }
        spdlog::error("engine: {}", outcome.text);
        setState(State::Failed);
        return;
    }
    spdlog::info("engine ready after {} ms: LibTorch {}, {}, {}, {} threads", timer.elapsed(),
                 info.torchVersion, info.blas, info.cpuCapability, info.threads);
    {
        const std::lock_guard lock(m_mutex);
        m_engine = std::move(engine);
        m_info = std::move(info);
    }
    setState(State::Ready);
}

void EngineHost::setState(State state) {
    {
        const std::lock_guard lock(m_mutex);
        m_state = state;
    }
    QMetaObject::invokeMethod(
        this, [this, state] { Q_EMIT stateChanged(state); }, Qt::QueuedConnection);
}

EngineHost::State EngineHost::state() const {
    const std::lock_guard lock(m_mutex);
    return m_state;
}

std::string EngineHost::failureText() const {
    const std::lock_guard lock(m_mutex);
    return m_state == State::Failed ? m_failureText : std::string();
}

std::optional<core::EngineInfo> EngineHost::info() const {
    const std::lock_guard lock(m_mutex);
    return m_info;
}

}  // namespace bitlathe::experiments
