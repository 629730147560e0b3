#pragma once

#include "engine/training/network.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace bitlathe::engine {

/// All a training needs to go on as if it had never stopped: numbers by name, and tensors by name. One file,
/// written whole or not at all:
///
///   "BLCK" + version (4 bytes) + length of the JSON (8) + JSON + tensors' bytes, little-endian, row-major
///
/// The JSON lists the tensors and holds the SHA-256 of their bytes.
struct Checkpoint {
    nlohmann::json numbers = nlohmann::json::object();
    NamedTensors tensors;  ///< float32 or float64

    /// Errors  Io naming the path and what the system says.
    void save(const std::string& path) const;
    /// Empty when there is no such file. Errors  Io: it cannot be read, or is not whole.
    static std::optional<Checkpoint> load(const std::string& path);
};

/// Where a folder's newest checkpoint is.
std::string checkpointPath(const std::string& folder);

/// Copies the tensors of `from` whose names begin with `front` into those of `to`, of the same names without it.
/// Errors  InvalidConfig naming the tensor that is missing or of another size: the checkpoint belongs to another
/// training.
void restoreTensors(const NamedTensors& from, const std::string& front, const NamedTensors& to);

}  // namespace bitlathe::engine
