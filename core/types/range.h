#pragma once

namespace bitlathe::core {

/// Closed interval of real values a quantizer represents; units of the observed tensor.
/// A range is whatever an observer found: it need not contain zero; quantizers extend it to zero
/// where their grid requires so (README eq. 3).
struct Range {
    double lower = 0.0;
    double upper = 0.0;

    double width() const noexcept { return upper - lower; }
    bool contains(double x) const noexcept { return x >= lower && x <= upper; }
    bool operator==(const Range&) const = default;
};

}  // namespace bitlathe::core
