#pragma once

#include "core/engine/engine.h"

#include <ATen/core/Tensor.h>

#include <memory>

namespace bitlathe::engine {

/// The processes that train one model together, each on its share of the data, seen from one of them. Over
/// c10d's Gloo. Every call is made by all of them in the same order.
class Workers {
public:
    /// Waits until everybody is there. Null for a group of one. Errors  InvalidConfig: a rank outside the
    /// group; Io: the others do not answer.
    static std::shared_ptr<const Workers> join(const core::WorkerGroup& group);
    virtual ~Workers() = default;

    int rank() const noexcept { return m_group.rank; }
    int size() const noexcept { return m_group.size; }

    // In place, over all workers.
    virtual void sum(at::Tensor tensor) const = 0;
    virtual void minimum(at::Tensor tensor) const = 0;
    virtual void maximum(at::Tensor tensor) const = 0;
    double sum(double value) const;

protected:
    explicit Workers(core::WorkerGroup group) : m_group(std::move(group)) {}

private:
    core::WorkerGroup m_group;
};

/// The sum over all workers, whose gradient is the sum of all workers' gradients.
at::Tensor sumOverWorkers(const at::Tensor& tensor, const std::shared_ptr<const Workers>& workers);

}  // namespace bitlathe::engine
