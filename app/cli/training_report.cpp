#include "app/cli/training_report.h"

#include <cstdio>

namespace bitlathe::cli {

experiments::RecipeObserver trainingReport(EngineSession& session) {
    experiments::RecipeObserver observer;
    observer.onEpoch = [&session](const core::EpochReport& report) {
        session.clearProgress();
        std::fprintf(stderr, "epoch %lld: train loss %.4f, %s top-1 %.2f %%, %.0f images/s, %.1f s%s\n",
                     static_cast<long long>(report.epoch), report.trainLoss,
                     report.validation ? "validation" : "test", report.measured().top1Percent(),
                     report.imagesPerSecond, report.elapsedMs / 1000, report.isBest ? ", best so far" : "");
    };
    observer.onResume = [&session](std::int64_t done, std::int64_t totalSteps) {
        session.clearProgress();
        if (done == 0) {
            std::fprintf(stderr, "no checkpoint was written before it ended: from the beginning\n");
        } else {
            std::fprintf(stderr, "goes on after step %lld of %lld\n", static_cast<long long>(done),
                         static_cast<long long>(totalSteps));
        }
    };
    return observer;
}

}  // namespace bitlathe::cli
