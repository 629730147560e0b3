#include "tests/conform/pact_cases.h"

namespace bitlathe::conform::pact_cases {

CrossEntropy crossEntropyOf(const Tensor& logits, const std::vector<double>& target) {
    const auto classes = static_cast<std::size_t>(logits.dim(1));
    CrossEntropy result{0, logits};
    for (std::size_t n = 0; n < target.size(); ++n) {
        double* const row = result.gradient.values.data() + n * classes;
        const double largest = *std::max_element(row, row + classes);
        double sum = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            sum += std::exp(row[c] - largest);
        }
        result.mean += (std::log(sum) + largest - row[static_cast<std::size_t>(target[n])]) /
                       static_cast<double>(target.size());
        for (std::size_t c = 0; c < classes; ++c) {
            const double probability = std::exp(row[c] - largest) / sum;
            row[c] = (probability - (c == static_cast<std::size_t>(target[n]) ? 1.0 : 0.0)) /
                     static_cast<double>(target.size());
        }
    }
    return result;
}

void runKernelStep(Case& item) {
    const std::vector<NetLayer> layers = layersOf(item.inputs()["layers"]);
    const bool isReference = item.text("variant") == "reference";
    const Tensor x = item.input("x");
    const Forward forward =
        fakeForward(item, layers, x,
                    item.hasInput("input_scale") ? item.inputs()["input_scale"].get<double>() : 2.0 / 255.0);
    const Json& wanted = item.expected()["layers"];
    const std::vector<double> target = flatten(item.inputs()["target"]);
    const std::size_t classes = static_cast<std::size_t>(forward.logits.dim(1));
    const CrossEntropy loss = crossEntropyOf(forward.logits, target);
    Tensor upstream = loss.gradient;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        item.compare("layer " + std::to_string(l) + " weight_q", wanted[l]["weight_q"],
                     forward.layers[l].weights.weight, {1e-6, 1e-5});
    }
    item.check("logits", forward.logits.values, {1e-5, 1e-5});
    item.check("loss", loss.mean, {1e-5, 1e-5});
    constexpr Tolerance kStep{2e-6, 5e-5};  // gradients pass four layers of float32 in the reference
    for (std::size_t l = layers.size(); l-- > 0;) {
        const NetLayer& layer = layers[l];
        const Forward::Layer& state = forward.layers[l];
        const std::string where = "layer " + std::to_string(l) + " ";
        const std::vector<double>& weights = state.weights.weight;
        const Tensor wq{layer.weight.shape, weights};
        Tensor dw;
        if (layer.isLast) {
            const auto features = static_cast<std::size_t>(layer.weight.dim(1));
            dw = {layer.weight.shape, std::vector<double>(layer.weight.size(), 0.0)};
            std::vector<double> db(classes, 0.0);
            Tensor dPool{state.input.shape, std::vector<double>(state.input.size(), 0.0)};
            for (std::size_t n = 0; n < target.size(); ++n) {
                for (std::size_t c = 0; c < classes; ++c) {
                    const double g = upstream.values[n * classes + c];
                    db[c] += g;
                    for (std::size_t f = 0; f < features; ++f) {
                        dw.values[c * features + f] += g * state.input.values[n * features + f];
                        dPool.values[n * features + f] += g * weights[c * features + f];
                    }
                }
            }
            item.compare(where + "grad_bias", wanted[l]["grad_bias"], db, kStep);
            const Tensor& before = forward.layers[l - 1].output;
            const std::size_t plane = before.size() / state.input.size();
            upstream = {before.shape, {}};
            for (std::size_t i = 0; i < before.size(); ++i) {
                upstream.values.push_back(dPool.values[i / plane] / static_cast<double>(plane));
            }
        } else {
            const std::vector<float> at = (isReference ? state.output : state.beforeActivation).floats();
            std::vector<float> dActivation(at.size());
            const double dAlpha = clippedActivationBackward(at, upstream.floats(), dActivation, state.grid);
            item.compare(where + "grad_alpha", wanted[l]["grad_alpha"], {dAlpha}, kStep);
            Tensor dy = fromFloats(upstream.shape, dActivation);
            const std::vector<Slice> channels = slices(dy.shape, 1);
            for (std::size_t c = 0; c < channels.size(); ++c) {
                for (const std::size_t i : channels[c]) {
                    dy.values[i] *= layer.norm.factor(c);
                }
            }
            dw = conv2dGradientWeight(dy, state.input, layer.weight.shape, state.shape);
            upstream = conv2dGradientInput(dy, wq, state.input.shape, state.shape);
        }
        std::vector<float> gradient = dw.floats();
        if (layer.thresholds) {
            const std::vector<float> real = layer.weight.floats();
            std::vector<float> masked(gradient.size());
            const ThresholdGradient sums = clippedWeightsBackward(real, gradient, masked, *layer.thresholds);
            item.compare(where + "grad_w_min", wanted[l]["grad_w_min"], {sums.lower}, kStep);
            item.compare(where + "grad_w_max", wanted[l]["grad_w_max"], {sums.upper}, kStep);
            if (isReference) {
                const std::vector<float> quantized(weights.begin(), weights.end());
                clippedWeightsBackward(quantized, gradient, masked, *layer.thresholds);
            }
            gradient = masked;
        }
        item.compare(where + "grad_weight", wanted[l]["grad_weight"], {gradient.begin(), gradient.end()},
                     kStep);
    }
    item.setAside("layers", "compared layer by layer");
}

}  // namespace bitlathe::conform::pact_cases
