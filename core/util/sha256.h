#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bitlathe::core {

/// Streaming SHA-256 (FIPS 180-4, by libcrypto), hex digest in lower case.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    Sha256& update(std::span<const std::byte> bytes);
    Sha256& update(std::string_view text);
    /// Bytes of trivially copyable values, in memory order (little endian on every machine Bitlathe
    /// supports).
    template <typename T>
    Sha256& updateValues(std::span<const T> values) {
        return update(std::as_bytes(values));
    }
    std::string hex();  ///< finishes; call once

private:
    struct Context;
    std::unique_ptr<Context> m_context;
};

std::string sha256Hex(std::string_view text);
/// Errors  Io: file not readable.
std::string sha256OfFile(const std::string& path);

}  // namespace bitlathe::core
