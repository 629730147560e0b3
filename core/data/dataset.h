#pragma once

#include "core/types/shape.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Labelled 8-bit images of one size. Implementations are immutable and safe to read from several threads.
class Dataset {
public:
    virtual ~Dataset() = default;
    virtual std::string name() const = 0;  ///< "fashion_mnist/test"
    virtual std::int64_t size() const = 0;
    virtual Shape sampleShape() const = 0;  ///< C,H,W of the stored pixels
    virtual std::vector<std::string> classNames() const = 0;
    virtual int label(std::int64_t index) const = 0;
    /// Copies one image, C,H,W, 0..255.
    virtual void pixels(std::int64_t index, std::span<std::uint8_t> out) const = 0;
    /// SHA-256 (hex) of pixels and labels.
    virtual const std::string& hash() const = 0;
};

enum class DataSplit { Train, Test };

/// What a recipe says about data; everything that changes a sample is in here and in its hash.
struct DataSpec {
    std::string dataset = "fashion_mnist";
    std::string root;                  ///< folder; empty: where the system package puts it
    int pad = 0;                       ///< pixels of black added on each side
    std::vector<double> mean{0.0};     ///< per channel, in 0..255 units
    std::vector<double> scale{255.0};  ///< per channel: x = (pixel - mean) / scale
    bool operator==(const DataSpec&) const = default;
};

/// Opens a split. Errors  DataFormat naming file, place and remedy; InvalidConfig: unknown dataset (lists the
/// known).
std::shared_ptr<const Dataset> openDataset(const DataSpec& spec, DataSplit split);
/// Names openDataset knows.
std::vector<std::string> datasetNames();

}  // namespace bitlathe::core
