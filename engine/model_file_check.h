#pragma once

#include <string>

namespace bitlathe::engine {

/// Looks at a file before LibTorch does and says in plain words what is wrong with it.
/// Errors  Io: missing or unreadable. ModelFormat: empty, truncated, or of another kind (state dict, old
/// pickle, ONNX, HDF5,
///         TFLite, ...), with what to do.
void requireTorchScriptFile(const std::string& path);

}  // namespace bitlathe::engine
