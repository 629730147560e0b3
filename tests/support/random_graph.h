#pragma once

#include "core/data/batches.h"
#include "core/graph/graph.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::tests {

/// Normal values from a fixed generator: the same on every machine with this standard library.
inline core::FloatTensor randomTensor(core::Shape shape, unsigned seed, float deviation = 1) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0, deviation);
    std::vector<float> values(static_cast<std::size_t>(core::elementCount(shape)));
    for (float& value : values) {
        value = normal(generator);
    }
    return {std::move(shape), std::move(values)};
}

/// Images of three classes: a bright bar at the top, in the middle or at the bottom, with noise. Any net can
/// learn them.
class BarDataset final : public core::Dataset {
public:
    explicit BarDataset(std::int64_t size, core::Shape sample = {1, 12, 12})
        : m_size(size), m_sample(std::move(sample)) {}

    std::string name() const override { return "bars"; }
    std::int64_t size() const override { return m_size; }
    core::Shape sampleShape() const override { return m_sample; }
    std::vector<std::string> classNames() const override { return {"top", "middle", "bottom"}; }
    int label(std::int64_t index) const override { return static_cast<int>(index % 3); }
    void pixels(std::int64_t index, std::span<std::uint8_t> out) const override {
        std::mt19937 generator(static_cast<unsigned>(index));
        const std::int64_t rows = m_sample[1];
        const std::int64_t columns = m_sample[2];
        for (std::size_t i = 0; i < out.size(); ++i) {
            const std::int64_t row = static_cast<std::int64_t>(i) / columns % rows;
            const bool isBar = row * 3 / rows == label(index);
            out[i] = static_cast<std::uint8_t>(generator() % 100 + (isBar ? 120 : 0));
        }
    }
    const std::string& hash() const override { return m_hash; }

private:
    std::int64_t m_size;
    core::Shape m_sample;
    std::string m_hash = "bars";
};

inline core::DataSpec barSpec() {
    core::DataSpec spec;
    spec.dataset = "bars";
    spec.mean = {100};
    spec.scale = {70};
    return spec;
}

inline core::BatchSource barBatches(std::int64_t size, core::BatchSource::Options options,
                                    core::Shape sample = {1, 12, 12}) {
    return {std::make_shared<BarDataset>(size, std::move(sample)), barSpec(), std::move(options)};
}

}  // namespace bitlathe::tests
