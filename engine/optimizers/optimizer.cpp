#include "engine/optimizers/optimizer.h"

#include "core/types/error.h"
#include "engine/optimizers/adam.h"
#include "engine/optimizers/sgd.h"

#include <ATen/core/grad_mode.h>

#include <utility>

namespace bitlathe::engine {

void Optimizer::allocate(std::size_t slots) {
    m_state.assign(slots, std::vector<at::Tensor>(m_parameters.size()));
    m_steps.assign(m_parameters.size(), 0);
}

void Optimizer::step(double rate) {
    const at::NoGradGuard noGrad;
    for (std::size_t i = 0; i < m_parameters.size(); ++i) {
        at::Tensor& value = m_parameters[i].value;
        at::Tensor gradient = value.grad();
        if (!gradient.defined()) {
            continue;  // not on the way to the loss
        }
        const core::ParameterSettings& settings = m_parameters[i].settings;
        update(i, value, gradient, rate * settings.learningRateFactor, settings.weightDecay, ++m_steps[i]);
        value.mutable_grad().reset();
    }
}

void Optimizer::reset(std::size_t parameter) {
    for (std::vector<at::Tensor>& slot : m_state) {
        slot[parameter] = at::Tensor();
    }
    m_steps[parameter] = 0;
}

std::unique_ptr<Optimizer> makeOptimizer(const core::MethodSpec& spec, std::vector<Parameter> parameters) {
    const core::ParamValues params = core::optimizerParams(spec);
    if (spec.name == "sgd") {
        return std::make_unique<Sgd>(std::move(parameters), params.at("momentum"),
                                     params.at("nesterov") != 0 ? Momentum::Nesterov : Momentum::Plain);
    }
    const Adam::Constants constants{params.at("beta1"), params.at("beta2"), params.at("epsilon")};
    return std::make_unique<Adam>(std::move(parameters), constants,
                                  spec.name == "adamw" ? Adam::Decay::Decoupled : Adam::Decay::InGradient);
}

}  // namespace bitlathe::engine
