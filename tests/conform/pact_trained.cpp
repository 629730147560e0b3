#include "tests/conform/pact_cases.h"
#include "tests/conform/trained_step.h"

#include <algorithm>

namespace bitlathe::conform::pact_cases {

namespace {

const LayerId kHead("head");
constexpr Tolerance kStep{2e-6, 5e-5};  // gradients pass four layers of float32, here and in the reference

/// The bias as codes of its accumulator: training leaves biases float, the case rounds them.
std::vector<double> roundedBias(const Case& item, const NetLayer& layer, double inputScale) {
    const std::vector<float> scale = quantizeWeights(layer.weight, schemeOf(item, layer), layer.norm).scale;
    const QuantizedBias codes = biasCodes(realBias({}, false, layer.bias), inputScale, scale);
    std::vector<double> values;
    for (std::size_t c = 0; c < layer.bias.size(); ++c) {
        values.push_back(codes.value(c));
    }
    return values;
}

Graph headOf(const NetLayer& layer, const Tensor& x) {
    Graph graph;
    graph.name = "head";
    const NodeId pool = graph.append("pool", GlobalAveragePoolOp{}, {graph.append("input", InputOp{}, {})});
    graph.output = graph.append(
        kHead.str(), LinearOp{FloatTensor(layer.weight.shape, layer.weight.floats()), vectorOf(layer.bias)},
        {graph.append("flatten", FlattenOp{}, {pool})});
    inferShapes(graph, {1, x.dim(1), x.dim(2), x.dim(3)});
    return graph;
}

QuantConfig configOf(const Case& item, const LayerId& id, const NetLayer& layer) {
    constexpr double kRange = 1;  // of the registry's choices
    constexpr double kFloor = 3;
    constexpr double kOpen = 1;
    QuantConfig config;
    LayerQuant& quant = config.layers[id];
    quant.weight.bits = BitWidth(item.integer("weight_bits"));
    quant.weight.quantizer = {"asym_pact", {{"start", kRange}}};
    quant.weight.manualRange = layer.thresholds;
    quant.batchNorm = BatchNormMode::Icn;
    if (!layer.isLast) {
        quant.output.bits = BitWidth(layer.actBits);
        quant.output.quantizer = {"pact",
                                  {{"alpha", layer.alpha}, {"rounding", kFloor}, {"gradient", kOpen}}};
        quant.output.manualRange = Range{0, layer.alpha};
    }
    return config;
}

/// A layer's step against what the case says of the layer.
void compareLayer(Case& item, std::size_t index, const LayerId& id, const NetLayer& layer,
                  const TrainedStep& step) {
    const Json& wanted = item.expected()["layers"][index];
    const std::string where = "layer " + std::to_string(index) + " ";
    std::vector<float> weights = layer.weight.floats();
    fakeQuantize(weights, weights, step.plan.sites.at({id, SiteKind::Weight}));
    item.compare(where + "weight_q", wanted["weight_q"], {weights.begin(), weights.end()}, {1e-6, 1e-5});
    const auto compare = [&](const char* what, const char* parameter) {
        if (wanted.contains(what)) {
            item.compare(where + what, wanted[what], step.gradient(id.str() + parameter).values, kStep);
        }
    };
    compare("grad_weight", ".weight");
    compare("grad_bias", ".bias");
    compare("grad_alpha", ".output.alpha");
    compare("grad_w_min", ".weight.lower");
    compare("grad_w_max", ".weight.upper");
}

/// Whether the case's grid has a code for zero. Weights of one sign give the reference a zero point outside its codes,
/// which no engine stores: the trainer's grid reaches to zero instead, so the step is compared on the kernels.
bool holdsZero(const NetLayer& layer, int bits) {
    const QParams grid = clippedWeightGrid(layer.weight.floats(), *layer.thresholds, bits);
    return grid.zeroPoint[0] >= grid.quantMin && grid.zeroPoint[0] <= grid.quantMax;
}

}  // namespace

bool isTrainable(const Case& item) {
    return item.hasInput("target") && item.text("variant") == "clean" && item.text("fold_type") == "ICN" &&
           item.text("quantizer") == "PerLayerAsymPACT" &&
           std::ranges::all_of(layersOf(item.inputs()["layers"]), [&](const NetLayer& layer) {
               return layer.thresholds && holdsZero(layer, item.integer("weight_bits"));
           });
}

// Layer by layer, each with the input the case's forward pass gives it. The reference's float32 takes a saturated value
// to the last code but one where its scale times alpha falls below the last; a grid takes it to the last, so the layers
// behind would see other values than the case's.
void runTrainedStep(Case& item) {
    std::vector<NetLayer> layers = layersOf(item.inputs()["layers"]);
    const Forward forward = fakeForward(item, layers, item.input("x"), /*inputScale=*/1);
    layers.back().bias = roundedBias(item, layers.back(), forward.layers.back().inputScale);
    const std::vector<double> target = flatten(item.inputs()["target"]);

    std::size_t index = layers.size() - 1;
    const Tensor& features = forward.layers[index - 1].output;
    const Graph head = headOf(layers[index], features);
    const QuantConfig headConfig = configOf(item, kHead, layers[index]);
    const TrainedStep learned = learnFromLabels(head, headConfig, features, {target.begin(), target.end()});
    item.check("logits", learned.output.values, {1e-5, 1e-5});
    item.check("loss", learned.loss, {1e-5, 1e-5});
    compareLayer(item, index, kHead, layers[index], learned);
    Tensor upstream =
        learnFromGradient(head, headConfig, features, crossEntropyOf(learned.output, target).gradient)
            .gradient("input");
    while (index-- > 0) {
        const Tensor& x = forward.layers[index].input;
        const TrainedStep step = learnFromGradient(shippedConvolutions({layers[index], layers.back()}, x),
                                                   configOf(item, layerName(0), layers[index]), x, upstream);
        compareLayer(item, index, layerName(0), layers[index], step);
        upstream = step.gradient("input");
    }
    item.setAside("layers", "compared layer by layer");
}

}  // namespace bitlathe::conform::pact_cases
