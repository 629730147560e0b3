#pragma once

#include "core/run/run_context.h"

namespace bitlathe::cli {

/// While it lives, the first Ctrl-C or SIGTERM asks the context to stop at its next checkpoint; the second
/// one ends the program as signals do. SIGUSR1 ends a training early with its best epoch. One at a time.
class CancelOnSignal {
public:
    explicit CancelOnSignal(core::RunContext& context);
    ~CancelOnSignal();
    CancelOnSignal(const CancelOnSignal&) = delete;
    CancelOnSignal& operator=(const CancelOnSignal&) = delete;
};

/// 128 + the signal that stopped the work (130 for Ctrl-C), as shells report it; 1 when none did.
int exitCodeOfSignal();

}  // namespace bitlathe::cli
