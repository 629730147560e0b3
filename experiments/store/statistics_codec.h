#pragma once

#include "core/types/site_statistics.h"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace bitlathe::experiments {

/// Version of the encoding; the first byte of every blob.
inline constexpr std::uint8_t kStatisticsEncoding = 2;

/// SiteStatistics as bytes: numbers as little-endian IEEE doubles, counts as LEB128, runs of empty bins as
/// one count. Exact: decode(encode(s)) has the same bits. A rectified activation takes about 4 KB.
///
///   u8 version | varint count, samples | f64 minimum, maximum, sum, sumOfSquares, sumOfMagnitudes
///   | ranges batchRanges | ranges channelRanges          (varint n, n x {f64 lower, f64 upper})
///   | zigzag exponent, firstBin | varint zeros, bins     | bins x varint count, where 0 is followed by
///   varint (run - 1)
///   | f64 sumOfSampleMinima, ...Maxima, ...Magnitudes | varint channels, each {f64 sum, sumOfSquares,
///   sumOfMagnitudes, histogram as above}
std::vector<std::byte> encodeStatistics(const core::SiteStatistics& statistics);

/// Empty when the bytes are of another encoding or damaged: the cache then counts as not filled.
std::optional<core::SiteStatistics> decodeStatistics(std::span<const std::byte> bytes);

}  // namespace bitlathe::experiments
