#include "experiments/recipes/training_task.h"

#include "experiments/recipes/variant_report.h"
#include "experiments/records/metric_names.h"
#include "experiments/store/run_folder.h"

#include <algorithm>
#include <vector>

namespace bitlathe::experiments {

namespace {

std::vector<MetricStep> stepsOf(const core::EpochReport& report) {
    const auto epoch = static_cast<double>(report.epoch);
    const char* const top1 = report.validation ? metric::kValidationTop1 : metric::kTop1;
    const char* const loss = report.validation ? metric::kValidationLoss : metric::kLoss;
    return {{metric::kTrainLoss, epoch, report.trainLoss},
            {top1, epoch, report.measured().top1Percent()},
            {loss, epoch, report.measured().meanLoss},
            {metric::kLearningRate, epoch, report.learningRate}};
}

}  // namespace

TrainingImages trainingImages(const core::DataSpec& data, const core::TrainOptions& options,
                              std::int64_t samples, core::Seed seed) {
    const auto dataset = core::openDataset(data, core::DataSplit::Train);
    const std::int64_t available = samples > 0 ? std::min(samples, dataset->size()) : dataset->size();
    const std::int64_t heldOut = core::heldOutSamples(options, available);
    core::BatchSource::Options learned;
    learned.batchSize = options.batchSize;
    learned.samples = available - heldOut;
    learned.shuffle = seed;
    learned.augmentation = options.augmentation;
    TrainingImages images{core::BatchSource(dataset, data, learned), {}};
    if (heldOut > 0) {
        core::BatchSource::Options measured;
        measured.batchSize = EvaluateStage{}.batchSize;
        measured.firstSample = learned.samples;
        measured.samples = heldOut;
        measured.shuffle = seed;
        images.validation.emplace(dataset, data, measured);
    }
    return images;
}

void TrainingImages::giveTo(core::TrainTask& task) const {
    task.trainData = &train;
    task.validationData = validation ? &*validation : nullptr;
}

void noteResumption(RecipeSession& session, RunId run) {
    if (const std::optional<RunId>& resumed = session.execution.resumedRun) {
        session.log.addMetric(run, {metric::kResumedRun, static_cast<double>(resumed->value), "", 0, {}, {}});
    }
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
    observer.onResume = [&session, run](std::int64_t done, std::int64_t totalSteps) {
        session.log.addMetric(run, {metric::kResumedStep, static_cast<double>(done), "", 0, {}, {}});
        if (session.observer.onResume) {
            session.observer.onResume(done, totalSteps);
        }
    };
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
    if (result.validation) {
        add(metric::kValidationTop1, result.validation->top1Percent(), "%", result.validation->samples);
        add(metric::kValidationLoss, result.validation->meanLoss, "nats", result.validation->samples);
    }
    if (result.isChosenByTest) {
        add(metric::kChosenByTest, 1, "", 0);
    }
    add("epochs", static_cast<double>(result.epoch), "", 0);
    if (last.imagesPerSecond > 0) {
        add(metric::kTrainImagesPerSecond, last.imagesPerSecond, "images/s", 0);
    }
    if (last.peakMemoryBytes > 0) {
        add(metric::kPeakMemoryBytes, static_cast<double>(last.peakMemoryBytes), "B", 0);
    }
}

}  // namespace bitlathe::experiments
