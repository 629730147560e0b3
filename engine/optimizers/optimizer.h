#pragma once

#include "core/train/parameter_rules.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bitlathe::engine {

/// A leaf of the autograd graph that training moves.
struct Parameter {
    std::string name;  ///< "stem.conv.weight"
    core::ParameterKind kind = core::ParameterKind::Conv;
    at::Tensor value;
    core::ParameterSettings settings;
};

/// Moves parameters along their gradients. State lives in named tensors, so that a checkpoint can hold it.
class Optimizer {
public:
    explicit Optimizer(std::vector<Parameter> parameters) : m_parameters(std::move(parameters)) {}
    virtual ~Optimizer() = default;

    const std::vector<Parameter>& parameters() const noexcept { return m_parameters; }
    /// One update from the gradients, which are cleared. A parameter without a gradient is passed over.
    void step(double rate);
    /// Forgets what it knows of one parameter (its meaning has changed).
    void reset(std::size_t parameter);

    /// State by slot and parameter; a tensor is undefined before the parameter's first step.
    std::vector<std::vector<at::Tensor>>& state() noexcept { return m_state; }
    /// Steps each parameter has taken.
    std::vector<std::int64_t>& steps() noexcept { return m_steps; }

protected:
    /// slots  how many tensors of state a parameter has
    void allocate(std::size_t slots);
    at::Tensor& slot(std::size_t slot, std::size_t parameter) { return m_state[slot][parameter]; }
    /// One parameter; `gradient` may be overwritten. count  1-based number of its step
    virtual void update(std::size_t parameter, at::Tensor& value, at::Tensor& gradient, double rate,
                        double decay, std::int64_t count) = 0;

private:
    std::vector<Parameter> m_parameters;
    std::vector<std::vector<at::Tensor>> m_state;
    std::vector<std::int64_t> m_steps;
};

/// The optimizer a specification names (core::optimizerMethods). Errors  InvalidConfig.
std::unique_ptr<Optimizer> makeOptimizer(const core::MethodSpec& spec, std::vector<Parameter> parameters);

}  // namespace bitlathe::engine
