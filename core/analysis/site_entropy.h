#pragma once

#include "core/types/float_tensor.h"
#include "core/types/qparams.h"
#include "core/types/site_statistics.h"

#include <cstdint>

namespace bitlathe::core {

/// What the codes of one tensor would take when they are stored with a code of their own (README eq. 26), counted
/// over the whole tensor.
struct SiteEntropy {
    std::uint64_t symbols = 0;  ///< values counted
    double shannonBits = 0;     ///< lower bound, bits a value
    double huffmanBits =
        0;  ///< average length of a Huffman code, bits a value; 0 when one code is all there is
    std::int64_t codes = 0;  ///< different codes the grid has

    /// Bytes of `count` values: Huffman-coded, with one byte for the length of every code of the grid (what a
    /// canonical code needs to be read back).
    double compressedBytes(std::int64_t count) const noexcept;
};

/// Exact, of a weight. `axis` of the grid is dim 0. A 2.4-million-parameter layer takes some milliseconds.
SiteEntropy weightEntropy(const FloatTensor& weights, const QParams& grid);

/// Of an activation, from what calibration keeps (microseconds): values are uniform within their bin, exact zeros are
/// zeros. A grid per channel reads the channels' histograms; empty where the statistics have none.
SiteEntropy activationEntropy(const SiteStatistics& statistics, const QParams& grid);

}  // namespace bitlathe::core
