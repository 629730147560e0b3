#include "tests/conform/power_of_two_cases.h"

namespace bitlathe::conform::power_of_two_cases {

namespace {

// Training and calibration of the small network
// ------------------------------------------------------------------------
/// The network as TI's wrapper runs it: every layer once in float on quantized inputs, and once more, merged
/// and quantized, when the value reaches the next tracker, which hands on the quantized value with the float
/// value's gradient.
class TrackedNet {
public:
    explicit TrackedNet(const Case& item)
        : w1(item.input("c1.weight")), w2(item.input("c2.weight")), b2(item.input("c2.bias").values),
          gamma(item.input("b1.weight").values), beta(item.input("b1.bias").values),
          mean(item.input("b1.running_mean").values), variance(item.input("b1.running_var").values),
          m_weightBits(item.integer("bits_weights")), m_actBits(item.integer("bits_activations")),
          m_percent(item.number("range_shrink_percent", kShrinkPercent)),
          m_isPerChannel(item.flag("per_channel_q")),
          m_constrains(item.flag("constrain_weights", !m_isPerChannel)),
          // r8.0 lowers the weights' scale from the 85th step of a training on.
          m_constraint(quantizesBiasFirst(item) ? BiasConstraint::None : constraintOf(item)),
          m_first(same(static_cast<std::int64_t>(item.number("padding_c1", 1)))),
          m_second(same(static_cast<std::int64_t>(item.number("padding_c2", (w2.dim(2) - 1) / 2.0)), 1,
                        static_cast<std::int64_t>(item.number("groups_c2", 1)))) {}

    Tensor w1, w2;
    std::vector<double> b2, gamma, beta, mean, variance;
    RangeTracker input, middle{{0, 8}}, output;
    // Of the latest pass: values, the merged layers' inputs and what gradients need.
    Tensor xq, raw1, norm1, middleQ, raw2, y;
    std::vector<double> batchMean, batchVariance;
    Range inputClip, middleClip, outputClip;

    /// The float layers alone, trackers off.
    void floatPass(const Tensor& x) {
        raw1 = conv2d(x, w1, {}, m_first);
        norm1 = normalised(raw1, mean, variance);
        raw2 = conv2d(relu(norm1), w2, b2, m_second);
    }

    void quantizeInput(const Tensor& x) {
        const QParams grid = track(input, x, std::nullopt, inputClip);
        m_inputLayer = layerOf(grid);
        xq = quantized(x, grid);
        raw1 = conv2d(xq, w1, {}, m_first);
    }
    void normaliseByBatch(double momentum) {
        const std::vector<Slice> channels = slices(raw1.shape, 1);
        batchMean.assign(channels.size(), 0.0);
        batchVariance.assign(channels.size(), 0.0);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            const auto n = static_cast<double>(channels[c].size());
            for (const std::size_t i : channels[c]) {
                batchMean[c] += raw1.values[i] / n;
            }
            for (const std::size_t i : channels[c]) {
                batchVariance[c] += (raw1.values[i] - batchMean[c]) * (raw1.values[i] - batchMean[c]) / n;
            }
            mean[c] += momentum * (batchMean[c] - mean[c]);
            variance[c] += momentum * (batchVariance[c] * n / (n - 1) - variance[c]);
        }
        norm1 = normalised(raw1, batchMean, batchVariance);
    }
    void normaliseByRunning() { norm1 = normalised(raw1, mean, variance); }

    void quantizeMiddle(bool writesBack) {
        const QParams grid = track(middle, norm1, false, middleClip);
        Merged merged{w1, {}};
        const std::vector<Slice> channels = slices(w1.shape, 0);
        std::vector<double> factors;
        for (std::size_t c = 0; c < channels.size(); ++c) {
            factors.push_back(gamma[c] / std::sqrt(variance[c] + kEpsilon));
            merged.bias.push_back(beta[c] - mean[c] * factors[c]);
            for (const std::size_t i : channels[c]) {
                merged.weight.values[i] *= factors[c];
            }
        }
        const QuantizedLayer q = quantize(merged, writesBack, m_inputLayer);
        if (writesBack) {
            for (std::size_t c = 0; c < channels.size(); ++c) {
                const double divisor = std::copysign(std::max(std::fabs(factors[c]), kEpsilon), factors[c]);
                for (const std::size_t i : channels[c]) {
                    w1.values[i] = q.weight[i] / divisor;
                }
            }
        }
        middleQ = quantized(conv2d(xq, fromFloats(w1.shape, q.weight), doubles(q.bias), m_first), grid);
        m_middleLayer = layerOf(grid);
        raw2 = conv2d(middleQ, w2, b2, m_second);
    }
    void quantizeOutput(bool writesBack) {
        const QParams grid = track(output, raw2, std::nullopt, outputClip);
        const Merged merged{w2, {b2.begin(), b2.end()}};
        const QuantizedLayer q = quantize(merged, writesBack, m_middleLayer);
        if (writesBack) {
            w2 = fromFloats(w2.shape, q.weight);
        }
        y = quantized(conv2d(middleQ, fromFloats(w2.shape, q.weight), doubles(q.bias), m_second), grid);
    }

    const ConvShape& first() const { return m_first; }
    const ConvShape& second() const { return m_second; }
    static constexpr double kEpsilon = 1e-5;

private:
    Tensor normalised(Tensor x, const std::vector<double>& center, const std::vector<double>& spread) const {
        const std::vector<Slice> channels = slices(x.shape, 1);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            for (const std::size_t i : channels[c]) {
                x.values[i] =
                    (x.values[i] - center[c]) / std::sqrt(spread[c] + kEpsilon) * gamma[c] + beta[c];
            }
        }
        return x;
    }
    QParams track(RangeTracker& tracker, const Tensor& x, std::optional<bool> isSigned, Range& clip) const {
        const std::vector<float> seen = m_percent > 0 ? subsampled(x.floats(), x.shape, 0, 0) : x.floats();
        const QParams grid =
            activationGrid(tracker.update(histogramExtrema(seen, m_percent)), isSigned, m_actBits);
        clip = clipOf(grid, m_actBits);
        return grid;
    }
    static Tensor quantized(const Tensor& x, const QParams& grid) {
        std::vector<float> out(x.size());
        fakeQuantize(x.floats(), out, grid);
        return fromFloats(x.shape, out);
    }
    PowerOfTwoLayer layerOf(const QParams& grid) const {
        return {1 / static_cast<double>(grid.scale[0]), grid.isSigned(), m_weightBits};
    }
    QuantizedLayer quantize(Merged merged, bool isFirstTime, const PowerOfTwoLayer& layer) const {
        if (isFirstTime && m_constrains) {
            std::vector<float> values = merged.weight.floats();
            constrainWeights(values);
            merged.weight = fromFloats(merged.weight.shape, values);
        }
        return quantizeLayer(merged, 0, m_isPerChannel && merged.weight.dim(1) == 1, m_weightBits,
                             m_constraint, layer, false);
    }

    static constexpr double kShrinkPercent = 0.01;  ///< the reference's own where a case names none

    int m_weightBits, m_actBits;
    double m_percent;
    bool m_isPerChannel, m_constrains;
    BiasConstraint m_constraint;
    ConvShape m_first, m_second;
    PowerOfTwoLayer m_inputLayer, m_middleLayer;
};

std::vector<double> channelMeans(const Tensor& x) {
    std::vector<double> means = channelSums(x);
    for (double& m : means) {
        m /= static_cast<double>(x.size()) / static_cast<double>(means.size());
    }
    return means;
}

std::vector<double> bounds(const RangeTracker& tracker) {
    return {tracker.range().lower, tracker.range().upper};
}

Tensor masked(const Tensor& gradient, const Tensor& at, const Range& clip) {
    std::vector<float> out(gradient.size());
    clampBackward(at.floats(), gradient.floats(), out, static_cast<float>(clip.lower),
                  static_cast<float>(clip.upper));
    return fromFloats(gradient.shape, out);
}

}  // namespace

void runTrainingSteps(Case& item) {
    TrackedNet net(item);
    constexpr double kRate = 0.01;
    constexpr double kDecay = 1e-4;
    const Tensor target = item.input("target");
    for (int step = 0; item.hasInput("x" + std::to_string(step)); ++step) {
        const std::string key = "step" + std::to_string(step);
        const Json& wanted = item.expected()[key];
        const auto compare = [&](const std::string& what, const std::vector<double>& got) {
            item.require(wanted.contains(what), key + " has no " + what);
            if (wanted.contains(what)) {
                item.compare(key + "." + what, wanted[what], got, toleranceOf(item));
            }
        };
        const bool isFirst = step == 0;
        net.quantizeInput(item.input("x" + std::to_string(step)));
        net.normaliseByBatch(item.number("bn_momentum"));
        net.quantizeMiddle(isFirst);
        net.quantizeOutput(isFirst);
        double loss = 0;
        Tensor g = net.y;
        for (std::size_t i = 0; i < g.size(); ++i) {
            const double difference = net.y.values[i] - target.values[i];
            loss += difference * difference / static_cast<double>(g.size());
            g.values[i] = 2 * difference / static_cast<double>(g.size());
        }
        // Backwards through the float path: clamp, second layer (its weights as the forward pass left them),
        // clamp, batch norm, first layer.
        const Tensor dRaw2 = masked(g, net.raw2, net.outputClip);
        const Tensor dW2 = conv2dGradientWeight(dRaw2, net.middleQ, net.w2.shape, net.second());
        const Tensor dNorm = masked(conv2dGradientInput(dRaw2, net.w2, net.middleQ.shape, net.second()),
                                    net.norm1, net.middleClip);
        const std::vector<double> dBeta = channelSums(dNorm);
        std::vector<double> dGamma(dBeta.size(), 0.0);
        Tensor dRaw1 = dNorm;
        const std::vector<Slice> channels = slices(dNorm.shape, 1);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            const double inverse = 1 / std::sqrt(net.batchVariance[c] + TrackedNet::kEpsilon);
            const auto n = static_cast<double>(channels[c].size());
            const auto hat = [&](std::size_t i) { return (net.raw1.values[i] - net.batchMean[c]) * inverse; };
            for (const std::size_t i : channels[c]) {
                dGamma[c] += dNorm.values[i] * hat(i);
            }
            for (const std::size_t i : channels[c]) {
                dRaw1.values[i] =
                    net.gamma[c] * inverse * (dNorm.values[i] - dBeta[c] / n - hat(i) * dGamma[c] / n);
            }
        }
        const Tensor dW1 = conv2dGradientWeight(dRaw1, net.xq, net.w1.shape, net.first());
        compare("y", net.y.values);
        compare("loss", {loss});
        compare("buffer.c1.activation_in.clips_act", bounds(net.input));
        compare("buffer.b1.running_mean", net.mean);
        compare("buffer.b1.running_var", net.variance);
        compare("buffer.r1.clips_act", bounds(net.middle));
        compare("buffer.c2.activation_q.clips_act", bounds(net.output));
        const auto update = [&](const std::string& name, std::vector<double>& values,
                                const std::vector<double>& gradient) {
            compare("grad." + name, gradient);
            compare("param_after_forward." + name, values);
            for (std::size_t i = 0; i < values.size(); ++i) {
                values[i] -= kRate * (gradient[i] + kDecay * values[i]);
            }
            compare("param_after_sgd." + name, values);
        };
        update("c1.weight", net.w1.values, dW1.values);
        update("b1.weight", net.gamma, dGamma);
        update("b1.bias", net.beta, dBeta);
        update("c2.weight", net.w2.values, dW2.values);
        update("c2.bias", net.b2, channelSums(dRaw2));
        item.setAside(key, "compared entry by entry");
    }
}

void runCalibration(Case& item) {
    TrackedNet exact(item);
    TrackedNet net(item);
    const double rate = item.number("lr_calib");
    const Json& wanted = item.expected()["per_iteration"];
    const auto adjust = [&](std::vector<double>& bias, const Tensor& floatOutput, const Tensor& output) {
        const std::vector<double> goal = channelMeans(floatOutput);
        const std::vector<double> now = channelMeans(output);
        for (std::size_t c = 0; c < bias.size(); ++c) {
            bias[c] += rate * (goal[c] - now[c]);
        }
    };
    for (int i = 0; i < item.integer("iterations"); ++i) {
        const Tensor x = item.input("x" + std::to_string(i));
        exact.floatPass(x);
        net.quantizeInput(x);
        net.normaliseByRunning();
        adjust(net.beta, exact.norm1, net.norm1);
        net.quantizeMiddle(i == 0);
        adjust(net.b2, exact.raw2, net.raw2);
        net.quantizeOutput(i == 0);
        const Json& after = wanted[static_cast<std::size_t>(i)];
        const std::string where = "iteration " + std::to_string(i) + " ";
        item.compare(where + "y", after["y"], net.y.values, toleranceOf(item));
        item.compare(where + "b1.bias", after["b1.bias"], net.beta, toleranceOf(item));
        item.compare(where + "c2.bias", after["c2.bias"], net.b2, toleranceOf(item));
        item.compare(where + "input range", after["c1.activation_in.clips_act"], bounds(net.input),
                     toleranceOf(item));
        item.compare(where + "middle range", after["r1.clips_act"], bounds(net.middle), toleranceOf(item));
        item.compare(where + "output range", after["c2.activation_q.clips_act"], bounds(net.output),
                     toleranceOf(item));
    }
    const Json& last = item.expected()["final_parameters"];
    item.compare("final c1.weight", last["c1.weight"], net.w1.values, toleranceOf(item));
    item.compare("final b1.weight", last["b1.weight"], net.gamma, toleranceOf(item));
    item.compare("final b1.bias", last["b1.bias"], net.beta, toleranceOf(item));
    item.compare("final c2.weight", last["c2.weight"], net.w2.values, toleranceOf(item));
    item.compare("final c2.bias", last["c2.bias"], net.b2, toleranceOf(item));
    item.setAside("per_iteration", "compared entry by entry");
    item.setAside("final_parameters", "compared entry by entry");
}

}  // namespace bitlathe::conform::power_of_two_cases
