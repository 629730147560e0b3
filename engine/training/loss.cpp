#include "engine/training/loss.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>

namespace bitlathe::engine {

namespace {

constexpr std::int64_t kMean = 1;  // at::Reduction::Mean
constexpr std::int64_t kSum = 2;

at::Tensor divergence(const at::Tensor& logits, const at::Tensor& teacher, double temperature) {
    const at::Tensor student = at::log_softmax(logits.div(temperature), 1);
    const at::Tensor target = at::log_softmax(teacher.div(temperature), 1);
    // Summed and divided by the batch: KLDivLoss's mean would divide by the classes too.
    return at::kl_div(student, target, kSum, /*log_target=*/true)
        .mul(temperature * temperature / static_cast<double>(logits.size(0)));
}

}  // namespace

at::Tensor trainingLoss(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& teacher,
                        const core::TrainOptions& options) {
    const at::Tensor fromLabels =
        at::cross_entropy_loss(logits, labels, {}, kMean, /*ignore_index=*/-100, options.labelSmoothing);
    if (!teacher.defined()) {
        return fromLabels;
    }
    const double share = options.distillation.weight;
    return fromLabels.mul(1 - share).add(divergence(logits, teacher, options.distillation.temperature),
                                         share);
}

}  // namespace bitlathe::engine
