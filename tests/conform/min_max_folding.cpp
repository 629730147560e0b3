#include "tests/conform/min_max_cases.h"

namespace bitlathe::conform::min_max_cases {

namespace {

/// Weight and bias with the batch norm folded in, by the library's own folding.
struct Folded {
    Tensor weight;
    std::vector<double> bias;
};

Folded fold(const Case& item, double epsilon) {
    const Tensor w = item.input("w");
    const auto vector = [&](const char* key) {
        const std::vector<float> values = item.floats(key);
        return FloatTensor({static_cast<std::int64_t>(values.size())}, values);
    };
    Conv2dOp conv;
    conv.weight = FloatTensor(w.shape, w.floats());
    conv.bias = vector("bias");
    conv.padding = {1, 1, 1, 1};
    const std::int64_t channels = w.dim(1) == 1 ? w.dim(0) : w.dim(1);
    conv.groups = channels / w.dim(1);
    Graph graph;
    const NodeId input = graph.append("input", InputOp{}, {});
    const NodeId convId = graph.append("conv", conv, {input});
    graph.output = graph.append("bn",
                                BatchNormOp{vector("gamma"), vector("beta"), vector("running_mean"),
                                            vector("running_var"), epsilon, 0.1},
                                {convId});
    inferShapes(graph, {1, channels, 8, 8});
    const Graph folded = foldBatchNorm(graph);
    for (const Node& node : folded.nodes) {
        if (const auto* op = std::get_if<Conv2dOp>(&node.op)) {
            const auto weights = op->weight.values();
            const auto bias = op->bias.values();
            return {{w.shape, {weights.begin(), weights.end()}}, {bias.begin(), bias.end()}};
        }
    }
    return {};
}

}  // namespace

void runFolding(Case& item) {
    const Folded merged = fold(item, item.number("eps"));
    const std::int64_t perSlice = item.text("quant_type") == "layer" ? merged.weight.dim(0) : 1;
    const Result q = quantizeWeights(merged.weight, perSlice, item.integer("bits"));
    item.check("w_merged", merged.weight.values, toleranceOf(item));
    item.check("bias_merged", merged.bias, toleranceOf(item));
    item.check("w_merged_eps_1e-5", fold(item, 1e-5).weight.values, toleranceOf(item));
    item.check("scale", std::vector<double>(q.scale.begin(), q.scale.end()), toleranceOf(item));
    item.check("w_quantised", q.values, toleranceOf(item));
}

void runFoldingStatistics(Case& item) {
    const Tensor w = item.input("w");
    const std::vector<double> bias = item.input("bias").values;
    std::vector<MovingAverage> mean;
    std::vector<MovingAverage> variance;
    const std::vector<double> mean0 = item.input("running_mean0").values;
    const std::vector<double> variance0 = item.input("running_var0").values;
    for (std::size_t c = 0; c < mean0.size(); ++c) {
        mean.emplace_back(1 - item.number("momentum"), mean0[c]);
        variance.emplace_back(1 - item.number("momentum"), variance0[c]);
    }
    const Json& after = item.expected()["after_each"];
    for (std::size_t i = 0; i < after.size(); ++i) {
        const Tensor y = conv2d(item.input("x" + std::to_string(i)), w, bias,
                                same(static_cast<std::int64_t>(item.number("padding")),
                                     static_cast<std::int64_t>(item.number("stride"))));
        std::vector<double> batchMean = channelSums(y);
        const double count = static_cast<double>(y.size()) / static_cast<double>(batchMean.size());
        Tensor squares = y;
        const std::vector<Slice> channels = slices(y.shape, 1);
        std::vector<double> batchVariance(batchMean.size(), 0.0);
        std::vector<double> runningMean;
        std::vector<double> runningVariance;
        for (std::size_t c = 0; c < channels.size(); ++c) {
            batchMean[c] /= count;
            for (const std::size_t k : channels[c]) {
                batchVariance[c] += (y.values[k] - batchMean[c]) * (y.values[k] - batchMean[c]) / count;
            }
            runningMean.push_back(mean[c].add(batchMean[c]));
            runningVariance.push_back(variance[c].add(batchVariance[c]));
        }
        const std::string where = "batch " + std::to_string(i) + " ";
        item.compare(where + "batch_mean", after[i]["batch_mean"], batchMean, toleranceOf(item));
        item.compare(where + "batch_var", after[i]["batch_var"], batchVariance, toleranceOf(item));
        item.compare(where + "running_mean", after[i]["running_mean"], runningMean, toleranceOf(item));
        item.compare(where + "running_var", after[i]["running_var"], runningVariance, toleranceOf(item));
    }
    item.setAside("after_each", "compared entry by entry");
}

}  // namespace bitlathe::conform::min_max_cases
