#pragma once

namespace bitlathe::core {

/// Where golden section search ended, and the best point it looked at.
struct GoldenSection {
    double low = 0;
    double high = 0;
    double best = 0;
    double bestValue = 0;
};

/// Least value of a function with one minimum in [low, high] (with several: one of them). Stops after `steps` steps
/// or when the interval is narrower than tolerance * (1 + high).
template <typename Function>
GoldenSection goldenSection(const Function& f, double low, double high, int steps, double tolerance = 0) {
    constexpr double kGolden = 0.6180339887498949;
    double left = high - kGolden * (high - low);
    double right = low + kGolden * (high - low);
    double leftValue = f(left);
    double rightValue = f(right);
    GoldenSection result{low, high, left, leftValue};
    const auto look = [&](double x, double value) {
        if (value < result.bestValue) {
            result.best = x;
            result.bestValue = value;
        }
    };
    look(right, rightValue);
    for (int step = 0; step < steps && high - low > tolerance * (1 + high); ++step) {
        if (leftValue < rightValue) {
            high = right;
            right = left;
            rightValue = leftValue;
            left = high - kGolden * (high - low);
            leftValue = f(left);
            look(left, leftValue);
        } else {
            low = left;
            left = right;
            leftValue = rightValue;
            right = low + kGolden * (high - low);
            rightValue = f(right);
            look(right, rightValue);
        }
    }
    result.low = low;
    result.high = high;
    return result;
}

}  // namespace bitlathe::core
