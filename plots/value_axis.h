#pragma once

namespace bitlathe::plots {

/// A linear axis as it lies on the screen: what parts of a plot need to know of it.
struct ValueAxis {
    double lower = 0;  ///< value at `left`
    double upper = 1;  ///< value at `right`
    double left = 0;   ///< px of the widget
    double right = 1;

    double xOf(double value) const noexcept {
        return left + (value - lower) / (upper - lower) * (right - left);
    }
    double valueAt(double x) const noexcept { return lower + (x - left) / (right - left) * (upper - lower); }
    bool isVisible(double x) const noexcept { return x >= left - 1 && x <= right + 1; }
};

}  // namespace bitlathe::plots
