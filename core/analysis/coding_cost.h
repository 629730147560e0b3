#pragma once

#include "core/analysis/site_entropy.h"

#include <cstdint>

namespace bitlathe::core {

/// What a lossless coder would make of a tensor's codes beside what packing makes of them: one code table for the
/// whole tensor.
struct CodingCost {
    std::int64_t values = 0;
    std::int64_t levels = 0;      ///< of the grid
    double entropyBits = 0;       ///< bits a value, README eq. 26
    double huffmanBits = 0;       ///< average length of a real Huffman code
    std::int64_t plainBytes = 0;  ///< packed at as many bits as the highest code needs, whole bytes
    std::int64_t codedBytes = 0;  ///< Huffman-coded, whole bytes, and one byte a level for the code's lengths
};

/// `values`: how many the tensor holds (of one sample, where the statistics saw many).
CodingCost codingCost(const SiteEntropy& entropy, std::int64_t values);

}  // namespace bitlathe::core
