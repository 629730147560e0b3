#include "engine/evaluator.h"

#include "core/types/error.h"
#include "engine/tensor_bridge.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <string>

namespace bitlathe::engine {

namespace {

/// Adds one sample's verdict.
void score(std::span<const float> outputs, std::int64_t label, bool areProbabilities,
           core::EvaluationResult& result, double& lossSum) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (!std::isfinite(outputs[i])) {
            throw core::Error(
                core::ErrorCode::NonFiniteInput,
                "the model's output for sample " + std::to_string(result.samples) +
                    " is not a finite number; check its weights (inspect) and the data's mean and scale");
        }
        if (outputs[i] > outputs[best]) {
            best = i;
        }
    }
    ++result.samples;
    result.correct += static_cast<std::int64_t>(best) == label ? 1 : 0;
    const double own = static_cast<double>(outputs[static_cast<std::size_t>(label)]);
    if (areProbabilities) {
        lossSum -= std::log(std::max(own, 1e-12));
        return;
    }
    // log sum exp with the largest taken out: nothing overflows.
    const double top = static_cast<double>(outputs[best]);
    double sum = 0;
    for (const float output : outputs) {
        sum += std::exp(static_cast<double>(output) - top);
    }
    lossSum += std::log(sum) + top - own;
}

} // namespace

void requireLabel(std::int64_t label, std::int64_t classes, const core::Graph& graph) {
    if (label < 0 || label >= classes) {
        throw core::Error(core::ErrorCode::ShapeMismatch,
                          "the data has a sample of class " + std::to_string(label) + ", but model '" +
                              graph.name + "' tells " + std::to_string(classes) +
                              " classes apart; use a model made for this data");
    }
}

void requireInputShape(const core::Graph& graph, const core::Shape& batchShape) {
    const core::Shape& expected = graph.inputShape();
    if (batchShape.size() == 4 && expected.size() == 4 &&
        std::equal(batchShape.begin() + 1, batchShape.end(), expected.begin() + 1)) {
        return;
    }
    const auto sample = [](const core::Shape& shape) {
        return core::shapeText(shape.empty() ? shape : core::Shape(shape.begin() + 1, shape.end()));
    };
    throw core::Error(core::ErrorCode::ShapeMismatch,
                      "model '" + graph.name + "' takes images of " + sample(expected) +
                          " but the data has " + sample(batchShape) +
                          "; change the data's padding or the model's input shape");
}

core::EvaluationResult evaluateClassifier(const GraphExecutor& executor, const core::BatchSource& data,
                                          const core::RunContext& context) {
    const c10::InferenceMode inference;
    const core::Graph& graph = executor.graph();
    const bool areProbabilities = std::holds_alternative<core::SoftmaxOp>(graph.node(graph.output).op);
    core::EvaluationResult result;
    double lossSum = 0;
    core::Batch batch;
    const auto begin = std::chrono::steady_clock::now();
    const std::int64_t batches = data.batchCount();
    for (std::int64_t i = 0; i < batches; ++i) {
        context.checkpoint(i, batches, "batch " + std::to_string(i + 1) + " of " + std::to_string(batches));
        data.read(i, batch);
        requireInputShape(graph, batch.shape);
        const at::Tensor outputs = executor.run(wrapImages(batch)).flatten(1).contiguous();
        const std::int64_t classes = outputs.size(1);
        const float* row = outputs.data_ptr<float>();
        for (const std::int64_t label : batch.labels) {
            requireLabel(label, classes, graph);
            score({row, static_cast<std::size_t>(classes)}, label, areProbabilities, result, lossSum);
            row += classes;
        }
    }
    context.checkpoint(batches, batches);
    result.meanLoss = result.samples == 0 ? 0.0 : lossSum / static_cast<double>(result.samples);
    result.elapsedMs =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    return result;
}

} // namespace bitlathe::engine
