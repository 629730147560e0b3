#pragma once

#include "core/search/sensitivity.h"
#include "core/types/site_statistics.h"
#include "experiments/records/run_record.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::experiments {

/// Which rows, in which order. One indexed query whatever the number of runs.
struct RunQuery {
    std::string text;  ///< substring of name, recipe or model path, any case (ASCII); empty: all
    std::optional<RunStatus> status;
    std::string groupId;  ///< empty: all
    /// "id", "name", "recipe", "model", "status", "started", "elapsed" or a metric's name. Runs without that
    /// metric come last in either direction.
    std::string sortBy = "id";
    bool isDescending = true;
    std::int64_t limit = 0;  ///< 0: all
    std::int64_t offset = 0;
};

/// The experiment log: one SQLite file (WAL, foreign keys, busy timeout). A connection belongs to the thread
/// that opened it; open another for another thread, it is cheap.
class ExperimentLog {
public:
    /// Opens or creates; migrates older schemas (after a backup beside the file); marks rows of dead
    /// processes interrupted. Errors  LogError: not a database, another program's database, a newer schema
    /// (states both versions), folder not
    ///         writable, disk full, locked by another program.
    static std::unique_ptr<ExperimentLog> open(const std::string& path);
    virtual ~ExperimentLog() = default;

    virtual const std::string& path() const = 0;
    virtual int schemaVersion() const = 0;

    // One transaction each.
    virtual RunId beginRun(const NewRun& run) = 0;
    virtual void addMetric(RunId run, const core::Metric& metric) = 0;
    /// Points of series, in one transaction; a point that is there already is replaced (a resumed training
    /// repeats its last epoch). Not-a-number is kept as such.
    virtual void addMetricSteps(RunId run, const std::vector<MetricStep>& steps) = 0;
    virtual void addLayerStatistics(RunId run, const std::vector<LayerStatistic>& statistics) = 0;
    virtual void addArtefact(RunId run, const Artefact& artefact) = 0;
    /// Closes a running row; error text for Failed. Errors  LogError: no such run, or closed before.
    virtual void finishRun(RunId run, RunStatus status, const std::string& error = {}) = 0;
    virtual void renameRun(RunId run, const std::string& name) = 0;
    /// With the files it keeps beside the log (run_folder.h); what it exported elsewhere stays.
    virtual void removeRun(RunId run) = 0;

    /// With metrics, without environment and without the recipe's and configuration's texts: run() has those.
    virtual std::vector<RunRecord> runs(const RunQuery& query = {}) const = 0;
    /// Rows the query's text, status and group select, whatever its limit.
    virtual std::int64_t runCount(const RunQuery& query = {}) const = 0;
    /// Every metric some run has, by name: what a list can show and be sorted by.
    virtual std::vector<std::string> metricNames() const = 0;
    /// The whole row. Errors  LogError: no such run.
    virtual RunRecord run(RunId id) const = 0;
    virtual std::vector<LayerStatistic> layerStatistics(RunId id) const = 0;
    /// By name, then in ascending order of the step.
    virtual std::vector<MetricStep> metricSteps(RunId id) const = 0;
    virtual std::vector<Artefact> artefacts(RunId id) const = 0;
    /// Changes whenever another connection wrote (PRAGMA data_version): cheap polling for a live table.
    virtual std::int64_t dataVersion() const = 0;

    // Statistics cache: calibration results by key (model hash + data hash). Least recently used sets leave.
    virtual void storeStatistics(const core::Statistics& statistics) = 0;
    virtual std::optional<core::Statistics> findStatistics(const std::string& modelHash,
                                                           const std::string& dataHash) const = 0;

    // Sensitivity cache: answers by model, data and grid. Least recently used sets leave.
    virtual void storeSensitivity(const std::string& modelHash, const std::string& dataHash,
                                  std::span<const core::SensitivityProbe> probes,
                                  const core::SensitivityTable& table) = 0;
    /// The answers known for these very grids; may hold fewer than asked for.
    virtual core::SensitivityTable findSensitivity(const std::string& modelHash, const std::string& dataHash,
                                                   std::span<const core::SensitivityProbe> probes) const = 0;
};

/// Where the log is when nobody says: $XDG_DATA_HOME/bitlathe/experiments.db (or ~/.local/share/...).
std::string defaultLogPath();

}  // namespace bitlathe::experiments
