#include "engine/ada_round.h"

#include "core/graph/batch_norm.h"
#include "core/plan/executed_layer.h"
#include "core/plan/padding_value.h"
#include "core/types/error.h"
#include "core/util/random.h"
#include "engine/evaluator.h"
#include "engine/quantized_executor.h"
#include "engine/tensor_bridge.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::engine {

namespace {

constexpr double kUpper = 1.1;   // ζ
constexpr double kLower = -0.1;  // γ

at::Tensor perChannel(const std::vector<double>& values, std::int64_t dimensions, std::int64_t axis) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(dimensions), 1);
    shape[static_cast<std::size_t>(axis)] = static_cast<std::int64_t>(values.size());
    return at::tensor(values, at::kDouble).to(at::kFloat).reshape(shape);
}

/// The grid of a weight tensor as tensors that broadcast over it.
struct Grid {
    at::Tensor scale;
    at::Tensor zeroPoint;
    double lowest;
    double highest;

    Grid(const core::QParams& grid, std::int64_t dimensions)
        : scale(perChannel({grid.scale.begin(), grid.scale.end()}, dimensions, 0)),
          zeroPoint(perChannel({grid.zeroPoint.begin(), grid.zeroPoint.end()}, dimensions, 0)),
          lowest(grid.quantMin), highest(grid.quantMax) {}

    /// Real values of real-valued codes.
    at::Tensor values(const at::Tensor& codes) const {
        return (at::clamp(codes, lowest, highest) - zeroPoint) * scale;
    }
};

/// One layer with weights that may carry gradients, up to its activation's output.
class LayerForward {
public:
    LayerForward(const core::PreparedModel& model, const core::Layer& layer, const core::QuantPlan& plan)
        : m_model(model), m_layer(layer) {
        const core::ExecutedLayer executed = core::executedLayer(model, layer, plan);
        m_tensors.bias = wrap(executed.bias);
        if (const std::vector<float> padding = core::paddingValue(model, layer, plan); !padding.empty()) {
            m_tensors.padding = at::tensor(padding);
        }
        if (executed.batchNorm) {
            const core::ChannelAffine affine = core::channelAffine(*executed.batchNorm);
            const auto dimensions =
                static_cast<std::int64_t>(model.graph.node(layer.node).outputShape.size());
            m_scale = perChannel(affine.scale, dimensions, 1);
            m_shift = perChannel(affine.shift, dimensions, 1);
        }
    }

    at::Tensor operator()(const at::Tensor& input, const at::Tensor& weight) {
        m_tensors.weight = weight;
        at::Tensor value =
            applyOperator(m_model.graph.node(m_layer.node), m_tensors, {input}, ExecutionMode::Training);
        if (m_scale.defined()) {
            value = value * m_scale + m_shift;
        }
        if (m_layer.outputNode != core::preActivationNode(m_layer)) {
            value =
                applyOperator(m_model.graph.node(m_layer.outputNode), {}, {value}, ExecutionMode::Training);
        }
        return value;
    }

private:
    const core::PreparedModel& m_model;
    const core::Layer& m_layer;
    NodeTensors m_tensors;
    at::Tensor m_scale;
    at::Tensor m_shift;
};

/// What the layer is taught with.
struct Lesson {
    at::Tensor inputs;   ///< of the quantized model
    at::Tensor outputs;  ///< of the float model
};

Lesson collect(const core::PreparedModel& model, const core::QuantPlan& plan, const core::Layer& layer,
               const core::BatchSource& data, const core::RunContext& context) {
    const GraphExecutor quantized = makeQuantizedExecutor(model, plan);
    const GraphExecutor exact(model.floatGraph(), ExecutionMode::Inference);
    std::vector<at::Tensor> inputs;
    std::vector<at::Tensor> outputs;
    core::Batch batch;
    for (std::int64_t i = 0; i < data.batchCount(); ++i) {
        context.checkpoint(0, 0, "collecting inputs of " + layer.id.str());
        data.read(i, batch);
        requireInputShape(model.graph, batch.shape);
        // A layer that reads the image gets a view of the batch's memory, which the next batch overwrites.
        inputs.push_back(quantized.run(wrapImages(batch), layer.inputNodes.front()).clone());
        outputs.push_back(exact.run(wrapImages(batch), layer.outputNode).clone());
    }
    return {at::cat(inputs), at::cat(outputs)};
}

/// Adam (Kingma and Ba 2015, arXiv:1412.6980) for one tensor.
class Adam {
public:
    Adam(const at::Tensor& parameter, double learningRate)
        : m_mean(at::zeros_like(parameter)), m_square(at::zeros_like(parameter)), m_rate(learningRate) {}

    void step(at::Tensor& parameter) {
        constexpr double kMean = 0.9;
        constexpr double kSquare = 0.999;
        constexpr double kGuard = 1e-8;
        const at::NoGradGuard noGrad;
        const at::Tensor gradient = parameter.grad();
        ++m_steps;
        m_mean.mul_(kMean).add_(gradient, 1 - kMean);
        m_square.mul_(kSquare).addcmul_(gradient, gradient, 1 - kSquare);
        const double correction = std::sqrt(1 - std::pow(kSquare, m_steps));
        const at::Tensor divisor = (m_square.sqrt() / correction).add_(kGuard);
        parameter.addcdiv_(m_mean, divisor, -m_rate / (1 - std::pow(kMean, m_steps)));
        parameter.mutable_grad() = at::Tensor();
    }

private:
    at::Tensor m_mean;
    at::Tensor m_square;
    double m_rate;
    int m_steps = 0;
};

const core::QParams& gridOf(const core::QuantPlan& plan, const core::Layer& layer) {
    const core::QParams* const grid = plan.find({layer.id, core::SiteKind::Weight});
    if (grid == nullptr || !grid->isUniform() || plan.weightAffine.contains(layer.id)) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "learned rounding needs weights on an evenly spaced grid, which those of layer '" +
                              layer.id.str() +
                              "' have not; choose a uniform quantizer for it, leave out methods that "
                              "correct weights, or exclude the layer");
    }
    return *grid;
}

/// β at an iteration: constant while warming up, then a straight line.
double exponentAt(const core::RoundingOptions& options, std::int64_t iteration) {
    const double begin = options.warmUp * static_cast<double>(options.iterations);
    const double left = static_cast<double>(options.iterations) - begin;
    const double done = left <= 0 ? 1.0 : (static_cast<double>(iteration) - begin) / left;
    return options.firstExponent +
           (options.lastExponent - options.firstExponent) * std::clamp(done, 0.0, 1.0);
}

}  // namespace

at::Tensor rectifiedSigmoid(const at::Tensor& v) {
    return at::clamp(at::sigmoid(v) * (kUpper - kLower) + kLower, 0, 1);
}

at::Tensor rectifiedSigmoidInverse(const at::Tensor& rest) {
    return -at::log((kUpper - kLower) / (rest - kLower) - 1);
}

core::FloatTensor learnRounding(const core::PreparedModel& model, const core::QuantPlan& plan,
                                const core::Layer& layer, const core::RoundingOptions& options,
                                const core::BatchSource& data, const core::RunContext& context) {
    const core::QParams& qparams = gridOf(plan, layer);
    Lesson lesson;
    {
        const at::NoGradGuard noGrad;
        lesson = collect(model, plan, layer, data, context);
    }
    const at::AutoGradMode withGradients(true);
    const at::Tensor weights =
        toChannelsLast(wrap(core::weightsToQuantize(model, layer, plan.batchNormMode(layer.id))));
    const Grid grid(qparams, weights.dim());
    const at::Tensor codes = weights / grid.scale + grid.zeroPoint;
    const at::Tensor floors = codes.floor();
    at::Tensor v = rectifiedSigmoidInverse(codes - floors).set_requires_grad(true);
    Adam adam(v, options.learningRate);
    LayerForward forward(model, layer, plan);

    core::Random random(options.seed, {static_cast<std::uint64_t>(layer.index)});
    const std::int64_t samples = lesson.inputs.size(0);
    const std::int64_t batchSize = std::min(options.batchSize, samples);
    std::vector<std::int64_t> chosen(static_cast<std::size_t>(batchSize));
    for (std::int64_t i = 0; i < options.iterations; ++i) {
        if (i % 50 == 0) {
            context.checkpoint(i, options.iterations, "rounding " + layer.id.str());
        }
        for (std::int64_t& sample : chosen) {
            sample = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(samples)));
        }
        const at::Tensor index = at::tensor(chosen, at::kLong);
        const at::Tensor h = rectifiedSigmoid(v);
        const at::Tensor output =
            forward(toChannelsLast(lesson.inputs.index_select(0, index)), grid.values(floors + h));
        at::Tensor loss = (output - lesson.outputs.index_select(0, index)).square().sum(1).mean();
        if (static_cast<double>(i) >= options.warmUp * static_cast<double>(options.iterations)) {
            const at::Tensor distance = (2 * h - 1).abs();
            loss = loss + options.regularisation * (1 - distance.pow(exponentAt(options, i))).sum();
        }
        loss.backward();
        adam.step(v);
    }
    const at::NoGradGuard noGrad;
    return unwrap(grid.values(floors + (rectifiedSigmoid(v) >= 0.5)));
}

}  // namespace bitlathe::engine
