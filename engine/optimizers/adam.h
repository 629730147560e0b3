#pragma once

#include "engine/optimizers/optimizer.h"

#include <vector>

namespace bitlathe::engine {

/// Adam and AdamW, k the number of the parameter's step:
///
///   g = grad + decay * p (InGradient)   or first p -= rate * decay * p (Decoupled)
///   m = beta1 m + (1 - beta1) g         v = beta2 v + (1 - beta2) g²
///   p -= rate * (m / (1 - beta1^k)) / (sqrt(v / (1 - beta2^k)) + epsilon)
///
/// Memory: m and v per parameter. Source  Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; Loshchilov and
/// Hutter 2019, arXiv:1711.05101, algorithm 2.
class Adam final : public Optimizer {
public:
    struct Constants {
        double beta1 = 0.9;
        double beta2 = 0.999;
        double epsilon = 1e-8;
    };
    enum class Decay { InGradient, Decoupled };

    Adam(std::vector<Parameter> parameters, const Constants& constants, Decay decay);

private:
    void update(std::size_t parameter, at::Tensor& value, at::Tensor& gradient, double rate, double decay,
                std::int64_t count) override;

    Constants m_constants;
    Decay m_decay;
};

}  // namespace bitlathe::engine
