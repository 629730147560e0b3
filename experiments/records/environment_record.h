#pragma once

#include "core/engine/engine.h"

#include <map>
#include <string>

namespace bitlathe::experiments {

/// What a result may depend on beside its recipe: versions of Bitlathe, LibTorch and its BLAS, the
/// instructions the processor offers, compiler, operating system, threads. Names no person and no machine.
std::map<std::string, std::string> describeEnvironment(const core::EngineInfo& engine);

/// "0.1.0"
std::string bitlatheVersion();

}  // namespace bitlathe::experiments
