#pragma once

#include "core/deploy/reference_engine.h"
#include "core/exporters/c_code/c_network.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Codes of a tensor as the exported C holds them: unsigned, packed at their bits; int32 little-endian for accumulators.
std::vector<std::uint8_t> storedCodes(const IntegerTensor& tensor, std::span<const std::int32_t> codes);

/// selftest.c without its heading: compares network_run with the vectors, prints and returns 0 when equal.
std::string selfTestSource();
/// selftest_vectors.h without its heading: input codes from a fixed seed over the whole range, and the reference
/// engine's output.
std::string selfTestVectors(const CNetwork& network);

}  // namespace bitlathe::core
