#include "experiments/recipes/training_task.h"

#include "experiments/recipes/variant_report.h"
#include "experiments/records/metric_names.h"
#include "experiments/store/run_folder.h"

#include <vector>

namespace bitlathe::experiments {

namespace {

std::vector<MetricStep> stepsOf(const core::EpochReport& report) {
    const auto epoch = static_cast<double>(report.epoch);
    return {{metric::kTrainLoss, epoch, report.trainLoss},
            {metric::kTop1, epoch, report.test.top1Percent()},
            {metric::kLoss, epoch, report.test.meanLoss},
            {metric::kLearningRate, epoch, report.learningRate}};
}

}  // namespace

core::BatchSource trainingBatches(const core::DataSpec& data, const core::TrainOptions& options,
                                  std::int64_t samples, core::Seed seed) {
    core::BatchSource::Options batches;
    batches.batchSize = options.batchSize;
    batches.samples = samples;
    batches.shuffle = seed;
    batches.augmentation = options.augmentation;
    return core::BatchSource(core::openDataset(data, core::DataSplit::Train), data, batches);
}

core::TrainTask trainingTask(RecipeSession& session, RunId run, const core::TrainOptions& options) {
    core::TrainTask task;
    task.options = options;
    task.options.seed = session.recipe.seed;
    task.checkpointFolder = makeRunFolder(session.log, run);
    task.resumeFolder = session.execution.resumeFolder;
    task.workers = session.execution.workers;
    return task;
}

core::TrainObserver trainingObserver(RecipeSession& session, RunId run, core::EpochReport& last) {
    core::TrainObserver observer;
    observer.onStep = session.observer.onStep;
    observer.onEpoch = [&session, run, &last](const core::EpochReport& report) {
        last = report;
        session.log.addMetricSteps(run, stepsOf(report));
        if (session.observer.onEpoch) {
            session.observer.onEpoch(report);
        }
    };
    return observer;
}

void logTraining(RecipeSession& session, RunId run, const core::TrainResult& result,
                 const core::EpochReport& last, std::int64_t samples) {
    const auto add = [&](const char* name, double value, const char* unit, std::int64_t count) {
        session.log.addMetric(run, {name, value, unit, count, {}, {}});
    };
    add(metric::kTrainLoss, last.trainLoss, "nats", samples);
    add("epochs", static_cast<double>(result.epoch), "", 0);
    if (last.imagesPerSecond > 0) {
        add(metric::kTrainImagesPerSecond, last.imagesPerSecond, "images/s", 0);
    }
    if (last.peakMemoryBytes > 0) {
        add(metric::kPeakMemoryBytes, static_cast<double>(last.peakMemoryBytes), "B", 0);
    }
}

}  // namespace bitlathe::experiments
