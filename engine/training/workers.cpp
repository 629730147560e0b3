#include "engine/training/workers.h"

#include "core/types/error.h"

#include <ATen/ops/full.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::engine {

namespace {

constexpr std::chrono::seconds kJoinPatience{120};

bool isLoopback(const std::string& address) {
    return address == "localhost" || address.starts_with("127.");
}

class GlooWorkers final : public Workers {
public:
    explicit GlooWorkers(const core::WorkerGroup& group) : Workers(group) {
        c10d::TCPStoreOptions store;
        store.port = static_cast<std::uint16_t>(group.port);
        store.isServer = group.rank == 0;
        store.numWorkers = static_cast<std::size_t>(group.size);
        store.timeout = kJoinPatience;
        auto options = c10d::ProcessGroupGloo::Options::create();
        options->devices.push_back(isLoopback(group.address)
                                       ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                       : c10d::ProcessGroupGloo::createDefaultDevice());
        m_group = c10::make_intrusive<c10d::ProcessGroupGloo>(
            c10::make_intrusive<c10d::TCPStore>(group.address, store), group.rank, group.size, options);
    }

    using Workers::sum;
    void sum(at::Tensor tensor) const override { reduce(std::move(tensor), c10d::ReduceOp::SUM); }
    void minimum(at::Tensor tensor) const override { reduce(std::move(tensor), c10d::ReduceOp::MIN); }
    void maximum(at::Tensor tensor) const override { reduce(std::move(tensor), c10d::ReduceOp::MAX); }

private:
    void reduce(at::Tensor tensor, c10d::ReduceOp operation) const {
        at::Tensor dense = tensor.is_non_overlapping_and_dense() ? tensor : tensor.contiguous();
        std::vector<at::Tensor> tensors{dense};
        c10d::AllreduceOptions options;
        options.reduceOp = operation;
        m_group->allreduce(tensors, options)->wait();
        if (!dense.is_same(tensor)) {
            tensor.copy_(dense);
        }
    }

    c10::intrusive_ptr<c10d::ProcessGroupGloo> m_group;
};

struct Group : torch::CustomClassHolder {
    std::shared_ptr<const Workers> workers;
};

class SumOverWorkers : public torch::autograd::Function<SumOverWorkers> {
public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& tensor,
                              const c10::intrusive_ptr<Group>& group) {
        context->saved_data["group"] = c10::IValue::make_capsule(group);
        at::Tensor all = tensor.clone();
        group->workers->sum(all);
        return all;
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const auto group =
            c10::static_intrusive_pointer_cast<Group>(context->saved_data["group"].toCapsule());
        at::Tensor all = gradients[0].clone();
        group->workers->sum(all);
        return {all, at::Tensor()};
    }
};

}  // namespace

std::shared_ptr<const Workers> Workers::join(const core::WorkerGroup& group) {
    if (group.size == 1) {
        return nullptr;
    }
    if (group.size < 1 || group.rank < 0 || group.rank >= group.size) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "worker " + std::to_string(group.rank) + " of " + std::to_string(group.size) +
                              " cannot be; ranks run from 0 to one below the world size");
    }
    try {
        return std::make_shared<const GlooWorkers>(group);
    } catch (const std::exception& error) {
        throw core::Error(core::ErrorCode::Io, "the other workers do not answer at " + group.address + ":" +
                                                   std::to_string(group.port) + " (" + error.what() +
                                                   "); check MASTER_ADDR, MASTER_PORT and WORLD_SIZE");
    }
}

double Workers::sum(double value) const {
    at::Tensor one = at::full({1}, value, at::kDouble);
    sum(one);
    return one.item().toDouble();
}

at::Tensor sumOverWorkers(const at::Tensor& tensor, const std::shared_ptr<const Workers>& workers) {
    auto group = c10::make_intrusive<Group>();
    group->workers = workers;
    return SumOverWorkers::apply(tensor, group);
}

}  // namespace bitlathe::engine
