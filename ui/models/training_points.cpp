#include "ui/models/training_points.h"

#include "experiments/records/metric_names.h"

#include <map>

namespace bitlathe::ui {

std::vector<plots::TrainingPoint> trainingPoints(const std::vector<experiments::MetricStep>& steps) {
    namespace metric = experiments::metric;
    std::map<double, plots::TrainingPoint> byStep;
    for (const experiments::MetricStep& step : steps) {
        if (step.name == metric::kTrainLoss) {
            byStep[step.step].loss = step.value;
        } else if (step.name == metric::kTop1 || step.name == metric::kValidationTop1) {
            byStep[step.step].accuracyPercent = step.value;
        }
    }
    std::vector<plots::TrainingPoint> points;
    for (auto& [step, point] : byStep) {
        point.epoch = step;
        points.push_back(point);
    }
    return points;
}

}  // namespace bitlathe::ui
