#include "core/quantizers/level_table.h"

#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace bitlathe::core {

namespace {

/// Floats in their order as whole numbers: neighbours differ by one, both zeros are 0.
std::int64_t ordinal(float x) noexcept {
    const auto bits = std::bit_cast<std::int32_t>(x);
    return bits >= 0 ? bits : static_cast<std::int64_t>(std::numeric_limits<std::int32_t>::min()) - bits;
}

float fromOrdinal(std::int64_t n) noexcept {
    const std::int64_t bits =
        n >= 0 ? n : static_cast<std::int64_t>(std::numeric_limits<std::int32_t>::min()) - n;
    return std::bit_cast<float>(static_cast<std::int32_t>(bits));
}

void requireTable(const LevelTable& table, std::size_t slice) {
    const auto isFine = [](const std::vector<float>& numbers) {
        return std::is_sorted(numbers.begin(), numbers.end()) &&
               std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
    };
    if (table.levels.empty() || table.levels.size() > (std::size_t{1} << kMaxTableBits) ||
        table.thresholds.size() + 1 != table.levels.size() || !isFine(table.levels) ||
        !isFine(table.thresholds)) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("level table of slice {}: needs 1 to {} levels and one threshold fewer, both "
                                "ascending and finite; it has {} and {}",
                                slice, 1 << kMaxTableBits, table.levels.size(), table.thresholds.size()));
    }
}

}  // namespace

void requireTableBits(int bits, std::string_view quantizer) {
    if (bits > kMaxTableBits) {
        throw Error(
            ErrorCode::InvalidConfig,
            fmt::format("quantizer '{}': {} bits, but levels that are not evenly spaced go up to {} bits; "
                        "use fewer bits or a uniform quantizer",
                        quantizer, bits, kMaxTableBits));
    }
}

LevelTable midpointTable(std::vector<float> levels) {
    std::sort(levels.begin(), levels.end());
    LevelTable table;
    for (std::size_t k = 1; k < levels.size(); ++k) {
        // Double: the sum of two large floats may overflow, and the midpoint is rounded once.
        table.thresholds.push_back(
            static_cast<float>((static_cast<double>(levels[k - 1]) + static_cast<double>(levels[k])) / 2));
    }
    table.levels = std::move(levels);
    return table;
}

LevelTable tableOfKernel(const Kernel& kernel, std::span<const float> witness) {
    std::vector<float> at(witness.size());
    kernel(witness, at);
    LevelTable table;
    std::vector<std::int64_t> below;  ///< highest known x of the level under the threshold
    std::vector<std::int64_t> above;  ///< lowest known x of the level over it
    for (std::size_t k = 0; k < at.size(); ++k) {
        if (table.levels.empty() || at[k] > table.levels.back()) {
            if (!table.levels.empty()) {
                below.push_back(ordinal(witness[k - 1]));
                above.push_back(ordinal(witness[k]));
            }
            table.levels.push_back(at[k] + 0.0F);
        }
    }
    std::vector<float> probe(below.size());
    std::vector<float> answer(below.size());
    const auto isOpen = [&](std::size_t k) { return above[k] - below[k] > 1; };
    for (bool again = !below.empty(); again;) {
        again = false;
        for (std::size_t k = 0; k < probe.size(); ++k) {
            probe[k] = fromOrdinal(below[k] + (above[k] - below[k]) / 2);
        }
        kernel(probe, answer);
        for (std::size_t k = 0; k < probe.size(); ++k) {
            if (isOpen(k)) {
                (answer[k] > table.levels[k] ? above : below)[k] = ordinal(probe[k]);
                again = again || isOpen(k);
            }
        }
    }
    for (const std::int64_t n : below) {
        table.thresholds.push_back(fromOrdinal(n));
    }
    return table;
}

QParams tableGrid(std::vector<LevelTable> tables, std::optional<int> axis) {
    if (tables.empty()) {
        throw Error(ErrorCode::InvalidConfig, "a grid of level tables needs at least one table");
    }
    std::size_t most = 2;
    for (std::size_t s = 0; s < tables.size(); ++s) {
        requireTable(tables[s], s);
        most = std::max(most, tables[s].levels.size());
    }
    QParams grid;
    grid.quantMax = static_cast<std::int32_t>(most) - 1;
    grid.axis = axis;
    for (LevelTable& table : tables) {
        const double width =
            static_cast<double>(table.levels.back()) - static_cast<double>(table.levels.front());
        const auto steps = static_cast<double>(std::max<std::size_t>(table.levels.size() - 1, 1));
        grid.scale.push_back(
            width > 0 ? std::max(static_cast<float>(width / steps), std::numeric_limits<float>::min())
                      : 1.0F);
        grid.zeroPoint.push_back(0);
        // Nothing but infinity is above the largest float, and infinity belongs to the top level anyway.
        table.thresholds.resize(most - 1, std::numeric_limits<float>::max());
        table.levels.resize(most, table.levels.back());
    }
    grid.tables = std::move(tables);
    return grid;
}

LevelTable tableOf(const QParams& grid) {
    if (!grid.isUniform()) {
        return grid.tables[0];
    }
    std::vector<float> witness;
    for (std::int32_t code = grid.quantMin; code <= grid.quantMax; ++code) {
        // Rounding down needs a value inside the code's interval; for the others that is the middle of it.
        const double inside = grid.rounding == Rounding::Floor ? 0.5 : 0.0;
        witness.push_back(static_cast<float>(grid.value(code) + inside * static_cast<double>(grid.scale[0])));
    }
    return tableOfKernel(
        [&](std::span<const float> in, std::span<float> out) { fakeQuantize(in, out, grid); }, witness);
}

QParams joinGrids(std::vector<QParams> grids, std::optional<int> axis) {
    if (!std::all_of(grids.begin(), grids.end(), [](const QParams& grid) { return grid.isUniform(); })) {
        std::vector<LevelTable> tables;
        for (const QParams& grid : grids) {
            tables.push_back(tableOf(grid));
        }
        return tableGrid(std::move(tables), axis);
    }
    QParams result = std::move(grids.front());
    result.axis = axis;
    for (std::size_t s = 1; s < grids.size(); ++s) {
        result.scale.push_back(grids[s].scale[0]);
        result.zeroPoint.push_back(grids[s].zeroPoint[0]);
    }
    return result;
}

}  // namespace bitlathe::core
