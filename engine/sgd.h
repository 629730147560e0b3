#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace bitlathe::engine {

/// Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013, in PyTorch's form):
///
///   g = grad + decay * p      v = momentum * v + g      p -= rate * (g + momentum * v)
///
/// v starts as the first g. Memory: one v per parameter.
class Sgd {
public:
    struct Parameter {
        at::Tensor value; ///< leaf that requires a gradient
        double weightDecay = 0;
    };

    Sgd(std::vector<Parameter> parameters, double momentum);

    /// One update from the gradients, which are cleared.
    void step(double rate);

private:
    std::vector<Parameter> m_parameters;
    std::vector<at::Tensor> m_velocities;
    double m_momentum;
};

} // namespace bitlathe::engine
