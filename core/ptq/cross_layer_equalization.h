#pragma once

#include "core/ptq/post_training.h"

#include <string_view>
#include <vector>

namespace bitlathe::core {

/// Two layers of which the second alone reads what the first makes, channel by channel: between them nothing but
/// functions with f(s x) = s f(x) for s > 0 (relu, leaky relu, none; pools, flatten).
struct EqualizationPair {
    LayerId first;
    LayerId second;
};

/// The pairs of a model in execution order. `includesRelu6`: a clamp to [0, u] counts as a relu.
/// Layers that keep a batch norm are in none: their scale is not in their weights.
std::vector<EqualizationPair> equalizationPairs(const PreparedModel& model, bool includesRelu6);

/// Rescales the channels between two layers, without changing what the two compute together:
///   W1_i, b1_i divided by s_i      W2_i multiplied by s_i
/// balance  "error": s of the least noise that rounding the weights of both and the value between them at the
///          configuration's bits leaves behind the second (README eq. 57); from the ranges and mean squares that
///          calibration saw. "weights": as published, for the weights alone (README eq. 52), with r1 the largest
///          magnitude of output channel i of the first layer's weights and r2 that of input channel i of the second's:
///          s_i = sqrt(r1 / r2), after which both are sqrt(r1 r2); a channel that one side never uses (r = 0) keeps
///          its scale. Batch norm has made the values' ranges even, and this makes them uneven again: at 4-bit outputs
///          it costs more than it gains.
/// Over all pairs in turn until no s is further than 1e-3 from 1, at most `rounds` times.
/// relu6    "per_channel": its upper end is divided by s_i too, so the float model stays what it was. "replace": it
///          becomes a relu, as published; what lay above 6 now passes. "keep" leaves pairs around one alone.
/// Source   Nagel et al. 2019, arXiv:1906.04721, section 4.1.
/// Errors   InvalidConfig: the model has no such pair. NotCalibrated: "error" without statistics.
class CrossLayerEqualization final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "cross_layer_equalization";

    enum class Relu6 { PerChannel, Keep, Replace };
    enum class Balance { Error, Weights };

    CrossLayerEqualization(int rounds, Relu6 relu6, Balance balance)
        : m_rounds(rounds), m_relu6(relu6), m_balance(balance) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Model; }
    ChannelDetail channelDetail() const noexcept override {
        return m_balance == Balance::Error ? ChannelDetail::Histograms : ChannelDetail::Extrema;
    }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    int m_rounds;
    Relu6 m_relu6;
    Balance m_balance;
};

/// Moves what a channel's output always has in it to the next layer's bias, so that its range shrinks: with µ and σ of
/// the values in front of a relu (from batch norm, else measured),
///   c_i = max(0, µ_i - 3 σ_i)      b1_i -= c_i      b2 += sum over i of W2_i c_i
/// Exact where the value exceeds c_i (99.87 % for a normal) and away from zero padding. Source  as above, section 4.1.3.
/// Errors  InvalidConfig: no pair of layers with a relu between them.
class HighBiasAbsorption final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "high_bias_absorption";

    explicit HighBiasAbsorption(double deviations) : m_deviations(deviations) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Model; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    double m_deviations;
};

}  // namespace bitlathe::core
