#pragma once

#include <cstdint>
#include <string>

namespace bitlathe::experiments {

/// A process that cannot be mistaken for a later one with the same number.
struct ProcessIdentity {
    std::int64_t processId = 0;
    std::int64_t startTicks = 0;  ///< clock ticks between boot and the process' start
    std::string bootId;           ///< the kernel's random id of this boot
};

ProcessIdentity currentProcess();
/// False when that process ended, or the machine was started anew since (or is another one).
bool isAlive(const ProcessIdentity& process);

}  // namespace bitlathe::experiments
