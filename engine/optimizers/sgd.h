#pragma once

#include "engine/optimizers/optimizer.h"

#include <vector>

namespace bitlathe::engine {

enum class Momentum { Plain, Nesterov };

/// Stochastic gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form):
///
///   g = grad + decay * p      v = momentum * v + g
///   p -= rate * v (Plain)     p -= rate * (g + momentum * v) (Nesterov)
///
/// v starts as the first g. Memory: one v per parameter.
class Sgd final : public Optimizer {
public:
    Sgd(std::vector<Parameter> parameters, double momentum, Momentum kind = Momentum::Nesterov);

private:
    void update(std::size_t parameter, at::Tensor& value, at::Tensor& gradient, double rate, double decay,
                std::int64_t count) override;

    double m_momentum;
    Momentum m_kind;
};

}  // namespace bitlathe::engine
