#pragma once

#include <string>

namespace bitlathe::engine {

/// Compares every entry of a zip archive with its checksum; LibTorch's own reader leaves that out, so a
/// flipped byte in the weights would go unnoticed. Returns what is wrong ("entry 'archive/data/3' does not
/// match its checksum"), empty when nothing is. Reads the whole file.
std::string findZipDamage(const std::string& path);

}  // namespace bitlathe::engine
