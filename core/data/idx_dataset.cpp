#include "core/data/idx_dataset.h"

#include "core/data/gzip_file.h"
#include "core/types/error.h"
#include "core/util/sha256.h"

#include <algorithm>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr std::uint32_t kImageMagic = 0x00000803;
constexpr std::uint32_t kLabelMagic = 0x00000801;
constexpr std::size_t kMaximumBytes = std::size_t{4} << 30;  // 4 GiB: far beyond any IDX set in use

std::uint32_t bigEndian(const std::vector<std::uint8_t>& bytes, std::size_t at) {
    return (std::uint32_t{bytes[at]} << 24) | (std::uint32_t{bytes[at + 1]} << 16) |
           (std::uint32_t{bytes[at + 2]} << 8) | std::uint32_t{bytes[at + 3]};
}

struct IdxContent {
    std::vector<std::uint32_t> sizes;
    std::vector<std::uint8_t> values;
};

IdxContent readIdx(const std::string& path, std::uint32_t magic) {
    std::vector<std::uint8_t> bytes = readGzipFile(path, kMaximumBytes);
    const std::size_t dimensions = magic & 0xFF;
    const std::size_t headerBytes = 4 + 4 * dimensions;
    if (bytes.size() < headerBytes || bigEndian(bytes, 0) != magic) {
        throw Error(ErrorCode::DataFormat,
                    "data file '" + path + "' is not an IDX file of " +
                        (magic == kImageMagic ? "images" : "labels") +
                        ": its first bytes are wrong; check that it is the right file");
    }
    IdxContent content;
    std::uint64_t expected = 1;
    for (std::size_t d = 0; d < dimensions; ++d) {
        content.sizes.push_back(bigEndian(bytes, 4 + 4 * d));
        expected = std::min<std::uint64_t>(expected * content.sizes.back(), kMaximumBytes);
    }
    if (bytes.size() - headerBytes != expected) {
        throw Error(ErrorCode::DataFormat, "data file '" + path + "' is damaged: its header announces " +
                                               std::to_string(expected) + " bytes, it holds " +
                                               std::to_string(bytes.size() - headerBytes) +
                                               "; fetch or install it again");
    }
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(headerBytes));
    content.values = std::move(bytes);
    return content;
}

}  // namespace

IdxDataset::IdxDataset(std::string name, const std::string& imageFile, const std::string& labelFile,
                       std::vector<std::string> classNames)
    : m_name(std::move(name)), m_classNames(std::move(classNames)) {
    IdxContent images = readIdx(imageFile, kImageMagic);
    IdxContent labels = readIdx(labelFile, kLabelMagic);
    if (images.sizes[0] != labels.sizes[0]) {
        throw Error(ErrorCode::DataFormat, "'" + imageFile + "' holds " + std::to_string(images.sizes[0]) +
                                               " images but '" + labelFile + "' " +
                                               std::to_string(labels.sizes[0]) +
                                               " labels; they do not belong together");
    }
    if (images.sizes[0] == 0 || images.sizes[1] == 0 || images.sizes[2] == 0) {
        throw Error(ErrorCode::DataFormat, "data file '" + imageFile + "' holds no pixels");
    }
    for (std::size_t i = 0; i < labels.values.size(); ++i) {
        if (labels.values[i] >= m_classNames.size()) {
            throw Error(ErrorCode::DataFormat, "data file '" + labelFile + "': label " +
                                                   std::to_string(labels.values[i]) + " of sample " +
                                                   std::to_string(i) + " is beyond the " +
                                                   std::to_string(m_classNames.size()) + " classes");
        }
    }
    m_sampleShape = {1, images.sizes[1], images.sizes[2]};
    m_pixels = std::move(images.values);
    m_labels = std::move(labels.values);
}

void IdxDataset::pixels(std::int64_t index, std::span<std::uint8_t> out) const {
    const auto count = static_cast<std::size_t>(elementCount(m_sampleShape));
    std::copy_n(m_pixels.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(index) * count),
                count, out.begin());
}

const std::string& IdxDataset::hash() const {
    std::call_once(m_hashOnce, [this] {
        m_hash = Sha256()
                     .update("idx " + shapeText(m_sampleShape) + "\n")
                     .updateValues(std::span<const std::uint8_t>(m_pixels))
                     .updateValues(std::span<const std::uint8_t>(m_labels))
                     .hex();
    });
    return m_hash;
}

}  // namespace bitlathe::core
