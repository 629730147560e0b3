#include "ui/document/trained_runs.h"

#include "experiments/records/metric_names.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace bitlathe::ui {

namespace {

constexpr int kNewestRuns = 300;

/// A run's configuration names every quantized layer: a model that has them all is one it can be put on.
bool speaksOf(const std::string& configJson, const core::PreparedModel& model) {
    if (configJson.empty()) {
        return false;
    }
    const nlohmann::json config = nlohmann::json::parse(configJson, nullptr, false);
    const auto layers = config.find("layers");
    if (layers == config.end() || !layers->is_object() || layers->empty()) {
        return false;
    }
    return std::all_of(layers->items().begin(), layers->items().end(), [&](const auto& layer) {
        return model.findLayer(core::LayerId(layer.key())) != nullptr;
    });
}

QString titleOf(const experiments::RunRecord& run) {
    QString title = QStringLiteral("%1 · %2").arg(run.id.value).arg(QString::fromStdString(run.what.name));
    const auto top1 = run.metrics.find(experiments::metric::kTop1);
    if (top1 != run.metrics.end()) {
        title += QStringLiteral(" · %1 %").arg(QString::number(top1->second.value, 'f', 2));
    }
    return title;
}

}  // namespace

bool hasTrainedModel(const experiments::ExperimentLog& log, experiments::RunId run) {
    const std::vector<experiments::Artefact> artefacts = log.artefacts(run);
    return std::any_of(artefacts.begin(), artefacts.end(),
                       [](const auto& artefact) { return artefact.kind == "torch_script"; });
}

std::vector<TrainedRun> trainedRuns(const experiments::ExperimentLog& log, const core::PreparedModel& model) {
    experiments::RunQuery query;
    query.status = experiments::RunStatus::Succeeded;
    query.limit = kNewestRuns;
    std::vector<TrainedRun> runs;
    for (const experiments::RunRecord& run : log.runs(query)) {
        const bool wasTrained = run.metrics.contains(experiments::metric::kTrainLoss);
        if (wasTrained && hasTrainedModel(log, run.id) && speaksOf(log.run(run.id).what.configJson, model)) {
            runs.push_back({run.id.value, titleOf(run)});
        }
    }
    return runs;
}

}  // namespace bitlathe::ui
