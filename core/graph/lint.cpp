#include "core/graph/lint.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <sstream>

namespace bitlathe::core {

namespace {

// Largest over smallest channel magnitude above which one scale for all channels costs the small ones more
// than 5 bits (32 = 2^5); the bundled MobileNet's depthwise layers reach it and lose 20 points at 4 bits per
// tensor.
constexpr double kWideSpread = 32.0;

std::span<const float> weightsOf(const Graph& graph, const Layer& layer) {
    const Operator& op = graph.node(layer.node).op;
    if (const auto* conv = std::get_if<Conv2dOp>(&op)) {
        return conv->weight.values();
    }
    if (const auto* linear = std::get_if<LinearOp>(&op)) {
        return linear->weight.values();
    }
    return {};
}

void lintWeights(const Graph& graph, const Layer& layer, std::vector<LintFinding>& findings) {
    const auto weights = weightsOf(graph, layer);
    const auto channels = static_cast<std::size_t>(layer.weightShape[0]);
    const std::size_t perChannel = weights.size() / channels;
    double largest = 0;
    double smallest = INFINITY;
    int dead = 0;
    bool isFinite = true;
    for (std::size_t c = 0; c < channels; ++c) {
        double magnitude = 0;
        for (const float w : weights.subspan(c * perChannel, perChannel)) {
            isFinite = isFinite && std::isfinite(w);
            magnitude = std::max(magnitude, std::abs(static_cast<double>(w)));
        }
        if (magnitude == 0) {
            ++dead;
        } else {
            smallest = std::min(smallest, magnitude);
        }
        largest = std::max(largest, magnitude);
    }
    if (!isFinite) {
        findings.push_back(
            {LintSeverity::Warning, layer.id, "non_finite_weight",
             "its weights hold NaN or Inf: no range can be found; retrain or repair the model"});
        return;
    }
    if (dead > 0) {
        findings.push_back(
            {LintSeverity::Hint, layer.id, "dead_channel",
             std::to_string(dead) + " of " + std::to_string(channels) +
                 " output channels have only zero weights: removing them saves memory at no loss"});
    }
    if (largest / smallest > kWideSpread) {
        std::ostringstream text;
        text.precision(3);
        text << "its channels' weight magnitudes differ by a factor of " << largest / smallest
             << ": one scale for all of them is coarse for the small ones; quantize per channel or equalize";
        findings.push_back({LintSeverity::Warning, layer.id, "channel_range_spread", text.str()});
    }
}

}  // namespace

std::vector<LintFinding> lint(const PreparedModel& model) {
    std::vector<LintFinding> findings;
    for (const Layer& layer : model.layers) {
        const Operator& op = model.graph.node(layer.node).op;
        if (std::holds_alternative<BatchNormOp>(op)) {
            findings.push_back(
                {LintSeverity::Warning, layer.id, "unfolded_batch_norm",
                 "this batch norm follows no convolution or linear layer of its own, so it stays a "
                 "separate operation on the device"});
        }
        if (layer.hasWeights()) {
            lintWeights(model.graph, layer, findings);
        }
        const Operator& last = model.graph.node(layer.outputNode).op;
        if (const auto* clamp = std::get_if<ClampOp>(&last);
            clamp != nullptr && std::isinf(clamp->upper) && layer.hasWeights()) {
            findings.push_back(
                {LintSeverity::Hint, layer.id, "unbounded_activation",
                 "its activation has no upper bound: outliers stretch the range; a clipping observer "
                 "(percentile, MSE) or ReLU6 keeps the steps fine"});
        }
    }
    return findings;
}

}  // namespace bitlathe::core
