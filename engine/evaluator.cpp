#include "engine/evaluator.h"

#include "core/engine/classification_score.h"
#include "core/types/error.h"
#include "engine/tensor_bridge.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace bitlathe::engine {

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
    core::ClassificationScore score(graph.name, areProbabilities);
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
            score.add({row, static_cast<std::size_t>(classes)}, label);
            row += classes;
        }
    }
    context.checkpoint(batches, batches);
    core::EvaluationResult result = score.result();
    result.elapsedMs =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    return result;
}

}  // namespace bitlathe::engine
