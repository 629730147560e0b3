#include "experiments/jobs/run_recipe_job.h"

#include "experiments/recipes/resume_run.h"
#include "experiments/recipes/worker_processes.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <optional>
#include <vector>

namespace bitlathe::experiments {

namespace {

template <typename Kind>
const Kind* stageOf(const Recipe& recipe) {
    for (const Stage& stage : recipe.stages) {
        if (const auto* const found = std::get_if<Kind>(&stage)) {
            return found;
        }
    }
    return nullptr;
}

/// A recipe in a file of its own, which goes with this object.
class RecipeOnDisk {
public:
    explicit RecipeOnDisk(const Recipe& recipe) {
        static std::atomic<int> counter{0};
        m_path = (std::filesystem::temp_directory_path() /
                  ("bitlathe-recipe-" + std::to_string(getpid()) + "-" + std::to_string(++counter) + ".json"))
                     .string();
        recipe.save(m_path);
    }
    ~RecipeOnDisk() {
        std::error_code ignored;
        std::filesystem::remove(m_path, ignored);
    }
    RecipeOnDisk(const RecipeOnDisk&) = delete;
    RecipeOnDisk& operator=(const RecipeOnDisk&) = delete;
    const std::string& path() const noexcept { return m_path; }

private:
    std::string m_path;
};

}  // namespace

std::string RunRecipeJob::name() const {
    const bool isOne = m_recipe.variants.size() == 1;
    if (isOne && stageOf<QatStage>(m_recipe) != nullptr) {
        return "QAT " + m_recipe.variants.front().name;
    }
    return m_recipe.name;
}

std::int64_t RunRecipeJob::plannedEpochs() const {
    if (const auto* const train = stageOf<TrainStage>(m_recipe)) {
        return train->options.epochs;
    }
    const auto* const qat = stageOf<QatStage>(m_recipe);
    return qat != nullptr ? qat->options.epochs : 0;
}

RecipeResult RunRecipeJob::execute(JobScope& scope, ExperimentLog& log,
                                   const RecipeObserver& observer) const {
    core::Engine& engine = scope.engine();
    if (m_options.resumed.isValid()) {
        return resumeRun(m_options.resumed, engine, log, *m_target.devices, scope.context(), observer);
    }
    Execution execution;
    std::optional<RecipeOnDisk> file;
    std::optional<WorkerProcesses> others;
    if (m_options.workers > 1) {
        file.emplace(m_recipe);
        others.emplace(m_options.workers, m_options.workerProgram,
                       std::vector<std::string>{m_options.workerProgram, "run", file->path()});
        execution.workers = others->group();
    }
    return runRecipe(m_recipe, engine, log, *m_target.devices, scope.context(), observer, execution);
}

JobProduct RunRecipeJob::run(JobScope& scope) {
    const std::unique_ptr<ExperimentLog> log = ExperimentLog::open(m_target.logPath);
    RecipeObserver observer;
    observer.onVariant = [&](const VariantResult& result) {
        scope.publish(std::make_shared<const VariantResult>(result));
    };
    observer.onStep = [&](const core::StepReport& report) {
        scope.publish(std::make_shared<const core::StepReport>(report));
    };
    observer.onEpoch = [&](const core::EpochReport& report) {
        scope.publish(std::make_shared<const core::EpochReport>(report));
    };
    return std::make_shared<const RecipeResult>(execute(scope, *log, observer));
}

}  // namespace bitlathe::experiments
