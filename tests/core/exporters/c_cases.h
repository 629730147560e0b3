#pragma once

#include "core/deploy/integer_graph.h"
#include "tests/core/exporters/bundled_models.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::tests {

/// The configurations exported C is proven with: "W8A8", "W4A8", "W2A8", "W4A4", "W2A4" (weights per channel, symmetric;
/// outputs affine), "MixPL" and "MixPC" (memory-driven, under limits that cut weights and activations to 4 and 2 bits;
/// MixPL keeps the batch norms of cut layers as integers).
const std::vector<std::string>& cConfigurations();

/// A bundled model in a configuration, as it is exported.
struct CCase {
    core::QuantConfig config;
    core::PreparedModel model;
    core::QuantPlan plan;
};
CCase cCaseOf(const CalibratedModel& calibrated, const std::string& configuration);

/// Test images as the exported C takes them, and what the integer engine makes of them, one after another.
struct CVectors {
    std::vector<std::uint8_t> inputs;
    std::vector<std::uint8_t> outputs;
    std::int64_t images = 0;
};
CVectors cVectors(const core::IntegerGraph& graph, std::int64_t images);

/// Bytes that differ.
std::int64_t differences(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b);

}  // namespace bitlathe::tests
