#include "core/engine/classification_score.h"

#include "core/types/error.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

/// -log softmax(outputs)[label], with the largest taken out: nothing overflows.
double crossEntropy(std::span<const float> outputs, std::size_t best, double own) {
    const double top = static_cast<double>(outputs[best]);
    double sum = 0;
    for (const float output : outputs) {
        sum += std::exp(static_cast<double>(output) - top);
    }
    return std::log(sum) + top - own;
}

}  // namespace

void ClassificationScore::add(std::span<const float> outputs, std::int64_t label) {
    if (label < 0 || label >= static_cast<std::int64_t>(outputs.size())) {
        throw Error(ErrorCode::ShapeMismatch, "the data has a sample of class " + std::to_string(label) +
                                                  ", but model '" + m_model + "' tells " +
                                                  std::to_string(outputs.size()) +
                                                  " classes apart; use a model made for this data");
    }
    std::size_t best = 0;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (!std::isfinite(outputs[i])) {
            throw Error(
                ErrorCode::NonFiniteInput,
                "the model's output for sample " + std::to_string(m_samples) +
                    " is not a finite number; check its weights (inspect) and the data's mean and scale");
        }
        best = outputs[i] > outputs[best] ? i : best;
    }
    ++m_samples;
    m_correct += static_cast<std::int64_t>(best) == label ? 1 : 0;
    const double own = static_cast<double>(outputs[static_cast<std::size_t>(label)]);
    m_lossSum += m_areProbabilities ? -std::log(std::max(own, 1e-12)) : crossEntropy(outputs, best, own);
}

EvaluationResult ClassificationScore::result() const {
    EvaluationResult result;
    result.samples = m_samples;
    result.correct = m_correct;
    result.meanLoss = m_samples == 0 ? 0.0 : m_lossSum / static_cast<double>(m_samples);
    return result;
}

}  // namespace bitlathe::core
