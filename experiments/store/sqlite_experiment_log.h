#pragma once

#include "experiments/store/experiment_log.h"
#include "experiments/store/log_database.h"
#include "experiments/store/words.h"

#include <SQLiteCpp/Database.h>

#include <chrono>
#include <map>

namespace bitlathe::experiments {

/// ExperimentLog over one SQLite connection; translates SQLite's exceptions, leaves the queries to their own
/// files.
class SqliteExperimentLog final : public ExperimentLog {
public:
    explicit SqliteExperimentLog(const std::string& path, const LogDatabaseOptions& options = {});

    const std::string& path() const override { return m_path; }
    int schemaVersion() const override;

    RunId beginRun(const NewRun& run) override;
    void addMetric(RunId run, const core::Metric& metric) override;
    void addMetricSteps(RunId run, const std::vector<MetricStep>& steps) override;
    void addLayerStatistics(RunId run, const std::vector<LayerStatistic>& statistics) override;
    void addArtefact(RunId run, const Artefact& artefact) override;
    void finishRun(RunId run, RunStatus status, const std::string& error) override;
    void renameRun(RunId run, const std::string& name) override;
    void removeRun(RunId run) override;

    std::vector<RunRecord> runs(const RunQuery& query) const override;
    std::int64_t runCount(const RunQuery& query) const override;
    std::vector<std::string> metricNames() const override;
    RunRecord run(RunId id) const override;
    std::vector<LayerStatistic> layerStatistics(RunId id) const override;
    std::vector<MetricStep> metricSteps(RunId id) const override;
    std::vector<Artefact> artefacts(RunId id) const override;
    std::int64_t dataVersion() const override;

    void storeStatistics(const core::Statistics& statistics) override;
    std::optional<core::Statistics> findStatistics(const std::string& modelHash,
                                                   const std::string& dataHash) const override;
    void storeSensitivity(const std::string& modelHash, const std::string& dataHash,
                          std::span<const core::SensitivityProbe> probes,
                          const core::SensitivityTable& table) override;
    core::SensitivityTable findSensitivity(const std::string& modelHash, const std::string& dataHash,
                                           std::span<const core::SensitivityProbe> probes) const override;

    SQLite::Database& database() const noexcept { return *m_database; }

private:
    using Clock = std::chrono::steady_clock;

    std::string m_path;
    std::unique_ptr<SQLite::Database> m_database;
    mutable WordReader m_words;
    std::map<RunId, Clock::time_point>
        m_begun;  ///< of this connection's running rows: no wall clock jumps in elapsed
};

}  // namespace bitlathe::experiments
