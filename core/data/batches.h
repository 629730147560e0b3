#pragma once

#include "core/data/dataset.h"
#include "core/types/seed.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// A batch ready for a model: images N,C,H,W normalised, labels N.
struct Batch {
    Shape shape;  ///< N,C,H,W
    std::vector<float> images;
    std::vector<std::int64_t> labels;
};

/// Random changes of training images.
struct Augmentation {
    bool horizontalFlip = false;
    int shift = 0;  ///< up to this many pixels each way, black moved in
};

/// Cuts a dataset into batches. Sample order and augmentation depend on the seed alone.
/// Memory: one batch (owned by the caller, reused between calls) and two sample orders. One thread at a time.
class BatchSource {
public:
    struct Options {
        std::int64_t batchSize = 128;
        std::int64_t firstSample = 0;  ///< of the (shuffled) order; those in front of it are left out
        std::int64_t samples = 0;      ///< so many of the (shuffled) order from there; 0: all
        std::optional<Seed> shuffle;   ///< empty: the data set's own order
        Augmentation augmentation;
        bool dropLast = false;  ///< leave out a last batch that is not full
    };

    /// Errors  ShapeMismatch: mean/scale do not match the channels; InvalidConfig: sizes below 1, or a
    /// first sample the data set does not have.
    BatchSource(std::shared_ptr<const Dataset> dataset, DataSpec spec, Options options);

    std::int64_t batchCount() const noexcept;
    std::int64_t sampleCount() const noexcept;
    /// C,H,W after padding.
    Shape sampleShape() const;
    /// Fills `batch` with batch `index` of epoch `epoch` (another shuffle and augmentation each epoch).
    void read(std::int64_t index, Batch& batch, std::int64_t epoch = 0) const;
    /// SHA-256 over the data set's hash, the preprocessing and the chosen samples.
    std::string hash() const;
    const Dataset& dataset() const noexcept { return *m_dataset; }

private:
    /// Where an image lands in its padded frame.
    struct Placement {
        bool isFlipped = false;
        std::int64_t rows = 0;     ///< shift downwards, pixels
        std::int64_t columns = 0;  ///< shift to the right, pixels
    };
    Placement placementOf(std::int64_t position, std::int64_t epoch) const;
    void normalise(const std::vector<std::uint8_t>& pixels, const Placement& placement,
                   std::span<float> image) const;

    std::shared_ptr<const Dataset> m_dataset;
    DataSpec m_spec;
    Options m_options;
    std::vector<std::array<float, 256>>
        m_lookup;                       ///< normalised value of each pixel value, by channel (or one for all)
    std::vector<std::int64_t> m_order;  ///< the chosen samples
    mutable std::vector<std::int64_t> m_epochOrder;  ///< shuffled order of epoch m_orderEpoch
    mutable std::int64_t m_orderEpoch = -1;
};

}  // namespace bitlathe::core
