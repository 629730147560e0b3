#include "engine/sgd.h"

#include <ATen/core/grad_mode.h>

#include <utility>

namespace bitlathe::engine {

Sgd::Sgd(std::vector<Parameter> parameters, double momentum)
    : m_parameters(std::move(parameters)), m_velocities(m_parameters.size()), m_momentum(momentum) {}

void Sgd::step(double rate) {
    const at::NoGradGuard noGrad;
    for (std::size_t i = 0; i < m_parameters.size(); ++i) {
        at::Tensor& value = m_parameters[i].value;
        at::Tensor gradient = value.grad();
        if (!gradient.defined()) {
            continue; // not on the way to the loss
        }
        if (m_parameters[i].weightDecay != 0) {
            gradient.add_(value, m_parameters[i].weightDecay);
        }
        if (m_velocities[i].defined()) {
            m_velocities[i].mul_(m_momentum).add_(gradient);
        } else {
            m_velocities[i] = gradient.clone();
        }
        gradient.add_(m_velocities[i], m_momentum);
        value.add_(gradient, -rate);
        value.mutable_grad().reset();
    }
}

} // namespace bitlathe::engine
