#include "tests/conform/min_max_cases.h"
#include "tests/conform/trained_step.h"

namespace bitlathe::conform::min_max_cases {

namespace {

constexpr double kHalfAway = 1;  // of the registry's choices
constexpr double kPass = 2;

/// The family's scheme by the names of the registry: straight through everywhere.
MethodSpec symmetricSpec(bool isSigned) {
    return {"symmetric", {{"sign", isSigned ? 1.0 : 2.0}, {"rounding", kHalfAway}, {"gradient", kPass}}};
}

Graph layerOf(const Case& item) {
    const Tensor x = item.input("x");
    const Tensor w = item.input("w");
    Conv2dOp conv;
    conv.weight = FloatTensor(w.shape, w.floats());
    conv.bias = vectorOf(item.input("bias").values);
    conv.padding.fill(static_cast<std::int64_t>(item.number("padding")));
    conv.stride.fill(static_cast<std::int64_t>(item.number("stride")));
    Graph graph;
    graph.name = "layer";
    graph.output = graph.append("conv", conv, {graph.append("input", InputOp{}, {})});
    if (item.flag("fake_bn")) {
        const auto vector = [&](const char* key) { return vectorOf(item.input(key).values); };
        graph.output = graph.append("bn",
                                    BatchNormOp{vector("gamma"), vector("beta"), vector("running_mean"),
                                                vector("running_var"), item.number("eps", 1e-10), 0.1},
                                    {graph.output});
    }
    inferShapes(graph, {1, x.dim(1), x.dim(2), x.dim(3)});
    return graph;
}

QuantConfig configOf(const Case& item) {
    const bool isSigned = item.flag("signed");
    const Tensor x = item.input("x");
    const double reach = meanSampleMagnitude(x.floats(), static_cast<std::size_t>(x.dim(0)));
    QuantConfig config;
    config.input.bits = BitWidth(item.integer("bits"));
    config.input.quantizer = symmetricSpec(isSigned);
    config.input.manualRange = Range{isSigned ? -reach : 0.0, reach};
    LayerQuant& layer = config.layers[LayerId("conv")];
    layer.weight.bits = BitWidth(item.integer("bits"));
    layer.weight.quantizer = symmetricSpec(true);
    if (item.text("quant_type") == "channel") {
        layer.weight.granularity.kind = Granularity::Kind::Channel;
    }
    layer.batchNorm = item.flag("fake_bn") ? BatchNormMode::FakeBn : BatchNormMode::Folded;
    return config;
}

/// channels  of dim 0
std::vector<float> onGrid(const std::vector<float>& values, const QParams& grid, std::int64_t channels) {
    std::vector<float> result(values.size());
    fakeQuantizeTensor(values, result, grid, 1, channels,
                       static_cast<std::int64_t>(values.size()) / channels);
    return result;
}

}  // namespace

/// The layer as the shipped trainer computes it: quantizers, folding of the batch norm, and their gradients.
void runTrainingStep(Case& item) {
    const Graph graph = layerOf(item);
    const TrainedStep step = learnFromGradient(graph, configOf(item), item.input("x"), item.input("dy"));
    const Graph folded = foldBatchNorm(graph);
    const auto& weight = std::get<Conv2dOp>(folded.node(1).op).weight.values();
    const QParams& ofInput = step.plan.sites.at({kInputLayer, SiteKind::Output});
    const QParams& ofWeight = step.plan.sites.at({LayerId("conv"), SiteKind::Weight});
    item.check("xq", onGrid(item.input("x").floats(), ofInput, item.input("x").dim(0)), toleranceOf(item));
    item.check("wq", onGrid({weight.begin(), weight.end()}, ofWeight, item.input("w").dim(0)),
               toleranceOf(item));
    item.check("y", step.output.values, toleranceOf(item));
    item.check("grad_x", step.gradient("input").values, toleranceOf(item));
    item.check("grad_w", step.gradient("conv.weight").values, toleranceOf(item));
    item.check("grad_bias", step.gradient("conv.bias").values, toleranceOf(item));
    if (item.flag("fake_bn")) {
        item.check("grad_gamma", step.gradient("bn.gamma").values, toleranceOf(item));
        item.check("grad_beta", step.gradient("bn.beta").values, toleranceOf(item));
    }
}

}  // namespace bitlathe::conform::min_max_cases
