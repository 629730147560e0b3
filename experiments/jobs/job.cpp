#include "experiments/jobs/job.h"

namespace bitlathe::experiments {

core::Engine& JobScope::engine() {
    if (m_engineHost.state() != EngineHost::State::Ready) {
        m_context.beginStage("open engine");
        m_context.checkpoint(0, 0, "loading LibTorch");
    }
    return m_engineHost.require();
}

}  // namespace bitlathe::experiments
