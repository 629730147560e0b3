#pragma once

#include <string>

#include "core/engine/engine.h"
#include "core/engine/engine_loader.h"

#include <QObject>
#include <QThreadPool>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace bitlathe::experiments {

/// Owns the tensor engine and the one thread that may call it. Opening takes 0.3 s and happens on that
/// thread, once: the window shows meanwhile, and the first job that needs the engine waits for it simply by
/// coming later in the same queue.
class EngineHost : public QObject {
    Q_OBJECT

public:
    enum class State { NotStarted, Loading, Ready, Failed };
    Q_ENUM(State)
    using Opener = std::function<std::shared_ptr<core::Engine>()>;

    explicit EngineHost(Opener open = core::loadEngine, QObject* parent = nullptr);
    /// Waits for what is running on the thread.
    ~EngineHost() override;

    /// Starts opening in the background and returns at once. Does nothing while loading or ready; after a
    /// failure it tries again. GUI thread.
    void warmUp();
    /// The thread jobs run on. Always the same one: LibTorch keeps per-thread state.
    QThreadPool& pool() noexcept { return m_pool; }

    /// The engine, opened now if need be. Job thread only.
    /// Errors  EngineUnavailable with the text of the failed attempt; a new attempt is made by warmUp()
    /// alone.
    core::Engine& require();

    // Any thread.
    State state() const;
    std::string failureText() const;               ///< empty unless Failed
    std::optional<core::EngineInfo> info() const;  ///< empty unless Ready

Q_SIGNALS:
    /// On the GUI thread.
    void stateChanged(bitlathe::experiments::EngineHost::State state);

private:
    void openNow();
    void setState(State state);

    Opener m_open;

    mutable std::mutex m_mutex;  // guards the next four
    State m_state = State::NotStarted;
    std::string m_failureText;
    std::optional<core::EngineInfo> m_info;
    std::shared_ptr<core::Engine> m_engine;

    QThreadPool m_pool;  // last: its destructor waits while the rest is alive
};

}  // namespace bitlathe::experiments
