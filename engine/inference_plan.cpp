#include "engine/inference_plan.h"

#include "engine/tensor_bridge.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::engine {

namespace {

// The largest value of a piece should have about this many bytes: it stays in a core's second-level cache, or
// nearly so, and there is enough of it to hide what an operator costs by itself.
constexpr std::int64_t kPieceBytes = 1 << 20;

// Elements of one image up to which a value counts as small.
constexpr std::int64_t kSmallValue = 8192;

bool isFinite(const core::FloatTensor& tensor) {
    return std::all_of(tensor.values().begin(), tensor.values().end(),
                       [](float value) { return std::isfinite(value); });
}

/// Whether the operator's result for some images is the same whatever other images come with them.
bool isPerImage(const core::Operator& op) {
    if (const auto* concat = std::get_if<core::ConcatOp>(&op)) {
        return concat->axis > 0;
    }
    const auto* softmax = std::get_if<core::SoftmaxOp>(&op);
    return softmax == nullptr || softmax->axis != 0;
}

std::int64_t elementsOf(const core::Node& node) {
    return node.outputShape.empty() ? 0 : core::elementCount(node.outputShape);
}

}  // namespace

InferencePlan::InferencePlan(const GraphExecutor& executor, core::NodeId until) : m_until(until) {
    // endOf[n]: last node of the fused convolution that n is part of.
    std::vector<core::NodeId> endOf(executor.graph().nodes.size(), -1);
    const std::vector<std::vector<core::NodeId>> consumers = executor.graph().consumers();
    for (core::NodeId id = 0; id <= until; ++id) {
        const bool isConvolution = std::holds_alternative<core::Conv2dOp>(executor.graph().node(id).op);
        // Fused convolutions pad with zeros.
        const bool isFusable = isConvolution && !executor.tensors(id).padding.defined();
        if (isFusable && !executor.isBypassed(id)) {
            addConvolution(executor, id, consumers, endOf);
        } else if (endOf[static_cast<std::size_t>(id)] < 0) {
            m_steps.push_back({id, executor.graph().node(id).inputs, nullptr, 0});
        }
    }
    std::sort(m_steps.begin(), m_steps.end(), [](const Step& a, const Step& b) { return a.node < b.node; });
    findReaders(executor);
    findJoin(executor);
}

void InferencePlan::addConvolution(const GraphExecutor& executor, core::NodeId id,
                                   const std::vector<std::vector<core::NodeId>>& consumers,
                                   std::vector<core::NodeId>& endOf) {
    const core::Graph& graph = executor.graph();
    Step step{id, graph.node(id).inputs, nullptr, 0};
    bool addsInto = false;
    std::optional<core::ClampOp> clamp;
    // From here a result may go on in registers: one reader, and nobody looks at it in between.
    const auto onlyReader = [&](core::NodeId node) -> core::NodeId {
        const auto& readers = consumers[static_cast<std::size_t>(node)];
        const bool isSeen = node == m_until || node == graph.output || executor.isWatched(node);
        return readers.size() == 1 && !isSeen && readers.front() <= m_until ? readers.front() : -1;
    };
    core::NodeId next = onlyReader(id);
    if (next >= 0 && std::holds_alternative<core::AddOp>(graph.node(next).op) && !executor.isBypassed(next) &&
        endOf[static_cast<std::size_t>(next)] < 0) {
        const std::vector<core::NodeId>& summands = graph.node(next).inputs;
        const core::NodeId other = summands[0] == id ? summands[1] : summands[0];
        const bool hasOwnShape = graph.node(other).outputShape == graph.node(id).outputShape;
        if (other != id && hasOwnShape) {
            addsInto = true;
            step.addend = step.inputs.size();
            step.inputs.push_back(other);
            step.node = next;
            next = onlyReader(next);
        }
    }
    const core::FloatTensor weight = unwrap(executor.tensors(id).weight);
    const core::FloatTensor bias = unwrap(executor.tensors(id).bias);
    const auto* const nextClamp = next < 0 ? nullptr : std::get_if<core::ClampOp>(&graph.node(next).op);
    const bool isFusable = nextClamp != nullptr && (!nextClamp->isPerChannel() || executor.isBypassed(next));
    // A fused clamp would turn NaN into a number and hide a broken model.
    if (isFusable && isFinite(weight) && isFinite(bias)) {
        if (!executor.isBypassed(next)) {
            clamp = *nextClamp;
        }
        step.node = next;
    }
    for (core::NodeId node = id; node != step.node;) {
        endOf[static_cast<std::size_t>(node)] = step.node;
        node = consumers[static_cast<std::size_t>(node)].front();
    }
    endOf[static_cast<std::size_t>(step.node)] = step.node;
    step.convolution = std::make_unique<FusedConvolution>(std::get<core::Conv2dOp>(graph.node(id).op),
                                                          executor.tensors(id).weight,
                                                          executor.tensors(id).bias, addsInto, clamp);
    m_steps.push_back(std::move(step));
}

void InferencePlan::findReaders(const GraphExecutor& executor) {
    m_readers.assign(executor.graph().nodes.size(), 0);
    for (const Step& step : m_steps) {
        for (const core::NodeId input : step.inputs) {
            ++m_readers[static_cast<std::size_t>(input)];
        }
    }
    ++m_readers[static_cast<std::size_t>(m_until)];
}

void InferencePlan::findJoin(const GraphExecutor& executor) {
    const core::Graph& graph = executor.graph();
    const bool isPlain = std::all_of(graph.nodes.begin(), graph.nodes.end(),
                                     [](const core::Node& node) { return isPerImage(node.op); });
    if (executor.hasHooks() || !isPlain) {
        return;
    }
    std::int64_t largest = 1;
    for (const Step& step : m_steps) {
        largest = std::max(largest, elementsOf(graph.node(step.node)));
    }
    m_imagesTogether =
        std::max<std::int64_t>(1, kPieceBytes / (largest * static_cast<std::int64_t>(sizeof(float))));
    // The earliest point that one small value alone passes, with nothing but small values behind it.
    m_join = m_steps.size();
    for (std::size_t i = m_steps.size(); i-- > 1;) {
        if (elementsOf(graph.node(m_steps[i].node)) > kSmallValue ||
            elementsOf(graph.node(m_steps[i - 1].node)) > kSmallValue) {
            break;
        }
        const core::NodeId only = m_steps[i - 1].node;
        const bool isOnlyWay = std::all_of(
            m_steps.begin() + static_cast<std::ptrdiff_t>(i), m_steps.end(), [&](const Step& step) {
                return std::all_of(step.inputs.begin(), step.inputs.end(),
                                   [&](core::NodeId input) { return input >= only; });
            });
        m_join = isOnlyWay ? i : m_join;
    }
}

at::Tensor InferencePlan::run(const GraphExecutor& executor, const at::Tensor& images) const {
    const std::int64_t count = images.dim() == 4 ? images.size(0) : 1;
    if (m_join == 0 || count < 2 * m_imagesTogether) {
        return runSteps(executor, 0, m_steps.size(), images);
    }
    at::Tensor joined = runInPieces(executor, images);
    return m_join == m_steps.size() ? joined : runSteps(executor, m_join, m_steps.size(), std::move(joined));
}

at::Tensor InferencePlan::runInPieces(const GraphExecutor& executor, const at::Tensor& images) const {
    const std::int64_t count = images.size(0);
    const std::int64_t pieces = (count + m_imagesTogether - 1) / m_imagesTogether;
    std::vector<at::Tensor> results(static_cast<std::size_t>(pieces));
    const bool isInference = c10::InferenceMode::is_enabled();
    at::parallel_for(0, pieces, 1, [&](std::int64_t begin, std::int64_t end) {
        // Both are settings of a thread.
        const c10::InferenceMode inference(isInference);
        const at::NoGradGuard noGradients;
        for (std::int64_t piece = begin; piece < end; ++piece) {
            const std::int64_t first = piece * m_imagesTogether;
            const std::int64_t length = std::min(m_imagesTogether, count - first);
            results[static_cast<std::size_t>(piece)] =
                runSteps(executor, 0, m_join, images.narrow(0, first, length));
        }
    });
    return at::cat(results, 0);
}

at::Tensor InferencePlan::runSteps(const GraphExecutor& executor, std::size_t begin, std::size_t end,
                                   at::Tensor in) const {
    std::vector<at::Tensor> values(m_readers.size());
    std::vector<int> readersLeft = m_readers;
    if (begin > 0) {
        values[static_cast<std::size_t>(m_steps[begin - 1].node)] = std::move(in);
    }
    for (std::size_t i = begin; i < end; ++i) {
        const Step& step = m_steps[i];
        std::vector<at::Tensor> inputs;
        inputs.reserve(step.inputs.size() + 1);
        for (const core::NodeId id : step.inputs) {
            const auto input = static_cast<std::size_t>(id);
            // The last reader gets the handle itself: it may reuse the memory.
            inputs.push_back(--readersLeft[input] == 0 ? std::move(values[input]) : values[input]);
        }
        if (step.inputs.empty()) {
            inputs.push_back(toChannelsLast(in));
        }
        values[static_cast<std::size_t>(step.node)] = runStep(executor, step, std::move(inputs));
    }
    return std::move(values[static_cast<std::size_t>(m_steps[end - 1].node)]);
}

at::Tensor InferencePlan::runStep(const GraphExecutor& executor, const Step& step,
                                  std::vector<at::Tensor> inputs) const {
    if (step.convolution == nullptr) {
        return executor.compute(step.node, std::move(inputs));
    }
    at::Tensor addend;
    if (step.addend > 0) {
        at::Tensor& given = inputs[step.addend];
        addend = isSoleOwner(given) ? std::move(given) : given.clone();
    }
    return executor.finish(step.node, step.convolution->run(inputs[0], std::move(addend)));
}

}  // namespace bitlathe::engine
