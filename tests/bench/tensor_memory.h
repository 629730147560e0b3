#pragma once

#include <cstdint>

namespace bitlathe::bench {

/// From here on every tensor's memory is counted, on top of the engine's allocator. Once in a process, after
/// engine::setUpProcess().
void countTensorMemory();

/// Bytes of all tensors that are alive, and the most there have been since resetPeak().
std::int64_t liveTensorBytes();
std::int64_t peakTensorBytes();
void resetPeakTensorBytes();

}  // namespace bitlathe::bench
