#pragma once

#include "core/train/train_options.h"

#include <ATen/core/Tensor.h>

namespace bitlathe::engine {

/// What a step makes smaller: cross entropy with label smoothing, and where a teacher is given its share of the
/// divergence from the teacher's softened distribution (README eq. 79):
///
///   L = (1 - w) CE(logits, labels) + w T² KL(softmax(teacher / T) || softmax(logits / T)), mean over the batch
///
/// Source  Hinton et al. 2015, arXiv:1503.02531, section 2 (T² keeps the share of the gradient).
/// teacher  logits without a gradient; undefined: labels alone
at::Tensor trainingLoss(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& teacher,
                        const core::TrainOptions& options);

}  // namespace bitlathe::engine
