#include "tests/conform/power_of_two_cases.h"

namespace bitlathe::conform::power_of_two_cases {

void runExtrema(Case& item) {
    std::vector<float> values;
    if (item.hasInput("x")) {
        const Tensor x = item.input("x");
        const double percent = item.number("percentile_of_100");
        values = x.floats();
        if (percent > 0) {
            values = subsampled(values, x.shape, static_cast<int>(item.number("row_offset", 0)),
                                static_cast<int>(item.number("col_offset", 0)));
        }
    } else {
        auto state = static_cast<std::uint64_t>(item.number("seed"));
        for (std::size_t i = 0; i < static_cast<std::size_t>(item.number("n")); ++i) {
            state = (state * 1664525 + 1013904223) % (std::uint64_t{1} << 32);
            const double u = static_cast<double>(state) / 2147483648.0 - 1;
            values.push_back(
                static_cast<float>(std::copysign(std::pow(std::fabs(u), item.number("p")), u) * 4));
        }
    }
    const Range found = histogramExtrema(values, item.number("percentile_of_100"));
    const Range raw = extremaOf(values);
    item.check("min", found.lower, toleranceOf(item));
    item.check("max", found.upper, toleranceOf(item));
    item.check("raw_min", raw.lower, toleranceOf(item));
    item.check("raw_max", raw.upper, toleranceOf(item));
}

void runTracker(Case& item) {
    std::optional<bool> isSigned;
    if (item.hasParam("signed")) {
        isSigned = item.flag("signed");
    }
    RangeTracker tracker;
    std::vector<double> after;
    for (int i = 0; item.hasInput("batch" + std::to_string(i)); ++i) {
        const Tensor batch = item.input("batch" + std::to_string(i));
        const double percent = item.number("range_shrink_percent");
        const std::vector<float> values =
            percent > 0 ? subsampled(batch.floats(), batch.shape, 0, 0) : batch.floats();
        const Range range = tracker.update(histogramExtrema(values, percent));
        const Range clip = clipOf(activationGrid(range, isSigned, 8), 8);
        after.insert(after.end(), {range.lower, range.upper, clip.lower, clip.upper});
    }
    item.check("after_each", after, toleranceOf(item));
}

void runConstraint(Case& item) {
    std::vector<float> w = item.floats("w");
    constrainWeights(w, item.number("clamp_ratio"), item.number("clamp_value"));
    item.check("w_out", w, toleranceOf(item));
}

}  // namespace bitlathe::conform::power_of_two_cases
