#include "core/run/run_context.h"

#include "core/types/error.h"

namespace bitlathe::core {

void RunContext::checkpoint(std::int64_t done, std::int64_t total, const std::string& detail) const {
    if (isCancelRequested()) {
        throw Cancelled();
    }
    if (m_sink) {
        m_sink(Progress{m_stage, done, total, detail});
    }
}

}  // namespace bitlathe::core
