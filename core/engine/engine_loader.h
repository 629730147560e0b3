#pragma once

#include "core/engine/engine.h"

#include <memory>

namespace bitlathe::core {

/// Opens the engine library (beside the program, in ../lib/bitlathe, or where BITLATHE_ENGINE points) and makes an Engine.
/// Sets OMP_WAIT_POLICY=passive first unless the user set it: libgomp reads it once, while it is being loaded.
/// Takes 0.3 s and 130 MB: call it on a worker thread, once.
/// Errors  EngineUnavailable: what could not be opened and what to install.
std::shared_ptr<Engine> loadEngine();

/// Symbol the engine library exports: returns a new Engine the caller owns.
inline constexpr const char* kEngineFactorySymbol = "bitlathe_create_engine";
using EngineFactory = Engine* (*)();

}  // namespace bitlathe::core
