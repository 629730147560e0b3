#pragma once

#include "core/registry/registry.h"
#include "core/train/train_options.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace bitlathe::core {

/// What a schedule is laid over.
struct TrainingSpan {
    std::int64_t epochs = 1;
    std::int64_t stepsPerEpoch = 1;
    std::int64_t steps() const noexcept { return epochs * stepsPerEpoch; }
};

/// Learning rate by step. Stateless: a resumed training needs no more than its step.
class LearningRateSchedule {
public:
    virtual ~LearningRateSchedule() = default;
    /// step  0 .. span.steps() - 1
    virtual double rate(std::int64_t step) const = 0;
};

/// Names and parameters of the schedules: constant, multistep, exponential, polynomial, cosine, one_cycle.
std::vector<MethodInfo> scheduleMethods();

/// highestRate  the rate that shares are taken of
/// Errors  InvalidConfig: unknown name or parameter, milestones that do not ascend inside the training, a
/// warm-up longer than the training.
std::unique_ptr<LearningRateSchedule> makeSchedule(const ScheduleSpec& spec, double highestRate,
                                                   const TrainingSpan& span);

}  // namespace bitlathe::core
