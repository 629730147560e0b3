#pragma once

#include "core/engine/engine.h"

#include <cstdint>
#include <span>
#include <string>

namespace bitlathe::core {

/// Top-1 and cross entropy of a classifier, sample by sample. The first of equal outputs wins, as in
/// numpy.argmax. Probabilities (a model that ends in a softmax) are floored at 1e-12.
class ClassificationScore {
public:
    /// model  names the model in errors
    ClassificationScore(std::string model, bool areProbabilities)
        : m_model(std::move(model)), m_areProbabilities(areProbabilities) {}

    /// Errors  ShapeMismatch: no output for the label; NonFiniteInput: an output is not finite.
    void add(std::span<const float> outputs, std::int64_t label);
    /// Samples, correct ones and the mean loss; the time is the caller's to fill in.
    EvaluationResult result() const;

private:
    std::string m_model;
    bool m_areProbabilities;
    std::int64_t m_samples = 0;
    std::int64_t m_correct = 0;
    double m_lossSum = 0;
};

}  // namespace bitlathe::core
