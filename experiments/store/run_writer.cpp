#include "experiments/store/run_writer.h"

#include "experiments/store/clock.h"
#include "experiments/store/log_error.h"
#include "experiments/store/process_identity.h"
#include "experiments/store/words.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <cmath>

namespace bitlathe::experiments {

namespace {

// IMMEDIATE takes the write lock at the start, where the busy timeout applies; a read that turns into a write
// would fail at once instead.
constexpr auto kWrite = SQLite::TransactionBehavior::IMMEDIATE;

void requireRun(SQLite::Database& database, RunId run) {
    SQLite::Statement select(database, "SELECT 1 FROM runs WHERE id = ?");
    select.bind(1, run.value);
    if (!select.executeStep()) {
        throw logError("there is no run " + std::to_string(run.value) + " in the log '" +
                       database.getFilename() + "'");
    }
}

/// SQLite stores NaN as NULL; saying so aloud keeps the column's meaning in one place.
void bindReal(SQLite::Statement& statement, int index, double value) {
    std::isnan(value) ? statement.bind(index) : statement.bind(index, value);
}

void bindOptional(SQLite::Statement& statement, int index, const std::optional<double>& value) {
    value ? bindReal(statement, index, *value) : statement.bind(index);
}

std::int64_t insertRunRow(SQLite::Database& database, const NewRun& run) {
    SQLite::Statement insert(
        database,
        "INSERT INTO runs (name, recipe_name, model_path, group_id, device_id, status, seed, threads, "
        "started_ms, model_hash, data_hash, config_hash) VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, "
        "?)");
    insert.bind(1, run.name);
    insert.bind(2, run.recipeName);
    insert.bind(3, run.modelPath);
    insert.bind(4, run.groupId);
    insert.bind(5, run.deviceId);
    insert.bind(6, static_cast<std::int64_t>(run.seed.value));
    insert.bind(7, run.threads);
    insert.bind(8, nowMs());
    insert.bind(9, run.modelHash);
    insert.bind(10, run.dataHash);
    insert.bind(11, run.configHash);
    insert.exec();
    return database.getLastInsertRowid();
}

void insertDocuments(SQLite::Database& database, std::int64_t run, const NewRun& what) {
    SQLite::Statement insert(database,
                             "INSERT INTO run_documents (run_id, recipe_json, config_json) VALUES (?, ?, ?)");
    insert.bind(1, run);
    insert.bind(2, what.recipeJson);
    insert.bind(3, what.configJson);
    insert.exec();
}

void insertProcess(SQLite::Database& database, std::int64_t run) {
    const ProcessIdentity process = currentProcess();
    SQLite::Statement insert(database,
                             "INSERT INTO running_processes (run_id, process_id, process_start, boot_id) "
                             "VALUES (?, ?, ?, ?)");
    insert.bind(1, run);
    insert.bind(2, process.processId);
    insert.bind(3, process.startTicks);
    insert.bind(4, process.bootId);
    insert.exec();
}

void insertEnvironment(SQLite::Database& database, std::int64_t run,
                       const std::map<std::string, std::string>& environment) {
    WordWriter words(database);
    SQLite::Statement insert(database,
                             "INSERT INTO environment (run_id, name_id, value_id) VALUES (?, ?, ?)");
    for (const auto& [name, value] : environment) {
        insert.reset();
        insert.bind(1, run);
        insert.bind(2, words.id(name));
        insert.bind(3, words.id(value));
        insert.exec();
    }
}

RunStatus statusOf(SQLite::Database& database, RunId run) {
    SQLite::Statement select(database, "SELECT status FROM runs WHERE id = ?");
    select.bind(1, run.value);
    select.executeStep();
    return runStatusFromName(select.getColumn(0).getString());
}

}  // namespace

RunId insertRun(SQLite::Database& database, const NewRun& run) {
    SQLite::Transaction transaction(database, kWrite);
    const std::int64_t id = insertRunRow(database, run);
    insertDocuments(database, id, run);
    insertProcess(database, id);
    insertEnvironment(database, id, run.environment);
    transaction.commit();
    return {id};
}

void insertMetric(SQLite::Database& database, RunId run, const core::Metric& metric) {
    SQLite::Transaction transaction(database, kWrite);
    requireRun(database, run);
    WordWriter words(database);
    SQLite::Statement insert(database,
                             "INSERT OR REPLACE INTO metrics (run_id, name_id, value, unit_id, samples, "
                             "lower95, upper95) VALUES (?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, run.value);
    insert.bind(2, words.id(metric.name));
    bindReal(insert, 3, metric.value);
    insert.bind(4, words.id(metric.unit));
    insert.bind(5, metric.samples);
    bindOptional(insert, 6, metric.lower95);
    bindOptional(insert, 7, metric.upper95);
    insert.exec();
    transaction.commit();
}

void insertMetricSteps(SQLite::Database& database, RunId run, const std::vector<MetricStep>& steps) {
    SQLite::Transaction transaction(database, kWrite);
    requireRun(database, run);
    WordWriter words(database);
    SQLite::Statement insert(
        database, "INSERT OR REPLACE INTO metric_steps (run_id, name_id, step, value) VALUES (?, ?, ?, ?)");
    for (const MetricStep& step : steps) {
        insert.reset();
        insert.clearBindings();
        insert.bind(1, run.value);
        insert.bind(2, words.id(step.name));
        insert.bind(3, step.step);
        bindReal(insert, 4, step.value);
        insert.exec();
    }
    transaction.commit();
}

void insertLayerStatistics(SQLite::Database& database, RunId run,
                           const std::vector<LayerStatistic>& statistics) {
    SQLite::Transaction transaction(database, kWrite);
    requireRun(database, run);
    SQLite::Statement last(database,
                           "SELECT coalesce(max(position), -1) FROM layer_statistics WHERE run_id = ?");
    last.bind(1, run.value);
    last.executeStep();
    std::int64_t position = last.getColumn(0).getInt64();

    WordWriter words(database);
    SQLite::Statement insert(database,
                             "INSERT INTO layer_statistics (run_id, position, layer_id, site_id, name_id, "
                             "value) VALUES (?, ?, ?, ?, ?, ?)");
    for (const LayerStatistic& statistic : statistics) {
        insert.reset();
        insert.clearBindings();
        insert.bind(1, run.value);
        insert.bind(2, ++position);
        insert.bind(3, words.id(statistic.layer.str()));
        insert.bind(4, words.id(statistic.site));
        insert.bind(5, words.id(statistic.name));
        bindReal(insert, 6, statistic.value);
        insert.exec();
    }
    transaction.commit();
}

void insertArtefact(SQLite::Database& database, RunId run, const Artefact& artefact) {
    SQLite::Transaction transaction(database, kWrite);
    requireRun(database, run);
    SQLite::Statement insert(
        database, "INSERT INTO artefacts (run_id, kind, path, sha256, size_bytes) VALUES (?, ?, ?, ?, ?)");
    insert.bind(1, run.value);
    insert.bind(2, artefact.kind);
    insert.bind(3, artefact.path);
    insert.bind(4, artefact.sha256);
    insert.bind(5, artefact.sizeBytes);
    insert.exec();
    transaction.commit();
}

void closeRun(SQLite::Database& database, RunId run, RunStatus status, const std::string& error,
              double elapsedMs) {
    SQLite::Transaction transaction(database, kWrite);
    requireRun(database, run);
    const RunStatus before = statusOf(database, run);
    // An interrupted row may be closed by the process that wrote it: seen from another process namespace (a
    // container) it looked dead, and it knows better.
    if (before != RunStatus::Running && before != RunStatus::Interrupted) {
        throw logError("run " + std::to_string(run.value) + " was closed before as " +
                       std::string(runStatusName(before)));
    }
    const std::int64_t now = nowMs();
    SQLite::Statement update(database,
                             "UPDATE runs SET status = ?1, error = ?2, finished_ms = ?3, "
                             "elapsed_ms = iif(?4 >= 0, ?4, max(0, ?3 - started_ms)) WHERE id = ?5");
    update.bind(1, std::string(runStatusName(status)));
    update.bind(2, error);
    update.bind(3, now);
    update.bind(4, elapsedMs);
    update.bind(5, run.value);
    update.exec();
    SQLite::Statement release(database, "DELETE FROM running_processes WHERE run_id = ?");
    release.bind(1, run.value);
    release.exec();
    transaction.commit();
}

void updateRunName(SQLite::Database& database, RunId run, const std::string& name) {
    SQLite::Transaction transaction(database, kWrite);
    requireRun(database, run);
    SQLite::Statement update(database, "UPDATE runs SET name = ? WHERE id = ?");
    update.bind(1, name);
    update.bind(2, run.value);
    update.exec();
    transaction.commit();
}

void deleteRun(SQLite::Database& database, RunId run) {
    SQLite::Transaction transaction(database, kWrite);
    requireRun(database, run);
    SQLite::Statement remove(database, "DELETE FROM runs WHERE id = ?");
    remove.bind(1, run.value);
    remove.exec();
    transaction.commit();
}

int markInterruptedRuns(SQLite::Database& database) {
    std::vector<RunId> dead;
    SQLite::Statement select(database,
                             "SELECT run_id, process_id, process_start, boot_id FROM running_processes");
    while (select.executeStep()) {
        const ProcessIdentity process{select.getColumn(1).getInt64(), select.getColumn(2).getInt64(),
                                      select.getColumn(3).getString()};
        if (!isAlive(process)) {
            dead.push_back({select.getColumn(0).getInt64()});
        }
    }
    select.reset();
    if (dead.empty()) {
        return 0;  // the usual start writes nothing
    }
    SQLite::Transaction transaction(database, kWrite);
    // When it died nobody knows; the time it is noticed closes the row, and no elapsed time is claimed.
    SQLite::Statement update(
        database,
        "UPDATE runs SET status = 'interrupted', finished_ms = ? WHERE id = ? AND status = 'running'");
    SQLite::Statement release(database, "DELETE FROM running_processes WHERE run_id = ?");
    for (const RunId run : dead) {
        update.reset();
        update.bind(1, nowMs());
        update.bind(2, run.value);
        update.exec();
        release.reset();
        release.bind(1, run.value);
        release.exec();
    }
    transaction.commit();
    return static_cast<int>(dead.size());
}

}  // namespace bitlathe::experiments
