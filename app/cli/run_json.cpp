#include "app/cli/run_json.h"

#include "app/cli/output.h"

namespace bitlathe::cli {

nlohmann::json metricToJson(const core::Metric& metric) {
    nlohmann::json json{{"value", metric.value}, {"unit", metric.unit}, {"samples", metric.samples}};
    if (metric.lower95 && metric.upper95) {
        json["lower95"] = *metric.lower95;
        json["upper95"] = *metric.upper95;
    }
    return json;
}

nlohmann::json runToJson(const experiments::RunRecord& run) {
    nlohmann::json metrics = nlohmann::json::object();
    for (const auto& [name, metric] : run.metrics) {
        metrics[name] = metricToJson(metric);
    }
    return {{"id", run.id.value},
            {"name", run.what.name},
            {"recipe", run.what.recipeName},
            {"group", run.what.groupId},
            {"status", experiments::runStatusName(run.status)},
            {"started", run.startedAt},
            {"finished", run.finishedAt},
            {"elapsed_ms", run.elapsedMs},
            {"model", run.what.modelPath},
            {"model_hash", run.what.modelHash},
            {"data_hash", run.what.dataHash},
            {"config_hash", run.what.configHash},
            {"device", run.what.deviceId},
            {"seed", run.what.seed.value},
            {"threads", run.what.threads},
            {"error", run.error},
            {"metrics", std::move(metrics)}};
}

nlohmann::json artefactToJson(const experiments::Artefact& artefact) {
    return {{"kind", artefact.kind},
            {"path", artefact.path},
            {"sha256", artefact.sha256},
            {"size_bytes", artefact.sizeBytes}};
}

std::string metricText(const core::Metric& metric) {
    if (metric.unit == "B") {
        return bytesText(metric.value);
    }
    if (metric.unit == "%" || metric.unit == "bit" || metric.unit == "dB") {
        return decimals(metric.value, 2);
    }
    if (metric.unit == "images/s" || metric.unit.empty()) {
        return decimals(metric.value, 0);
    }
    return decimals(metric.value, 4);
}

std::string metricText(const experiments::RunRecord& run, const std::string& name) {
    const auto found = run.metrics.find(name);
    return found == run.metrics.end() ? "" : metricText(found->second);
}

}  // namespace bitlathe::cli
