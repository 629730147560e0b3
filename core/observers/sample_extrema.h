#pragma once

#include <cstddef>
#include <span>

namespace bitlathe::core {

/// Means over the samples of a batch of each sample's largest magnitude, or largest value (MXNet's range of a
/// tensor): a statistic between the batch's extremum, which one outlier sets, and a percentile. values.size()
/// must be a multiple of samples; 0 for no samples.
double meanSampleMagnitude(std::span<const float> values, std::size_t samples) noexcept;
double meanSampleMaximum(std::span<const float> values, std::size_t samples) noexcept;

}  // namespace bitlathe::core
