#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::core {

/// The whole content of a file, decompressed where it is gzip.
/// maximumBytes  the most to read; longer content is an error (a corrupt header could claim terabytes)
/// Errors  DataFormat naming the file: missing, not readable, damaged gzip stream, longer than expected.
std::vector<std::uint8_t> readGzipFile(const std::string& path, std::size_t maximumBytes);

}  // namespace bitlathe::core
