#include "experiments/jobs/open_model_job.h"

#include "core/graph/prepare.h"
#include "core/plan/quant_plan.h"
#include "core/zoo/zoo.h"
#include "experiments/recipes/model_source.h"

#include <filesystem>

namespace bitlathe::experiments {

std::string OpenModelJob::name() const {
    if (m_source.run > 0) {
        return "run " + std::to_string(m_source.run);
    }
    return m_source.file.empty() ? m_source.zoo : std::filesystem::path(m_source.file).filename().string();
}

core::Graph OpenModelJob::readGraph(JobScope& scope, OpenedModel& opened) const {
    if (m_source.run > 0) {
        core::Engine& engine = scope.engine();
        scope.context().beginStage("import");
        scope.context().checkpoint(0, 1, name());
        RunModel run = loadRunModel(*ExperimentLog::open(m_logPath), RunId{m_source.run}, engine);
        if (run.learned) {
            opened.learned = std::make_shared<const core::LearnedPlan>(std::move(*run.learned));
        }
        return std::move(run.graph);
    }
    if (m_source.file.empty()) {
        return core::buildZooModel(m_source.zoo, m_source.zooParams, m_seed);
    }
    core::Engine& engine = scope.engine();
    scope.context().beginStage("import");
    scope.context().checkpoint(0, 1, m_source.file);
    return engine.importTorchScript(m_source.file, m_source.inputShape);
}

JobProduct OpenModelJob::run(JobScope& scope) {
    auto opened = std::make_shared<OpenedModel>();
    opened->source = m_source;
    const core::Graph graph = readGraph(scope, *opened);

    core::RunContext& context = scope.context();
    context.beginStage("fold batch norm");
    context.checkpoint(0, 1);
    opened->model = std::make_shared<const core::PreparedModel>(core::prepare(graph, m_source.inputShape));

    context.beginStage("measure weights");
    opened->weightStatistics =
        std::make_shared<const core::Statistics>(measureWeights(*opened->model, context));
    opened->findings = core::lint(*opened->model);
    return std::shared_ptr<const OpenedModel>(std::move(opened));
}

core::Statistics measureWeights(const core::PreparedModel& model, const core::RunContext& context) {
    core::Statistics statistics;
    statistics.modelHash = model.hash;
    const auto total = static_cast<std::int64_t>(model.layers.size());
    std::int64_t done = 0;
    for (const core::Layer& layer : model.layers) {
        context.checkpoint(done, total, layer.id.str());
        if (layer.hasWeights()) {
            statistics.sites.emplace(core::SiteId{layer.id, core::SiteKind::Weight},
                                     core::weightStatistics(core::layerWeights(model, layer)));
        }
        ++done;
    }
    context.checkpoint(total, total);
    return statistics;
}

}  // namespace bitlathe::experiments
