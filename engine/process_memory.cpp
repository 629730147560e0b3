#include "engine/process_memory.h"

#include <sys/resource.h>

namespace bitlathe::engine {

std::int64_t peakMemoryBytes() {
    rusage usage{};
    return getrusage(RUSAGE_SELF, &usage) == 0 ? std::int64_t{usage.ru_maxrss} * 1024 : 0;
}

}  // namespace bitlathe::engine
