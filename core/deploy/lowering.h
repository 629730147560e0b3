#pragma once

#include "core/deploy/lower.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::core {

/// The inside of `lower`: what its parts share. Not for anyone else.

/// A uniform grid of one scale as integers see it.
struct TensorGrid {
    float scale = 1;
    std::int32_t zeroPoint = 0;
    std::int32_t lower = 0;  ///< smallest and largest code
    std::int32_t upper = 0;
};

/// Errors carry the layer's name in front.
[[noreturn]] void failLowering(ErrorCode code, const LayerId& layer, const std::string& text);

/// Smallest width that holds the codes.
int bitsFor(std::int32_t lower, std::int32_t upper) noexcept;

/// factor -> Q31 with 1 <= 31 - exponent <= 62. Errors  InvalidConfig naming the layer: 2^30 or more, not
/// finite.
FixedFactor requantizationFactor(double factor, const LayerId& layer);

/// HalfUp in place of another rounding to nearest wherever they give the same codes (all do, but on ties), as it is the
/// cheapest. `bounds`: of the accumulators, one for all channels, or one for each. Floor stays.
void simplifyRounding(Requantization& rule, std::span<const std::int64_t> bounds);

/// Codes of a monotonic rule as bounds: those in [-bound, bound] where it moves on.
/// Errors  InvalidConfig (no layer name): the rule is not monotonic, or moves by more than one direction.
ChannelThresholds thresholdsOf(const std::function<std::int32_t(std::int64_t)>& codeOf, std::int64_t bound);

/// The value of an elementwise function in float32, as the engine computes it.
float applyActivation(const Operator& op, float x);
/// Whether it never falls.
bool isMonotonic(const Operator& op) noexcept;

class Lowering {
public:
    Lowering(const PreparedModel& model, const QuantPlan& plan, const LoweringOptions& options);
    IntegerGraph run();

private:
    struct Output {
        const QParams* grid = nullptr;  ///< null: raw accumulators
        Requantization rule;            ///< zero point, clamp (activation included) and rounding; no factors
        float scale = 1;
    };

    void lowerInput();
    void lowerLayer(const Layer& layer);
    void lowerWeighted(const Layer& layer);
    void lowerAdd(const Layer& layer);
    void lowerMul(const Layer& layer);
    void lowerConcat(const Layer& layer, const ConcatOp& op);
    void lowerMaxPool(const Layer& layer, const Pool2dOp& op);
    void lowerAveragePool(const Layer& layer, IntegerAveragePool pool);
    void lowerElementwise(const Layer& layer, const Operator& op);

    /// The tensor a layer reads, in the image's own order: behind a flatten it is the flattened tensor itself.
    int inputOf(const Layer& layer, std::size_t index);
    /// The same for readers that care about the order: a flatten that moves values becomes a layer.
    int orderedInputOf(const Layer& layer, std::size_t index);
    int tensorOf(NodeId node) const;
    int addTensor(IntegerTensor tensor);
    int addOutputTensor(const Layer& layer, const Output& output);
    void add(const Layer& layer, IntegerOperator op, std::vector<int> inputs, int output);

    /// Grid and clamp of the layer's output site. Errors  InvalidConfig: float and not the model's output.
    Output outputOf(const Layer& layer);
    bool makesTheOutput(const Layer& layer) const;
    Rounding requantizationRounding(const QParams& grid) const;
    /// A gain that post-training gave the layer's weights; null: none. Errors  InvalidConfig: a shift, which no
    /// integer grid holds.
    const WeightAffine* weightGain(const Layer& layer) const;
    /// The activation between the layer's operator and its output; null: none.
    const Operator* activationOf(const Layer& layer) const;

    const PreparedModel& m_model;
    const QuantPlan& m_plan;
    const LoweringOptions& m_options;
    IntegerGraph m_graph;
    std::map<NodeId, int> m_tensorOfNode;
    NodeId m_lastNode = -1;  ///< the model's output without softmax and flatten
};

/// One scale, uniform, at most 8 bits. Errors  InvalidConfig with the site's name in front.
TensorGrid tensorGrid(const QParams& grid, const std::string& siteName);

}  // namespace bitlathe::core
