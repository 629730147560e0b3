#include "tests/conform/power_of_two_cases.h"

namespace bitlathe::conform::power_of_two_cases {

namespace {

Rounding roundingOf(const std::string& name) {
    return name == "round_sym" ? Rounding::HalfAway
                               : (name == "round_up" ? Rounding::HalfUp : Rounding::HalfEven);
}

}  // namespace

void runPowers(Case& item) {
    std::vector<double> up;
    std::vector<double> down;
    std::vector<double> nearest;
    for (const float x : item.floats("x")) {  // float32: eight digits fall on either side of 2^-16
        up.push_back(std::ldexp(1.0, ceilLog2(x)));
        down.push_back(std::ldexp(1.0, floorLog2(x)));
        nearest.push_back(std::ldexp(1.0, roundLog2(x)));
    }
    item.check("ceil2", up, {0, 1e-7});        // the file has eight digits
    item.check("floor2", down, {0, 1e-7});     // the file has eight digits
    item.check("round2", nearest, {0, 1e-7});  // the file has eight digits
}

void runRoundings(Case& item) {
    for (const std::string name : {"round_sym", "round_up", "round_torch"}) {
        std::vector<double> y;
        for (const float x : item.floats("x")) {
            y.push_back(roundTo(x, roundingOf(name)));
        }
        item.check(name, y, {});
    }
}

void runGrid(Case& item) {
    const std::vector<float> x = item.floats("x");
    const double multiplier =
        item.flag("power2") ? std::ldexp(1.0, floorLog2(item.number("scale"))) : item.number("scale");
    QParams grid;
    grid.scale = {static_cast<float>(1 / multiplier)};
    grid.zeroPoint = {0};
    const auto limit = [&](const char* key) {
        return item.params()[key].is_string() ? std::stoi(item.text(key)) : item.integer(key);
    };
    grid.quantMin = limit("width_min");
    grid.quantMax = limit("width_max_inclusive");
    grid.rounding = roundingOf(item.text("round_type"));
    std::vector<float> y(x.size());
    fakeQuantize(x, y, grid);
    item.check("y", y, toleranceOf(item));
    QParams unclamped = grid;
    unclamped.quantMin = -(1 << 20);
    unclamped.quantMax = 1 << 20;
    std::vector<std::int32_t> codes(x.size());
    quantize(x, codes, unclamped);
    item.checkExact("scaled_rounded_before_clamp", {codes.begin(), codes.end()});
}

void runWeights(Case& item) {
    const Tensor w = item.input("w");
    const std::vector<float> values = w.floats();
    const int bits = item.integer("bits");
    const bool isExact = item.hasParam("power2_weight_range") && !item.flag("power2_weight_range");
    const PowerOfTwoQuantizer quantizer(Rounding::HalfAway, Sign::Signed,
                                        isExact ? Spacing::Exact : Spacing::PowerOfTwo);
    std::vector<Slice> parts = slices(w.shape, std::nullopt);
    if (item.flag("per_channel")) {
        parts = slices(w.shape, item.integer("channel_axis"));
    }
    std::vector<Range> ranges;
    for (const Slice& part : parts) {
        ranges.push_back(extremaOf(gather(values, part)));
    }
    const QParams tensorGrid = quantizer.Quantizer::qparams(extremaOf(values), BitWidth(bits));
    const QParams grid = quantizer.qparams(ranges, BitWidth(bits), 0);
    std::vector<float> out(values.size());
    std::vector<std::int64_t> codes(values.size());
    std::vector<double> multipliers;
    for (std::size_t s = 0; s < parts.size(); ++s) {
        std::vector<float> part = gather(values, parts[s]);
        QParams unclamped = grid;
        unclamped.quantMin = -(1 << 20);
        unclamped.quantMax = 1 << 20;
        std::vector<std::int32_t> own(part.size());
        quantize(part, own, unclamped, s);
        fakeQuantize(part, part, grid, s);
        scatter(out, parts[s], part);
        for (std::size_t i = 0; i < own.size(); ++i) {
            codes[parts[s][i]] = own[i];
        }
        multipliers.push_back(1 / static_cast<double>(grid.scale[s]));
    }
    item.check("clip_max", std::ldexp(static_cast<double>(tensorGrid.scale[0]), bits - 1), toleranceOf(item));
    item.check("scale", multipliers, toleranceOf(item));
    item.check("w_dequantized", out, toleranceOf(item));
    item.checkExact("q_before_clamp", codes);
}

void runActivation(Case& item) {
    const std::vector<float> x = item.floats("x");
    const int bits = item.integer("bits");
    const std::vector<double> stored = flatten(item.params()["stored_range"]);
    std::optional<bool> isSigned;
    if (item.hasParam("signed")) {
        isSigned = item.flag("signed");
    }
    const QParams grid = activationGrid({stored[0], stored[1]}, isSigned, bits);
    const Range clip = clipOf(grid, bits);
    std::vector<float> y(x.size());
    std::vector<float> gradient(x.size(), 1.0F);
    fakeQuantize(x, y, grid);
    clampBackward(x, gradient, gradient, static_cast<float>(clip.lower), static_cast<float>(clip.upper));
    item.check("clip_min2", clip.lower, toleranceOf(item));
    item.check("clip_max2", clip.upper, toleranceOf(item));
    item.check("scale", 1 / static_cast<double>(grid.scale[0]), toleranceOf(item));
    item.check("y", y, toleranceOf(item));
    item.check("grad_of_sum", gradient, toleranceOf(item));
}

}  // namespace bitlathe::conform::power_of_two_cases
