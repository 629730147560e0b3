#include "engine/training/gradient_step.h"

#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/tensor_bridge.h"
#include "engine/training/loss.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>

#include <cmath>
#include <utility>
#include <vector>

namespace bitlathe::engine {

namespace {

/// Scales all gradients so that their norm together is at most `largest`.
void clipGradients(const std::vector<Parameter>& parameters, double largest) {
    double squares = 0;
    for (const Parameter& parameter : parameters) {
        if (parameter.value.grad().defined()) {
            squares += parameter.value.grad().square().sum(at::kDouble).item().toDouble();
        }
    }
    const double norm = std::sqrt(squares);
    if (norm <= largest) {
        return;
    }
    for (const Parameter& parameter : parameters) {
        if (at::Tensor gradient = parameter.value.grad(); gradient.defined()) {
            gradient.mul_(largest / norm);
        }
    }
}

[[noreturn]] void throwDiverged(const std::string& where, const std::string& what) {
    throw core::Error(core::ErrorCode::NonFiniteInput,
                      "training diverged in " + where + ": " + what +
                          "; use a smaller learning rate or clip the gradients");
}

}  // namespace

GradientStep::GradientStep(const core::TrainTask& task, Network& network, Optimizer& optimizer,
                           std::shared_ptr<const Workers> workers)
    : m_options(task.options), m_network(network), m_optimizer(optimizer), m_workers(std::move(workers)) {
    if (m_options.distillation.weight > 0) {
        m_teacher.emplace(core::foldBatchNorm(*task.graph), ExecutionMode::Inference);
    }
}

GradientStep::Learned GradientStep::learn(const core::Batch& batch, double rate, const std::string& where) {
    const at::AutoGradMode gradients(true);
    const at::Tensor images = wrapImages(batch).to(m_network.device());
    const at::Tensor labels = wrapLabels(batch).to(m_network.device());
    const at::Tensor logits = logitsOf(images, where);
    requireLabels(batch, logits.size(1));
    const at::Tensor loss = trainingLoss(logits, labels, teacherLogits(images), m_options);
    const double value = loss.item().toDouble();
    if (!std::isfinite(value)) {
        const std::string node = m_network.firstNonFiniteNode(images);
        throwDiverged(where, node.empty()
                                 ? "the loss is not finite"
                                 : "the first values that are not finite are those of layer '" + node + "'");
    }
    backward(loss, batch.labels.size());
    if (m_options.clipGradientNorm > 0) {
        clipGradients(m_optimizer.parameters(), m_options.clipGradientNorm);
    }
    m_optimizer.step(rate);
    m_network.endStep();
    const at::Tensor hits = logits.detach().argmax(1).eq(labels);
    return {value, hits.sum().item().toLong()};
}

at::Tensor GradientStep::logitsOf(const at::Tensor& images, const std::string& where) const {
    try {
        return m_network.logits(images);
    } catch (const core::Error& error) {
        if (error.code() != core::ErrorCode::NonFiniteInput) {
            throw;
        }
        throwDiverged(where, error.what());  // a quantizer met the values before the loss did
    }
}

at::Tensor GradientStep::teacherLogits(const at::Tensor& images) const {
    if (!m_teacher) {
        return {};
    }
    const at::NoGradGuard noGrad;
    return m_teacher->run(images.cpu()).flatten(1).to(images.device());
}

void GradientStep::backward(const at::Tensor& loss, std::size_t images) const {
    if (m_workers == nullptr) {
        loss.backward();
        return;
    }
    const auto own = static_cast<double>(images);
    const double size = m_workers->size();
    loss.mul(own * size / m_workers->sum(own)).backward();
    for (const Parameter& parameter : m_optimizer.parameters()) {
        if (at::Tensor gradient = parameter.value.grad(); gradient.defined()) {
            m_workers->sum(gradient);
            gradient.div_(size);
        }
    }
}

void GradientStep::requireLabels(const core::Batch& batch, std::int64_t classes) const {
    for (const std::int64_t label : batch.labels) {
        requireLabel(label, classes, m_network.structure());
    }
}

}  // namespace bitlathe::engine
