#include "engine/zip_check.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace bitlathe::engine {

namespace {

// Records and offsets of the format's specification (APPNOTE.TXT 6.3): all numbers little endian.
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::uint32_t kEntrySignature = 0x02014b50;
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLocator64Size = 20;
constexpr std::size_t kEntrySize = 46;
constexpr std::size_t kLocalSize = 30;

/// The file's bytes; reads beyond their end give zero and are remembered.
class Bytes {
public:
    explicit Bytes(std::string data) : m_data(std::move(data)) {}

    template <typename Integer>
    Integer number(std::uint64_t offset) const {
        Integer value{};
        if (offset > m_data.size() || m_data.size() - offset < sizeof value) {
            m_isExceeded = true;
            return value;
        }
        std::memcpy(&value, m_data.data() + offset, sizeof value);
        return value;
    }
    std::string_view part(std::uint64_t offset, std::uint64_t size) const {
        if (offset > m_data.size() || m_data.size() - offset < size) {
            m_isExceeded = true;
            return {};
        }
        return std::string_view(m_data).substr(offset, size);
    }
    std::size_t size() const noexcept { return m_data.size(); }
    bool isExceeded() const noexcept { return m_isExceeded; }

private:
    std::string m_data;
    mutable bool m_isExceeded = false;
};

struct Directory {
    std::uint64_t entries = 0;
    std::uint64_t offset = 0;
};

std::optional<Directory> findDirectory(const Bytes& bytes) {
    // The end record is last but for a comment of up to 64 KiB.
    for (std::size_t back = kEndSize; back <= std::min<std::size_t>(bytes.size(), kEndSize + 0xFFFF);
         ++back) {
        const std::uint64_t end = bytes.size() - back;
        if (bytes.number<std::uint32_t>(end) != kEndSignature) {
            continue;
        }
        if (end >= kLocator64Size &&
            bytes.number<std::uint32_t>(end - kLocator64Size) == kLocator64Signature) {
            const auto end64 = bytes.number<std::uint64_t>(end - kLocator64Size + 8);
            if (bytes.number<std::uint32_t>(end64) == kEnd64Signature) {
                return Directory{bytes.number<std::uint64_t>(end64 + 32),
                                 bytes.number<std::uint64_t>(end64 + 48)};
            }
        }
        return Directory{bytes.number<std::uint16_t>(end + 10), bytes.number<std::uint32_t>(end + 16)};
    }
    return std::nullopt;
}

/// One line of the central directory.
struct Entry {
    std::uint16_t method = 0;
    std::uint32_t checksum = 0;
    std::uint64_t packedSize = 0;
    std::uint64_t size = 0;
    std::uint64_t localOffset = 0;
    std::string_view name;
    std::uint64_t next = 0;
};

Entry readEntry(const Bytes& bytes, std::uint64_t at) {
    Entry entry;
    const auto nameSize = bytes.number<std::uint16_t>(at + 28);
    const auto extraSize = bytes.number<std::uint16_t>(at + 30);
    entry.method = bytes.number<std::uint16_t>(at + 10);
    entry.checksum = bytes.number<std::uint32_t>(at + 16);
    entry.packedSize = bytes.number<std::uint32_t>(at + 20);
    entry.size = bytes.number<std::uint32_t>(at + 24);
    entry.localOffset = bytes.number<std::uint32_t>(at + 42);
    entry.name = bytes.part(at + kEntrySize, nameSize);
    const std::uint64_t extra = at + kEntrySize + nameSize;
    entry.next = extra + extraSize + bytes.number<std::uint16_t>(at + 32);
    // Sizes that do not fit 32 bits, or that the writer did not know yet, stand in the extra field with id 1.
    for (std::uint64_t field = extra; field + 4 <= extra + extraSize;
         field += 4U + bytes.number<std::uint16_t>(field + 2)) {
        if (bytes.number<std::uint16_t>(field) != 1) {
            continue;
        }
        std::uint64_t value = field + 4;
        for (std::uint64_t* const number : {&entry.size, &entry.packedSize, &entry.localOffset}) {
            if (*number == 0xFFFFFFFF) {
                *number = bytes.number<std::uint64_t>(value);
                value += 8;
            }
        }
    }
    return entry;
}

std::uint32_t checksumOf(std::uint32_t seed, const unsigned char* data, std::size_t size) {
    return static_cast<std::uint32_t>(crc32_z(seed, data, size));
}

/// Checksum of a deflated entry's content; empty when it cannot be inflated to `size` bytes.
std::optional<std::uint32_t> inflatedChecksum(std::string_view packed, std::uint64_t size) {
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        return std::nullopt;
    }
    stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<unsigned>(packed.size());
    std::array<unsigned char, 65536> buffer;
    std::uint32_t checksum = 0;
    std::uint64_t total = 0;
    int status = Z_OK;
    while (status == Z_OK && total <= size) {
        stream.next_out = buffer.data();
        stream.avail_out = buffer.size();
        status = inflate(&stream, Z_NO_FLUSH);
        const std::size_t produced = buffer.size() - stream.avail_out;
        checksum = checksumOf(checksum, buffer.data(), produced);
        total += produced;
    }
    inflateEnd(&stream);
    return status == Z_STREAM_END && total == size ? std::optional(checksum) : std::nullopt;
}

bool isIntact(const Bytes& bytes, const Entry& entry) {
    if (bytes.number<std::uint32_t>(entry.localOffset) != kLocalSignature) {
        return false;
    }
    const std::uint64_t data = entry.localOffset + kLocalSize +
                               bytes.number<std::uint16_t>(entry.localOffset + 26) +
                               bytes.number<std::uint16_t>(entry.localOffset + 28);
    const std::string_view content = bytes.part(data, entry.packedSize);
    if (bytes.isExceeded()) {
        return false;
    }
    if (entry.method == Z_DEFLATED) {
        return inflatedChecksum(content, entry.size) == entry.checksum;
    }
    return entry.method == 0 && checksumOf(0, reinterpret_cast<const unsigned char*>(content.data()),
                                           content.size()) == entry.checksum;
}

}  // namespace

std::string findZipDamage(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const Bytes bytes(std::string(std::istreambuf_iterator<char>(file), {}));
    const std::optional<Directory> directory = findDirectory(bytes);
    if (!directory) {
        return "its end is missing";
    }
    std::uint64_t at = directory->offset;
    for (std::uint64_t i = 0; i < directory->entries; ++i) {
        const Entry entry =
            bytes.number<std::uint32_t>(at) == kEntrySignature ? readEntry(bytes, at) : Entry{};
        if (entry.next == 0 || bytes.isExceeded()) {
            return "its list of entries is damaged";
        }
        if (!isIntact(bytes, entry)) {
            return "entry '" + std::string(entry.name) + "' does not match its checksum";
        }
        at = entry.next;
    }
    return {};
}

}  // namespace bitlathe::engine
