#pragma once

#include "core/engine/engine.h"

namespace bitlathe::engine {

/// Once per process: memory that stays with the process between batches (fresh pages cost more than the
/// arithmetic on them), LibTorch's warnings to the log. Further calls do nothing.
void setUpProcess();

/// Intra-op threads of LibTorch and of the BLAS behind it.
/// Errors  InvalidConfig: below 1.
void setComputeThreads(int threads);

core::EngineInfo describeLibTorch();

}  // namespace bitlathe::engine
