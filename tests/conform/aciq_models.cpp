#include "tests/conform/aciq_cases.h"

namespace bitlathe::conform::aciq_cases {

namespace {

/// The same per channel.
void averageChannelExtrema(std::vector<Description>& channels, const Tensor& x) {
    const std::vector<float> values = x.floats();
    const std::vector<Slice> planes =
        slices({x.dim(0) * x.dim(1), static_cast<std::int64_t>(values.size()) / (x.dim(0) * x.dim(1))}, 0);
    const auto samples = static_cast<double>(x.dim(0));
    for (std::size_t c = 0; c < channels.size(); ++c) {
        channels[c].minimum = channels[c].maximum = 0;
        for (std::size_t plane = c; plane < planes.size(); plane += channels.size()) {
            const Description d = describe(gather(values, planes[plane]));
            channels[c].minimum += d.minimum / samples;
            channels[c].maximum += d.maximum / samples;
        }
    }
}

}  // namespace

void runCodebook(Case& item) {
    const Tensor w = item.input("w");
    const std::vector<float> values = w.floats();
    const Tolerance tolerance = toleranceOf(item, 1e-6, 1e-9);
    const Codebook lloyd = lloydCodebook(values, flatten(item.inputs()["init_centers"]));
    const Codebook best = optimalCodebook(values, item.integer("clusters"));
    std::vector<float> quantized(values.size());
    std::vector<std::uint32_t> indices(values.size());
    assignCodebook(values, quantized, indices, lloyd);
    item.check("codebook_sorted", lloyd.levels, {1e-8, 1e-6});
    item.checkExact("labels_sorted", {indices.begin(), indices.end()});
    item.check("inertia", lloyd.inertia, tolerance);
    for (const Slice& row : slices(w.shape, 0)) {
        std::vector<float> part = gather(quantized, row);
        correctWeights(gather(values, row), part, {true, false});
        scatter(quantized, row, part);
    }
    item.check("bias_corrected_rows", quantized, {1e-7, 1e-6});
    item.check("optimal_1d_inertia_dynamic_programming", best.inertia, tolerance);
    item.check("optimal_1d_codebook", best.levels, {1e-8, 1e-6});
    // The reference's default start is random: ours must be at least as good as what it reached.
    item.require(best.inertia <= item.expected().value("repo_default_inertia", 1e300) * (1 + 1e-6),
                 "the optimum is worse than the random start's result");
    for (const char* key : {"repo_default_kmeanspp_codebook_sorted", "repo_default_inertia", "clip_task_min",
                            "clip_task_max"}) {
        item.setAside(key, "of the reference's random start");
    }
}

void runSymmetricDivergence(Case& item) {
    const std::vector<float> x = item.floats("x");
    const SymmetricThreshold found =
        symmetricDivergenceThreshold(x, static_cast<std::size_t>(item.integer("num_bins")),
                                     static_cast<std::size_t>(item.integer("num_quantized_bins")));
    const Description d = describe(x);
    item.check("min", d.minimum, toleranceOf(item));
    item.check("max", d.maximum, toleranceOf(item));
    // The curve must have the reference's divergence at the reference's edge. Its search sometimes misses a
    // lower point of its own curve; ours may not.
    const double wanted = item.expected()["threshold"].get<double>();
    std::size_t nearest = 0;
    for (std::size_t i = 0; i < found.thresholds.size(); ++i) {
        nearest = std::fabs(found.thresholds[i] - wanted) < std::fabs(found.thresholds[nearest] - wanted)
                      ? i
                      : nearest;
    }
    item.check("threshold", found.thresholds[nearest], toleranceOf(item));
    item.check("divergence_nats", found.divergences[nearest], {1e-6, 1e-3});
    item.require(found.divergence <= found.divergences[nearest], "the search missed the lowest divergence");
}

void runFolding(Case& item) {
    const Tensor w = item.input("w");
    const auto vector = [&](const char* key) {
        const std::vector<float> values = item.floats(key);
        if (static_cast<std::int64_t>(values.size()) != w.dim(0)) {
            throw std::runtime_error(std::string(key) + " has " + std::to_string(values.size()) + " values");
        }
        return FloatTensor({static_cast<std::int64_t>(values.size())}, values);
    };
    Conv2dOp conv;
    conv.weight = FloatTensor(w.shape, w.floats());
    if (item.hasInput("bias")) {
        conv.bias = vector("bias");
    }
    BatchNormOp norm{vector("gamma"),       vector("beta"),     vector("running_mean"),
                     vector("running_var"), item.number("eps"), 0.1};
    Graph graph;
    const NodeId input = graph.append("input", InputOp{}, {});
    const NodeId convId = graph.append("conv", conv, {input});
    graph.output = graph.append("bn", norm, {convId});
    inferShapes(graph, {1, w.dim(1), w.dim(2), w.dim(3)});
    const Graph folded = foldBatchNorm(graph);
    for (const Node& node : folded.nodes) {
        if (const auto* op = std::get_if<Conv2dOp>(&node.op)) {
            const auto weights = op->weight.values();
            const auto bias = op->bias.values();
            item.check("w_folded", std::vector<double>(weights.begin(), weights.end()), toleranceOf(item));
            item.check("bias_folded", std::vector<double>(bias.begin(), bias.end()), toleranceOf(item));
        }
    }
}

void runStatistics(Case& item) {
    const auto shape = item.inputs()["shape"].get<std::vector<std::int64_t>>();
    std::vector<std::vector<Description>> tensor;
    std::vector<std::vector<Description>> channel;
    if (item.inputs()["batches"].empty()) {
        throw std::runtime_error("there are no batches");
    }
    for (const Json& batch : item.inputs()["batches"]) {
        const Tensor x{shape, flatten(batch)};
        requireSize(x, "a batch");
        tensor.push_back(describeSlices(x.floats(), slices(shape, std::nullopt)));
        channel.push_back(describeSlices(x.floats(), slices(shape, 1)));
        if (item.flag("batch_avg_min_max")) {
            averageExtrema(tensor.back().front(), x);
            averageChannelExtrema(channel.back(), x);
        }
    }
    checkAggregates(item, "per_tensor", item.expected()["per_tensor"], tensor, toleranceOf(item));
    checkAggregates(item, "per_channel", item.expected()["per_channel"], channel, toleranceOf(item));
    item.setAside("per_tensor", "compared entry by entry");
    item.setAside("per_channel", "compared entry by entry");
}

}  // namespace bitlathe::conform::aciq_cases
