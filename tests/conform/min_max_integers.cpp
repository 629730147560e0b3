#include "tests/conform/min_max_cases.h"

namespace bitlathe::conform::min_max_cases {

void runIntegerConvolution(Case& item) {
    const Tensor raw = item.input("x");
    const Tensor w = item.input("w");
    const auto groups = static_cast<std::int64_t>(item.number("groups"));
    Tensor x{{raw.dim(0), raw.dim(1), raw.dim(2) + 2, raw.dim(3) + 2}, {}};
    for (std::int64_t plane = 0; plane < raw.dim(0) * raw.dim(1); ++plane) {
        for (std::int64_t r = -1; r <= raw.dim(2); ++r) {
            for (std::int64_t c = -1; c <= raw.dim(3); ++c) {
                const bool isInside = r >= 0 && r < raw.dim(2) && c >= 0 && c < raw.dim(3);
                x.values.push_back(
                    isInside ? raw.values[static_cast<std::size_t>((plane * raw.dim(2) + r) * raw.dim(3) + c)]
                             : 0.0);
            }
        }
    }
    const bool isSigned = item.text("input_type") == "int8";
    const Result qx = quantizeTo(x.floats(), largestMagnitude(x.floats()), 8, isSigned);
    const Result qw = quantizeWeights(w, w.dim(0), 8);
    QParams in;
    in.scale = qx.scale;
    QParams weight;
    weight.scale = qw.scale;
    const QuantizedBias bias = quantizedBias(item.floats("bias"), in, weight);
    const Tensor acc =
        conv2d({x.shape, {qx.codes.begin(), qx.codes.end()}}, {w.shape, {qw.codes.begin(), qw.codes.end()}},
               {bias.codes.begin(), bias.codes.end()}, same(0, 1, groups));
    std::vector<double> y;
    for (const double a : acc.values) {
        y.push_back(a * bias.scale[0]);
    }
    item.check("in_scale", qx.scale[0], toleranceOf(item));
    item.check("w_scale", qw.scale[0], toleranceOf(item));
    item.checkExact("qx_padded", wide(qx.codes));
    item.checkExact("qw", wide(qw.codes));
    item.checkExact("qb", wide(bias.codes));
    item.check("acc_int32", acc.values, {});
    item.check("y", y, toleranceOf(item));
}

void runNcnnConvolution(Case& item) {
    // ncnn multiplies by 127 / threshold; the library divides by the step. The cases keep values away from
    // ties.
    Tensor x = item.input("x");
    const Tensor w = item.input("w");
    const auto groups = static_cast<std::int64_t>(item.number("groups"));
    const double inScale = item.inputs()["in_scale"].get<double>();
    const std::vector<double> wScales = item.input("w_scales").values;
    const auto codesOf = [](const std::vector<float>& values, double multiplier) {
        QParams grid;
        grid.scale = {static_cast<float>(1 / multiplier)};
        grid.zeroPoint = {0};
        grid.quantMin = -127;
        grid.quantMax = 127;
        grid.rounding = Rounding::HalfAway;
        std::vector<std::int32_t> codes(values.size());
        quantize(values, codes, grid);
        return codes;
    };
    const std::vector<std::int32_t> qx = codesOf(x.floats(), inScale);
    std::vector<std::int32_t> qw(w.size());
    const std::vector<Slice> channels = slices(w.shape, 0);
    const std::vector<float> weights = w.floats();
    for (std::size_t c = 0; c < channels.size(); ++c) {
        const std::vector<std::int32_t> codes =
            codesOf(gather(weights, channels[c]), wScales[wScales.size() == 1 ? 0 : c]);
        for (std::size_t i = 0; i < codes.size(); ++i) {
            qw[channels[c][i]] = codes[i];
        }
    }
    const std::vector<std::int64_t> batched{1, x.dim(0), x.dim(1), x.dim(2)};
    const Tensor acc = conv2d({batched, {qx.begin(), qx.end()}}, {w.shape, {qw.begin(), qw.end()}}, {},
                              same(static_cast<std::int64_t>(item.number("padding")),
                                   static_cast<std::int64_t>(item.number("stride")), groups));
    const std::vector<double> bias = item.input("bias").values;
    const std::vector<Slice> outputs = slices(acc.shape, 1);
    std::vector<float> y(acc.size());
    for (std::size_t c = 0; c < outputs.size(); ++c) {
        for (const std::size_t i : outputs[c]) {
            y[i] = static_cast<float>(
                std::max(0.0, acc.values[i] / (inScale * wScales[wScales.size() == 1 ? 0 : c]) + bias[c]));
        }
    }
    item.checkExact("qx", wide(qx));
    item.checkExact("qw", wide(qw));
    item.check("acc", acc.values, {});
    item.check("y_relu", y, toleranceOf(item));
    item.checkExact("requantised", wide(codesOf(y, item.inputs()["top_scale"].get<double>())));
}

}  // namespace bitlathe::conform::min_max_cases
