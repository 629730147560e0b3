#include "experiments/store/sqlite_experiment_log.h"

#include "experiments/store/log_error.h"
#include "experiments/store/run_folder.h"
#include "experiments/store/run_list.h"
#include "experiments/store/run_reader.h"
#include "experiments/store/run_writer.h"
#include "experiments/store/sensitivity_cache.h"
#include "experiments/store/statistics_cache.h"

#include <spdlog/spdlog.h>

namespace bitlathe::experiments {

std::unique_ptr<ExperimentLog> ExperimentLog::open(const std::string& path) {
    return std::make_unique<SqliteExperimentLog>(path);
}

SqliteExperimentLog::SqliteExperimentLog(const std::string& path, const LogDatabaseOptions& options)
    : m_path(path), m_database(openLogDatabase(path, options)) {
    const int interrupted = guarded(m_path, [&] { return markInterruptedRuns(*m_database); });
    if (interrupted > 0) {
        spdlog::warn("{} run{} had been cut off by the end of their process and are marked interrupted",
                     interrupted, interrupted == 1 ? "" : "s");
    }
}

int SqliteExperimentLog::schemaVersion() const {
    return guarded(m_path, [&] { return experiments::schemaVersion(*m_database); });
}

RunId SqliteExperimentLog::beginRun(const NewRun& run) {
    const RunId id = guarded(m_path, [&] { return insertRun(*m_database, run); });
    m_begun[id] = Clock::now();
    return id;
}

void SqliteExperimentLog::addMetric(RunId run, const core::Metric& metric) {
    guarded(m_path, [&] { insertMetric(*m_database, run, metric); });
}

void SqliteExperimentLog::addMetricSteps(RunId run, const std::vector<MetricStep>& steps) {
    guarded(m_path, [&] { insertMetricSteps(*m_database, run, steps); });
}

void SqliteExperimentLog::addLayerStatistics(RunId run, const std::vector<LayerStatistic>& statistics) {
    guarded(m_path, [&] { insertLayerStatistics(*m_database, run, statistics); });
}

void SqliteExperimentLog::addArtefact(RunId run, const Artefact& artefact) {
    guarded(m_path, [&] { insertArtefact(*m_database, run, artefact); });
}

void SqliteExperimentLog::finishRun(RunId run, RunStatus status, const std::string& error) {
    if (status == RunStatus::Running) {
        throw logError("run " + std::to_string(run.value) + " cannot be closed as running");
    }
    const auto begun = m_begun.find(run);
    const double elapsedMs =
        begun == m_begun.end()
            ? -1.0
            : std::chrono::duration<double, std::milli>(Clock::now() - begun->second).count();
    guarded(m_path, [&] { closeRun(*m_database, run, status, error, elapsedMs); });
    m_begun.erase(run);
}

void SqliteExperimentLog::renameRun(RunId run, const std::string& name) {
    guarded(m_path, [&] { updateRunName(*m_database, run, name); });
}

void SqliteExperimentLog::removeRun(RunId run) {
    guarded(m_path, [&] { deleteRun(*m_database, run); });
    m_begun.erase(run);
    removeRunFolder(*this, run);
}

std::vector<RunRecord> SqliteExperimentLog::runs(const RunQuery& query) const {
    return guarded(m_path, [&] { return listRuns(*m_database, query, m_words); });
}

std::int64_t SqliteExperimentLog::runCount(const RunQuery& query) const {
    return guarded(m_path, [&] { return countRuns(*m_database, query); });
}

std::vector<std::string> SqliteExperimentLog::metricNames() const {
    return guarded(m_path, [&] { return readMetricNames(*m_database); });
}

RunRecord SqliteExperimentLog::run(RunId id) const {
    return guarded(m_path, [&] { return readRun(*m_database, id, m_words); });
}

std::vector<LayerStatistic> SqliteExperimentLog::layerStatistics(RunId id) const {
    return guarded(m_path, [&] { return readLayerStatistics(*m_database, id, m_words); });
}

std::vector<MetricStep> SqliteExperimentLog::metricSteps(RunId id) const {
    return guarded(m_path, [&] { return readMetricSteps(*m_database, id); });
}

std::vector<Artefact> SqliteExperimentLog::artefacts(RunId id) const {
    return guarded(m_path, [&] { return readArtefacts(*m_database, id); });
}

std::int64_t SqliteExperimentLog::dataVersion() const {
    return guarded(m_path, [&] { return m_database->execAndGet("PRAGMA data_version").getInt64(); });
}

void SqliteExperimentLog::storeStatistics(const core::Statistics& statistics) {
    guarded(m_path, [&] { storeStatisticsSet(*m_database, statistics); });
}

std::optional<core::Statistics> SqliteExperimentLog::findStatistics(const std::string& modelHash,
                                                                    const std::string& dataHash) const {
    return guarded(m_path, [&] { return findStatisticsSet(*m_database, modelHash, dataHash); });
}

void SqliteExperimentLog::storeSensitivity(const std::string& modelHash, const std::string& dataHash,
                                           std::span<const core::SensitivityProbe> probes,
                                           const core::SensitivityTable& table) {
    guarded(m_path, [&] { storeSensitivitySet(*m_database, modelHash, dataHash, probes, table); });
}

core::SensitivityTable
SqliteExperimentLog::findSensitivity(const std::string& modelHash, const std::string& dataHash,
                                     std::span<const core::SensitivityProbe> probes) const {
    return guarded(m_path, [&] { return findSensitivitySet(*m_database, modelHash, dataHash, probes); });
}

}  // namespace bitlathe::experiments
