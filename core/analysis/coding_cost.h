#pragma once

#include "core/types/float_tensor.h"
#include "core/types/histogram.h"
#include "core/types/qparams.h"

#include <cstdint>

namespace bitlathe::core {

/// What a lossless coder would make of a tensor's codes: one code table for the whole tensor.
struct CodingCost {
    std::int64_t values = 0;
    std::int64_t levels = 0;      ///< of the grid
    double entropyBits = 0;       ///< bits a value, README eq. 26
    double huffmanBits = 0;       ///< average length of a real Huffman code
    std::int64_t plainBytes = 0;  ///< packed at the grid's whole bits
    std::int64_t codedBytes = 0;  ///< Huffman-coded, whole bytes, and one byte a level for the code's lengths
};

/// Exact, from the values. Slices along the grid's axis are pooled: a code means the same to the coder whatever
/// the slice's scale. Cost: one pass over the values.
CodingCost codingCost(const FloatTensor& values, const QParams& qparams);

/// Estimated from a histogram, as levelProfile spreads its values. qparams  per tensor
/// values  how many the tensor holds (of one sample, where the histogram saw many)
CodingCost codingCost(const Histogram& histogram, const QParams& qparams, std::int64_t values);

}  // namespace bitlathe::core
