#include "experiments/recipes/recipe_session.h"

#include "core/graph/prepare.h"
#include "core/ptq/needed_detail.h"
#include "core/types/error.h"
#include "core/util/sha256.h"
#include "experiments/recipes/calibration.h"
#include "experiments/recipes/model_source.h"
#include "experiments/records/environment_record.h"
#include "experiments/store/statistics_file.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>

namespace bitlathe::experiments {

namespace {

/// Unlike any other execution's: time, process and a counter, hashed to one short word.
std::string freshGroupId(const std::string& recipeName) {
    static std::atomic<std::uint64_t> counter{0};
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return core::sha256Hex(recipeName + "\n" + std::to_string(now) + "\n" + std::to_string(getpid()) + "\n" +
                           std::to_string(++counter))
        .substr(0, 16);
}

bool isAllFloat(const core::QuantConfig& config) {
    return config.input.isFloat() &&
           std::all_of(config.layers.begin(), config.layers.end(), [](const auto& entry) {
               return entry.second.weight.isFloat() && entry.second.output.isFloat();
           });
}

}  // namespace

RecipeSession::RecipeSession(const Recipe& recipeToRun, core::Engine& engineToUse, ExperimentLog& logToFill,
                             const core::DeviceCatalogue& devices, const core::RunContext& context,
                             const RecipeObserver& observerToTell, const Execution& howToExecute)
    : recipe(recipeToRun), engine(engineToUse), log(logToFill), observer(observerToTell),
      execution(howToExecute), groupId(freshGroupId(recipeToRun.name)), m_context(context) {
    if (!recipe.device.empty()) {
        device = devices.find(recipe.device);
    }
    engine.setThreads(recipe.threads);
    m_environment = describeEnvironment(engine.info());
}

core::RunContext RecipeSession::stageContext(const std::string& name) const {
    core::RunContext named = m_context;
    named.beginStage(name);
    return named;
}

core::Graph RecipeSession::loadModel() {
    if (recipe.model.run > 0) {
        RunModel parent = loadRunModel(log, RunId{recipe.model.run}, engine);
        modelPath = parent.path;
        model = core::prepare(parent.graph, recipe.model.inputShape);
        learned = std::move(parent.learned);
        return std::move(parent.graph);
    }
    LoadedModel loaded = experiments::loadModel(recipe.model, recipe.folder, recipe.seed, engine, m_context);
    modelPath = loaded.path;
    model = core::prepare(loaded.graph, recipe.model.inputShape);
    return std::move(loaded.graph);
}

core::QuantizedModel RecipeSession::resolve(const core::QuantConfig& config) {
    const core::PreparedModel prepared = core::preparedFor(model, config);
    if (isAllFloat(config) && config.postTraining.empty()) {
        // A float variant needs no statistics, and must not pay for them.
        return {prepared, core::resolvePlan(prepared, config, {}), {}};
    }
    core::PostTrainingTools tools;
    tools.engine = &engine;
    const auto* const calibrate = stage<CalibrateStage>();
    const bool needsImages = calibrate == nullptr || calibrate->load.empty() || !config.postTraining.empty();
    tools.data =
        needsImages ? calibrationData() : nullptr;  // with a statistics file, no data set has to be there
    const core::ChannelDetail detail = core::channelDetailFor(config);
    tools.calibrate = [this, detail](const core::PreparedModel& changed) {
        return statistics(changed, detail);
    };
    tools.context = stageContext("post-training");
    tools.seed = recipe.seed;
    core::QuantizedModel quantized =
        core::applyPostTraining(prepared, config, statistics(prepared, detail), tools);
    if (learned) {
        core::keepLearnedGrids(quantized.plan, config, *learned);
    }
    return quantized;
}

const core::BatchSource* RecipeSession::calibrationData() {
    const auto* const calibrate = stage<CalibrateStage>();
    if (calibrate != nullptr && !m_calibrationData) {
        m_calibrationData =
            std::make_unique<core::BatchSource>(calibrationBatches(recipe.data, *calibrate, recipe.seed));
    }
    return m_calibrationData.get();
}

const core::Statistics& RecipeSession::statistics(const core::PreparedModel& prepared,
                                                  core::ChannelDetail wanted) {
    const auto* const calibrate = stage<CalibrateStage>();
    // A file is for whatever will be made of it.
    const core::ChannelDetail detail =
        calibrate != nullptr && !calibrate->save.empty() ? core::ChannelDetail::Histograms : wanted;
    for (const core::ChannelDetail enough : {detail, core::ChannelDetail::Histograms}) {
        const auto found = m_statistics.find({prepared.hash, enough});
        if (found != m_statistics.end()) {
            return found->second;
        }
    }
    const auto keep = [&](core::Statistics fresh) -> const core::Statistics& {
        return m_statistics[{prepared.hash, detail}] = std::move(fresh);
    };
    if (calibrate != nullptr && !calibrate->load.empty()) {
        if (auto loaded = loadedStatistics(*calibrate, prepared)) {
            return keep(std::move(*loaded));
        }
    }
    const core::BatchSource* const data = calibrationData();
    if (data == nullptr) {
        return keep({});
    }
    core::Statistics fresh = findOrCalibrate(prepared, *data, detail, engine, log, m_context).statistics;
    if (!calibrate->save.empty() && prepared.hash == model.hash) {
        saveStatistics(fresh, calibrate->save);
    }
    return keep(std::move(fresh));
}

std::optional<core::Statistics> RecipeSession::loadedStatistics(const CalibrateStage& calibrate,
                                                                const core::PreparedModel& prepared) const {
    namespace fs = std::filesystem;
    const fs::path beside = fs::path(recipe.folder) / calibrate.load;
    core::Statistics statistics =
        loadStatistics(!recipe.folder.empty() && fs::exists(beside) ? beside.string() : calibrate.load);
    if (statistics.modelHash == prepared.hash) {
        return statistics;
    }
    if (prepared.hash != model.hash) {
        // A form of the model that batch-norm modes or post-training methods made: from images.
        return std::nullopt;
    }
    throw core::Error(core::ErrorCode::InvalidConfig,
                      "statistics file " + calibrate.load +
                          " was collected on another model or other weights than '" + model.graph.name +
                          "'; calibrate this one, or drop \"load\"");
}

const core::BatchSource& RecipeSession::evaluationData(const EvaluateStage& evaluate) {
    if (!m_evaluationData) {
        core::BatchSource::Options options;
        options.batchSize = evaluate.batchSize;
        options.samples = evaluate.samples;
        m_evaluationData = std::make_unique<core::BatchSource>(core::openDataset(recipe.data, evaluate.split),
                                                               recipe.data, options);
    }
    return *m_evaluationData;
}

const core::EvaluationResult& RecipeSession::floatEvaluation(const EvaluateStage& evaluate) {
    if (!m_floatEvaluation) {
        m_floatEvaluation =
            engine.evaluate(model, {}, evaluationData(evaluate), stageContext("evaluate the float model"));
    }
    return *m_floatEvaluation;
}

NewRun RecipeSession::newRun(const std::string& name) const {
    NewRun run;
    run.name = name;
    run.recipeName = recipe.name;
    run.groupId = groupId;
    run.modelPath = modelPath;
    run.modelHash = model.hash;
    run.dataHash = m_evaluationData ? m_evaluationData->hash() : "";
    run.deviceId = device ? device->id : "";
    run.seed = recipe.seed;
    run.threads = recipe.threads;
    run.environment = m_environment;
    return run;
}

}  // namespace bitlathe::experiments
