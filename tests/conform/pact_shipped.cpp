#include "core/deploy/integer_engine.h"
#include "core/deploy/lower.h"
#include "core/deploy/reference_engine.h"
#include "core/graph/prepare.h"
#include "tests/conform/pact_cases.h"
#include "tests/support/simulated_model.h"

#include <optional>
#include <set>

namespace bitlathe::conform::pact_cases {

namespace {

/// The same grid as a plan holds it: one slice, or one per output channel.
QParams weightGrid(const Tensor& w, const WeightScheme& scheme, const Norm& norm) {
    std::vector<float> values = w.floats();
    const std::vector<Slice> channels = slices(w.shape, 0);
    for (std::size_t c = 0; scheme.isFolded && !norm.empty() && c < channels.size(); ++c) {
        for (const std::size_t i : channels[c]) {
            values[i] = static_cast<float>(values[i] * norm.factor(c));
        }
    }
    const bool isPerChannel = scheme.quantizer == "PerChannelsAsymMinMax";
    QParams all;
    for (const Slice& slice : isPerChannel ? channels : slices(w.shape, std::nullopt)) {
        const std::vector<float> part = gather(values, slice);
        const auto [low, high] = std::minmax_element(part.begin(), part.end());
        const QParams grid = scheme.thresholds ? clippedWeightGrid(part, *scheme.thresholds, scheme.bits)
                                               : anchoredGrid({*low, *high}, scheme.bits);
        all.quantMin = grid.quantMin;
        all.quantMax = grid.quantMax;
        all.rounding = grid.rounding;
        all.scale.push_back(grid.scale[0]);
        all.zeroPoint.push_back(grid.zeroPoint[0]);
    }
    all.axis = isPerChannel ? std::optional<int>(0) : std::nullopt;
    return all;
}

/// The network's convolutions as the workbench has them: a graph with its batch norms, and a plan with the
/// file's grids.
struct ShippedNetwork {
    PreparedModel model;
    QuantPlan plan;
};

QParams uniformGrid(double scale, std::int32_t lower, std::int32_t upper) {
    QParams grid;
    grid.scale = {static_cast<float>(scale)};
    grid.zeroPoint = {0};
    grid.quantMin = lower;
    grid.quantMax = upper;
    grid.rounding = Rounding::Floor;
    return grid;
}

ShippedNetwork shippedNetwork(const Case& item, const std::vector<NetLayer>& layers, const Tensor& x,
                              double inputScale) {
    const bool isFolded = item.text("fold_type") == "folding_weights";
    std::set<LayerId> keep;
    for (std::size_t l = 0; !isFolded && l + 1 < layers.size(); ++l) {
        keep.insert(layerName(l));
    }
    ShippedNetwork network{prepare(shippedConvolutions(layers, x), {}, keep), {}};
    network.plan.sites[{kInputLayer, SiteKind::Output}] = uniformGrid(inputScale, -128, 127);
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
        const WeightScheme scheme = schemeOf(item, layers[l]);
        const LayerId id = layerName(l);
        const std::int32_t steps = (1 << layers[l].actBits) - 1;
        network.plan.sites[{id, SiteKind::Output}] = uniformGrid(layers[l].alpha / steps, 0, steps);
        network.plan.sites[{id, SiteKind::Weight}] = weightGrid(layers[l].weight, scheme, layers[l].norm);
        if (!isFolded) {
            network.plan.batchNorm[id] = BatchNormMode::Icn;
        }
    }
    return network;
}

}  // namespace

LayerId layerName(std::size_t index) {
    return LayerId("conv" + std::to_string(index));
}

Graph shippedConvolutions(const std::vector<NetLayer>& layers, const Tensor& x) {
    Graph graph;
    graph.name = "golden";
    graph.nodes.push_back({"input", InputOp{}, {}, {1, x.dim(1), x.dim(2), x.dim(3)}});
    NodeId node = 0;
    Tensor shape = x;
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
        const NetLayer& layer = layers[l];
        const ConvShape geometry = samePadding(shape, layer);
        Conv2dOp conv;
        conv.weight = FloatTensor(layer.weight.shape, layer.weight.floats());
        conv.stride = {layer.stride, layer.stride};
        std::copy(geometry.padding.begin(), geometry.padding.end(), conv.padding.begin());
        conv.groups = layer.groups;
        node = graph.append(layerName(l).str(), conv, {node});
        BatchNormOp norm;
        norm.gamma = vectorOf(layer.norm.gamma);
        norm.beta = vectorOf(layer.norm.beta);
        norm.mean = vectorOf(layer.norm.mean);
        norm.variance = vectorOf(layer.norm.variance);
        norm.epsilon = layer.norm.epsilon;
        node = graph.append("norm" + std::to_string(l), norm, {node});
        const std::int64_t size = (shape.dim(2) + layer.stride - 1) / layer.stride;
        shape.shape = {1, layer.weight.dim(0), size, size};
    }
    graph.output = node;
    return graph;
}

void checkShippedIntegers(Case& item, const std::vector<NetLayer>& layers, const Tensor& x,
                          double inputScale) {
    const ShippedNetwork network = shippedNetwork(item, layers, x, inputScale);
    const IntegerGraph graph = lower(network.model, network.plan);
    IntegerEngine engine(graph);
    const std::int64_t images = x.dim(0);
    Codes input;
    for (const Slice& image : slices(x.shape, 0)) {
        Codes planar;
        for (const std::size_t i : image) {
            planar.push_back(static_cast<std::int32_t>(x.values[i]));
        }
        const Codes interleaved = tests::channelsLast(planar, x.dim(1));
        input.insert(input.end(), interleaved.begin(), interleaved.end());
    }
    const auto made = engine.runAllLayers(input);
    const auto perImage = static_cast<std::ptrdiff_t>(graph.inputTensor().elements());
    for (std::size_t l = 0; l < graph.layers.size(); ++l) {
        const Json& wanted = item.expected()["layers"][l];
        const std::string where = "lowered layer " + std::to_string(l) + " ";
        const auto& conv = std::get<IntegerConv>(graph.layers[l].op);
        const IntegerTensor& tensor = graph.tensor(graph.layers[l].output);
        std::vector<double> mantissas;
        std::vector<double> exponents;
        for (const FixedFactor& factor : conv.output.factors) {
            mantissas.push_back(factor.mantissa);
            exponents.push_back(factor.exponent);
        }
        item.compare(where + "m0_q31", wanted["m0_q31"], mantissas, {0, 4e-7});
        item.compare(where + "n_exp", wanted["n_exp"], exponents, {});
        std::vector<double> wantedBias = flatten(wanted["bias_int"]);
        const auto bias = plainBias(conv, graph.tensor(graph.layers[l].inputs[0]).zeroPoint);
        const WeightScheme scheme = schemeOf(item, layers[l]);
        const std::vector<float> real = realBias(layers[l].norm, scheme.isFolded, {});
        const std::vector<float> weightScale =
            quantizeWeights(layers[l].weight, scheme, layers[l].norm).scale;
        for (std::size_t c = 0; c < bias.size(); ++c) {
            const auto step = static_cast<float>(inputScale * weightScale[weightScale.size() == 1 ? 0 : c]);
            if (std::fabs(bias[c] - wantedBias[c]) == 1 && isTie(real[c], step)) {
                wantedBias[c] = bias[c];
            }
        }
        inputScale = layers[l].alpha / ((1 << layers[l].actBits) - 1);
        item.compare(where + "bias_int", wantedBias, {bias.begin(), bias.end()}, {});
        std::vector<double> codes;
        for (std::int64_t n = 0; n < images; ++n) {
            const Codes image(input.begin() + n * perImage, input.begin() + (n + 1) * perImage);
            const Codes reference =
                runReference(graph, image)[static_cast<std::size_t>(graph.layers[l].output)];
            const auto first = made[l].begin() + static_cast<std::ptrdiff_t>(n * tensor.elements());
            item.require(std::equal(reference.begin(), reference.end(), first),
                         where + "the engines disagree");
            const std::int64_t pixels = std::int64_t{tensor.rows} * tensor.columns;
            const Codes planar = tests::channelsLast(reference, pixels);  // pixels and channels change places
            codes.insert(codes.end(), planar.begin(), planar.end());
        }
        item.compare(where + "out", wanted["out"], codes, {});
    }
}

}  // namespace bitlathe::conform::pact_cases
