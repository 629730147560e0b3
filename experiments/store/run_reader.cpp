#include "experiments/store/run_reader.h"

#include "experiments/store/log_error.h"
#include "experiments/store/run_list.h"

#include <SQLiteCpp/Statement.h>

#include <limits>

namespace bitlathe::experiments {

namespace {

void readDocuments(SQLite::Database& database, RunRecord& run) {
    SQLite::Statement statement(database,
                                "SELECT recipe_json, config_json FROM run_documents WHERE run_id = ?");
    statement.bind(1, run.id.value);
    if (statement.executeStep()) {
        run.what.recipeJson = statement.getColumn(0).getString();
        run.what.configJson = statement.getColumn(1).getString();
    }
}

void readEnvironment(SQLite::Database& database, RunRecord& run, WordReader& words) {
    SQLite::Statement statement(database, "SELECT name_id, value_id FROM environment WHERE run_id = ?");
    statement.bind(1, run.id.value);
    while (statement.executeStep()) {
        run.what.environment[words.text(database, statement.getColumn(0).getInt64())] =
            words.text(database, statement.getColumn(1).getInt64());
    }
}

}  // namespace

RunRecord readRun(SQLite::Database& database, RunId id, WordReader& words) {
    SQLite::Statement statement(database, std::string("SELECT ") + kRunColumns + " FROM runs WHERE id = ?");
    statement.bind(1, id.value);
    if (!statement.executeStep()) {
        throw logError("there is no run " + std::to_string(id.value) + " in the log '" +
                       database.getFilename() + "'");
    }
    RunRecord run = readRunRow(statement);
    readDocuments(database, run);
    readEnvironment(database, run, words);
    readMetrics(database, run, words);
    return run;
}

std::vector<LayerStatistic> readLayerStatistics(SQLite::Database& database, RunId run, WordReader& words) {
    SQLite::Statement statement(database,
                                "SELECT layer_id, site_id, name_id, value FROM layer_statistics WHERE run_id "
                                "= ? ORDER BY position");
    statement.bind(1, run.value);
    std::vector<LayerStatistic> statistics;
    while (statement.executeStep()) {
        const SQLite::Column value = statement.getColumn(3);
        statistics.push_back({core::LayerId(words.text(database, statement.getColumn(0).getInt64())),
                              words.text(database, statement.getColumn(1).getInt64()),
                              words.text(database, statement.getColumn(2).getInt64()),
                              value.isNull() ? std::numeric_limits<double>::quiet_NaN() : value.getDouble()});
    }
    return statistics;
}

std::vector<MetricStep> readMetricSteps(SQLite::Database& database, RunId run) {
    SQLite::Statement statement(database,
                                "SELECT text, step, value FROM metric_steps JOIN words ON words.id = name_id "
                                "WHERE run_id = ? ORDER BY text, step");
    statement.bind(1, run.value);
    std::vector<MetricStep> steps;
    while (statement.executeStep()) {
        const SQLite::Column value = statement.getColumn(2);
        steps.push_back({statement.getColumn(0).getString(), statement.getColumn(1).getDouble(),
                         value.isNull() ? std::numeric_limits<double>::quiet_NaN() : value.getDouble()});
    }
    return steps;
}

std::vector<Artefact> readArtefacts(SQLite::Database& database, RunId run) {
    SQLite::Statement statement(
        database, "SELECT kind, path, sha256, size_bytes FROM artefacts WHERE run_id = ? ORDER BY id");
    statement.bind(1, run.value);
    std::vector<Artefact> artefacts;
    while (statement.executeStep()) {
        artefacts.push_back({statement.getColumn(0).getString(), statement.getColumn(1).getString(),
                             statement.getColumn(2).getString(), statement.getColumn(3).getInt64()});
    }
    return artefacts;
}

std::vector<std::string> readMetricNames(SQLite::Database& database) {
    // One search of the index per word; a DISTINCT over metrics would visit every row of a large log.
    SQLite::Statement statement(database,
                                "SELECT text FROM words WHERE EXISTS (SELECT 1 FROM metrics WHERE name_id = "
                                "words.id) ORDER BY text");
    std::vector<std::string> names;
    while (statement.executeStep()) {
        names.push_back(statement.getColumn(0).getString());
    }
    return names;
}

}  // namespace bitlathe::experiments
