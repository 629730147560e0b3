#include "engine/optimizers/sgd.h"

#include <utility>

namespace bitlathe::engine {

Sgd::Sgd(std::vector<Parameter> parameters, double momentum, Momentum kind)
    : Optimizer(std::move(parameters)), m_momentum(momentum), m_kind(kind) {
    allocate(1);
}

void Sgd::update(std::size_t parameter, at::Tensor& value, at::Tensor& gradient, double rate, double decay,
                 std::int64_t /*count*/) {
    if (decay != 0) {
        gradient.add_(value, decay);
    }
    at::Tensor& velocity = slot(0, parameter);
    if (velocity.defined()) {
        velocity.mul_(m_momentum).add_(gradient);
    } else {
        velocity = gradient.clone();
    }
    if (m_kind == Momentum::Nesterov) {
        gradient.add_(velocity, m_momentum);
        value.add_(gradient, -rate);
    } else {
        value.add_(velocity, -rate);
    }
}

}  // namespace bitlathe::engine
