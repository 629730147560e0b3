#include "core/util/sha256.h"

#include "core/types/error.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>

namespace bitlathe::core {

struct Sha256::Context {
    EVP_MD_CTX* handle = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(handle); }
};

Sha256::Sha256() : m_context(std::make_unique<Context>()) {
    if (m_context->handle == nullptr || EVP_DigestInit_ex(m_context->handle, EVP_sha256(), nullptr) != 1) {
        throw Error(ErrorCode::Unknown, "libcrypto offers no SHA-256");
    }
}

Sha256::~Sha256() = default;

Sha256& Sha256::update(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(m_context->handle, bytes.data(), bytes.size());
    return *this;
}

Sha256& Sha256::update(std::string_view text) {
    return update(std::as_bytes(std::span<const char>(text.data(), text.size())));
}

std::string Sha256::hex() {
    std::array<unsigned char, 32> digest{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(m_context->handle, digest.data(), &size);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * digest.size());
    for (const unsigned char byte : digest) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string sha256Hex(std::string_view text) {
    return Sha256().update(text).hex();
}

std::string sha256OfFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw Error(ErrorCode::Io,
                    "cannot read '" + path + "'; check that it exists and that you may read it");
    }
    Sha256 hash;
    std::array<char, 1 << 16> block{};
    while (file.read(block.data(), block.size()), file.gcount() > 0) {
        hash.update(std::string_view(block.data(), static_cast<std::size_t>(file.gcount())));
    }
    return hash.hex();
}

}  // namespace bitlathe::core
