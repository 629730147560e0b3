#include "engine/optimizers/adam.h"

#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <utility>

namespace bitlathe::engine {

Adam::Adam(std::vector<Parameter> parameters, const Constants& constants, Decay decay)
    : Optimizer(std::move(parameters)), m_constants(constants), m_decay(decay) {
    allocate(2);
}

void Adam::update(std::size_t parameter, at::Tensor& value, at::Tensor& gradient, double rate, double decay,
                  std::int64_t count) {
    if (decay != 0) {
        if (m_decay == Decay::Decoupled) {
            value.mul_(1 - rate * decay);
        } else {
            gradient.add_(value, decay);
        }
    }
    at::Tensor& mean = slot(0, parameter);
    at::Tensor& square = slot(1, parameter);
    if (!mean.defined()) {
        mean = at::zeros_like(gradient);
        square = at::zeros_like(gradient);
    }
    mean.mul_(m_constants.beta1).add_(gradient, 1 - m_constants.beta1);
    square.mul_(m_constants.beta2).addcmul_(gradient, gradient, 1 - m_constants.beta2);
    const auto k = static_cast<double>(count);
    const double meanBias = 1 - std::pow(m_constants.beta1, k);
    const double squareBias = 1 - std::pow(m_constants.beta2, k);
    const at::Tensor root = square.sqrt().div_(std::sqrt(squareBias)).add_(m_constants.epsilon);
    value.addcdiv_(mean, root, -rate / meanBias);
}

}  // namespace bitlathe::engine
