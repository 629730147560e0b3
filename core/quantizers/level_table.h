#pragma once

#include "core/types/qparams.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// Widest codes a level table may have: 256 levels a slice. More bits need a uniform grid.
inline constexpr int kMaxTableBits = 8;

/// Errors  InvalidConfig: more than kMaxTableBits; `quantizer` names who was asked.
void requireTableBits(int bits, std::string_view quantizer);

/// A table whose thresholds lie halfway between neighbouring levels, so that a value takes the nearest level
/// and the lower of two equally near ones. levels  any order, finite, at least one
LevelTable midpointTable(std::vector<float> levels);

/// The table of a monotone elementwise kernel, exact to the last bit: thresholds are found by bisection over the
/// floats on the kernel itself, so that kernel and table agree for every finite x.
/// kernel   maps values to values, nondecreasing
/// witness  ascending; kernel(witness[k]) is the k-th level. Equal neighbours in value are kept as one level.
using Kernel = std::function<void(std::span<const float> in, std::span<float> out)>;
LevelTable tableOfKernel(const Kernel& kernel, std::span<const float> witness);

/// QParams of one table per slice; shorter tables are filled up with copies of their top level that nothing
/// reaches. Fills scale, zeroPoint and the codes' limits.
/// Errors  InvalidConfig: no table, a table that is not ascending and finite, sizes that do not fit.
QParams tableGrid(std::vector<LevelTable> tables, std::optional<int> axis);

/// A uniform grid of one slice as a table (at most 256 codes); a grid that has a table gives it back.
LevelTable tableOf(const QParams& grid);

/// Grids of one slice each as one grid: uniform where all are (their codes' limits and rounding must agree), tables
/// otherwise.
QParams joinGrids(std::vector<QParams> grids, std::optional<int> axis);

// One contiguous run of values that share a table; vectorised. `in` and `out` may be the same memory. NaN takes
// the code of zero.
void fakeQuantizeByTable(std::span<const float> in, std::span<float> out, const LevelTable& table);
void quantizeByTable(std::span<const float> in, std::span<std::int32_t> out, const LevelTable& table);

}  // namespace bitlathe::core
