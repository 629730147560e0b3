#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// Shannon entropy in bits a symbol of a tensor's codes, counted over the whole tensor (README eq. 26); 0 for
/// no symbols.
double shannonEntropyBits(std::span<const std::uint64_t> counts) noexcept;

/// Average length in bits of a Huffman code for these counts: what a real coder needs, at most one bit above
/// the entropy. 0 for one symbol or none (nothing has to be said).
double huffmanAverageBits(std::span<const std::uint64_t> counts);

/// Counts of each distinct code, in ascending order of the code.
std::vector<std::uint64_t> codeCounts(std::span<const std::int32_t> codes);

}  // namespace bitlathe::core
