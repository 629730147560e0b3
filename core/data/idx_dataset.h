#pragma once

#include "core/data/dataset.h"

#include <mutex>

namespace bitlathe::core {

/// Images and labels of the IDX format (LeCun's MNIST files), gzip-compressed or plain: big-endian header
/// 0x00000803 with count, rows, columns, then bytes; labels 0x00000801 with count, then bytes. Held in memory
/// (one byte a pixel).
class IdxDataset final : public Dataset {
public:
    /// Errors  DataFormat naming the file and the offset: missing, truncated, not gzip or IDX, counts that
    /// differ,
    ///         labels beyond the class names.
    IdxDataset(std::string name, const std::string& imageFile, const std::string& labelFile,
               std::vector<std::string> classNames);

    std::string name() const override { return m_name; }
    std::int64_t size() const override { return static_cast<std::int64_t>(m_labels.size()); }
    Shape sampleShape() const override { return m_sampleShape; }
    std::vector<std::string> classNames() const override { return m_classNames; }
    int label(std::int64_t index) const override { return m_labels[static_cast<std::size_t>(index)]; }
    void pixels(std::int64_t index, std::span<std::uint8_t> out) const override;
    const std::string& hash() const override;

private:
    std::string m_name;
    Shape m_sampleShape;
    std::vector<std::uint8_t> m_pixels;
    std::vector<std::uint8_t> m_labels;
    std::vector<std::string> m_classNames;
    mutable std::once_flag m_hashOnce;
    mutable std::string m_hash;  ///< made on first use: 47 MB take 0.1 s
};

}  // namespace bitlathe::core
