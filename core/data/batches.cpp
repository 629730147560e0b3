#include "core/data/batches.h"

#include "core/types/error.h"
#include "core/util/random.h"
#include "core/util/sha256.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace bitlathe::core {

namespace {

// Streams of the one seed: the subset, each epoch's order, each sample's augmentation.
constexpr std::uint64_t kSubsetStream = 1;
constexpr std::uint64_t kEpochStream = 2;
constexpr std::uint64_t kAugmentStream = 3;

void shuffle(std::vector<std::int64_t>& values, Random random) {
    for (std::size_t i = values.size(); i > 1; --i) {
        std::swap(values[i - 1], values[random.below(i)]);
    }
}

}  // namespace

BatchSource::BatchSource(std::shared_ptr<const Dataset> dataset, DataSpec spec, Options options)
    : m_dataset(std::move(dataset)), m_spec(std::move(spec)), m_options(std::move(options)) {
    const std::string where = "data set '" + m_dataset->name() + "': ";
    const std::int64_t channels = m_dataset->sampleShape()[0];
    const auto fits = [channels](const std::vector<double>& values) {
        return values.size() == 1 || static_cast<std::int64_t>(values.size()) == channels;
    };
    if (!fits(m_spec.mean) || !fits(m_spec.scale)) {
        throw Error(ErrorCode::ShapeMismatch, where +
                                                  "mean and scale need one value, or one for each of its " +
                                                  std::to_string(channels) + " channels");
    }
    if (std::any_of(m_spec.scale.begin(), m_spec.scale.end(), [](double scale) { return !(scale > 0); })) {
        throw Error(ErrorCode::InvalidConfig,
                    where + "every scale must be above 0: pixels are divided by it");
    }
    if (m_options.batchSize < 1 || m_options.samples < 0 || m_spec.pad < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    where +
                        "batch size must be at least 1, the number of samples and the padding at least 0");
    }
    m_lookup.resize(std::max(m_spec.mean.size(), m_spec.scale.size()));
    for (std::size_t c = 0; c < m_lookup.size(); ++c) {
        const double mean = m_spec.mean[m_spec.mean.size() == 1 ? 0 : c];
        const double scale = m_spec.scale[m_spec.scale.size() == 1 ? 0 : c];
        for (std::size_t pixel = 0; pixel < m_lookup[c].size(); ++pixel) {
            m_lookup[c][pixel] = static_cast<float>((static_cast<double>(pixel) - mean) / scale);
        }
    }
    m_order.resize(static_cast<std::size_t>(m_dataset->size()));
    std::iota(m_order.begin(), m_order.end(), 0);
    if (m_options.shuffle) {
        shuffle(m_order, Random(*m_options.shuffle, {kSubsetStream}));
    }
    if (m_options.firstSample < 0 ||
        (m_options.firstSample > 0 && m_options.firstSample >= m_dataset->size())) {
        throw Error(ErrorCode::InvalidConfig,
                    where + "there is no sample " + std::to_string(m_options.firstSample) +
                        " to begin with; it has " + std::to_string(m_dataset->size()));
    }
    m_order.erase(m_order.begin(), m_order.begin() + m_options.firstSample);
    if (m_options.samples > 0 && m_options.samples < static_cast<std::int64_t>(m_order.size())) {
        m_order.resize(static_cast<std::size_t>(m_options.samples));
    }
    if (m_options.dropLast && batchCount() == 0) {
        throw Error(ErrorCode::InvalidConfig, where + "a batch of " + std::to_string(m_options.batchSize) +
                                                  " is larger than the " + std::to_string(m_order.size()) +
                                                  " samples; use a smaller batch");
    }
}

std::int64_t BatchSource::batchCount() const noexcept {
    const auto samples = static_cast<std::int64_t>(m_order.size());
    return (samples + (m_options.dropLast ? 0 : m_options.batchSize - 1)) / m_options.batchSize;
}

std::int64_t BatchSource::sampleCount() const noexcept {
    return m_options.dropLast ? batchCount() * m_options.batchSize
                              : static_cast<std::int64_t>(m_order.size());
}

Shape BatchSource::sampleShape() const {
    const Shape stored = m_dataset->sampleShape();
    return {stored[0], stored[1] + 2 * m_spec.pad, stored[2] + 2 * m_spec.pad};
}

void BatchSource::read(std::int64_t index, Batch& batch, std::int64_t epoch) const {
    if (m_options.shuffle && m_orderEpoch != epoch) {
        m_epochOrder = m_order;
        shuffle(m_epochOrder, Random(*m_options.shuffle, {kEpochStream, static_cast<std::uint64_t>(epoch)}));
        m_orderEpoch = epoch;
    }
    const std::vector<std::int64_t>& order = m_options.shuffle ? m_epochOrder : m_order;
    const std::int64_t first = index * m_options.batchSize;
    const std::int64_t count = std::min(m_options.batchSize, static_cast<std::int64_t>(order.size()) - first);
    const Shape sample = sampleShape();
    batch.shape = {count, sample[0], sample[1], sample[2]};
    batch.images.resize(static_cast<std::size_t>(elementCount(batch.shape)));
    batch.labels.resize(static_cast<std::size_t>(count));
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(elementCount(m_dataset->sampleShape())));
    const auto perSample = static_cast<std::size_t>(elementCount(sample));
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t position = first + i;
        const std::int64_t source = order[static_cast<std::size_t>(position)];
        m_dataset->pixels(source, pixels);
        batch.labels[static_cast<std::size_t>(i)] = m_dataset->label(source);
        const std::span<float> image(batch.images.data() + static_cast<std::size_t>(i) * perSample,
                                     perSample);
        normalise(pixels, placementOf(position, epoch), image);
    }
}

BatchSource::Placement BatchSource::placementOf(std::int64_t position, std::int64_t epoch) const {
    const Augmentation& augmentation = m_options.augmentation;
    if (!augmentation.horizontalFlip && augmentation.shift == 0) {
        return {};
    }
    Random random(m_options.shuffle.value_or(Seed{}),
                  {kAugmentStream, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(position)});
    const auto offset = [&] {
        return static_cast<std::int64_t>(
                   random.below(2 * static_cast<std::uint64_t>(augmentation.shift) + 1)) -
               augmentation.shift;
    };
    Placement placement;
    placement.isFlipped = augmentation.horizontalFlip && random.below(2) == 1;
    placement.rows = offset();
    placement.columns = offset();
    return placement;
}

void BatchSource::normalise(const std::vector<std::uint8_t>& pixels, const Placement& placement,
                            std::span<float> image) const {
    const Shape stored = m_dataset->sampleShape();
    const Shape padded = sampleShape();
    // Columns of the source that stay inside the frame once moved.
    const std::int64_t shift = m_spec.pad + placement.columns;
    const std::int64_t firstColumn = std::max<std::int64_t>(0, -shift);
    const std::int64_t lastColumn = std::min(stored[2], padded[2] - shift);
    for (std::int64_t c = 0; c < stored[0]; ++c) {
        const auto& lookup = m_lookup[m_lookup.size() == 1 ? 0 : static_cast<std::size_t>(c)];
        float* const plane = image.data() + c * padded[1] * padded[2];
        std::fill_n(plane, padded[1] * padded[2], lookup[0]);
        for (std::int64_t row = 0; row < stored[1]; ++row) {
            const std::int64_t toRow = row + m_spec.pad + placement.rows;
            if (toRow < 0 || toRow >= padded[1]) {
                continue;
            }
            const std::uint8_t* const from = pixels.data() + (c * stored[1] + row) * stored[2];
            float* const to = plane + toRow * padded[2] + shift;
            for (std::int64_t column = firstColumn; column < lastColumn; ++column) {
                to[column] = lookup[from[placement.isFlipped ? stored[2] - 1 - column : column]];
            }
        }
    }
}

std::string BatchSource::hash() const {
    Sha256 hash;
    hash.update(m_dataset->hash()).update("\n");
    const std::vector<std::int64_t> settings{m_spec.pad, m_options.batchSize, m_options.dropLast ? 1 : 0,
                                             m_options.augmentation.horizontalFlip ? 1 : 0,
                                             m_options.augmentation.shift};
    hash.updateValues(std::span<const std::int64_t>(settings));
    hash.updateValues(std::span<const double>(m_spec.mean));
    hash.updateValues(std::span<const double>(m_spec.scale));
    hash.updateValues(std::span<const std::int64_t>(m_order));
    return hash.hex();
}

}  // namespace bitlathe::core
