#include "experiments/store/run_list.h"

#include "experiments/store/clock.h"

#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <utility>

namespace bitlathe::experiments {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSortColumns{{
    {"id", "runs.id"},
    {"name", "runs.name COLLATE NOCASE"},
    {"recipe", "runs.recipe_name COLLATE NOCASE"},
    {"model", "runs.model_path"},
    {"status", "runs.status"},
    {"started", "runs.started_ms"},
    {"elapsed", "runs.elapsed_ms"},
}};

/// Above this many rows one pass over all metrics is quicker than a search per run.
constexpr std::size_t kSearchLimit = 2000;

std::string escapedLike(const std::string& text) {
    std::string pattern = "%";
    for (const char c : text) {
        if (c == '%' || c == '_' || c == '\\') {
            pattern += '\\';
        }
        pattern += c;
    }
    return pattern + "%";
}

std::string conditions(const RunQuery& query) {
    std::string sql = "1";
    if (!query.text.empty()) {
        sql += " AND (runs.name LIKE :text ESCAPE '\\' OR runs.recipe_name LIKE :text ESCAPE '\\' OR "
               "runs.model_path "
               "LIKE :text ESCAPE '\\')";
    }
    if (query.status) {
        sql += " AND runs.status = :status";
    }
    if (!query.groupId.empty()) {
        sql += " AND runs.group_id = :group";
    }
    return sql;
}

void bindConditions(SQLite::Statement& statement, const RunQuery& query) {
    if (!query.text.empty()) {
        statement.bind(":text", escapedLike(query.text));
    }
    if (query.status) {
        statement.bind(":status", std::string(runStatusName(*query.status)));
    }
    if (!query.groupId.empty()) {
        statement.bind(":group", query.groupId);
    }
}

struct Page {
    std::int64_t limit = 0;
    std::int64_t offset = 0;
};

std::vector<RunRecord> select(SQLite::Database& database, const RunQuery& query, const std::string& tail,
                              Page page, std::optional<std::int64_t> metricId = {}) {
    SQLite::Statement statement(database,
                                std::string("SELECT ") + kRunColumns + tail + " LIMIT :limit OFFSET :offset");
    bindConditions(statement, query);
    if (metricId) {
        statement.bind(":metric", *metricId);
    }
    statement.bind(":limit", page.limit);
    statement.bind(":offset", page.offset);
    std::vector<RunRecord> rows;
    while (statement.executeStep()) {
        rows.push_back(readRunRow(statement));
    }
    return rows;
}

std::optional<std::int64_t> findWord(SQLite::Database& database, const std::string& text) {
    SQLite::Statement statement(database, "SELECT id FROM words WHERE text = ?");
    statement.bind(1, text);
    return statement.executeStep() ? std::optional(statement.getColumn(0).getInt64()) : std::nullopt;
}

std::int64_t countWithMetric(SQLite::Database& database, std::int64_t metricId) {
    SQLite::Statement statement(database,
                                "SELECT count(*) FROM metrics WHERE name_id = ? AND value IS NOT NULL");
    statement.bind(1, metricId);
    statement.executeStep();
    return statement.getColumn(0).getInt64();
}

/// Every run, no filter: walks the index metrics_by_value and stops when the page is full, then continues
/// with the runs that lack the metric (or where it is not a number).
std::vector<RunRecord> selectAllByMetric(SQLite::Database& database, const RunQuery& query,
                                         std::int64_t metricId, Page page, const std::string& direction) {
    // CROSS JOIN: SQLite keeps this order of the tables, whatever its estimates say.
    std::vector<RunRecord> rows = select(
        database, query,
        " FROM metrics CROSS JOIN runs ON runs.id = metrics.run_id WHERE metrics.name_id = :metric AND "
        "metrics.value IS NOT NULL ORDER BY metrics.value" +
            direction + ", metrics.run_id" + direction,
        page, metricId);
    const auto found = static_cast<std::int64_t>(rows.size());
    if (found == page.limit) {
        return rows;
    }
    const std::int64_t skipped =
        found > 0 || page.offset == 0 ? 0 : page.offset - countWithMetric(database, metricId);
    std::vector<RunRecord> rest = select(
        database, query,
        " FROM runs WHERE NOT EXISTS (SELECT 1 FROM metrics WHERE run_id = runs.id AND name_id = :metric AND "
        "value IS NOT NULL) ORDER BY runs.id" +
            direction,
        {page.limit - found, skipped}, metricId);
    rows.insert(rows.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
    return rows;
}

/// With a filter the rows are found first: a rare match would make the index walk visit every run at random
/// places.
std::vector<RunRecord> selectByMetric(SQLite::Database& database, const RunQuery& query,
                                      std::int64_t metricId, Page page) {
    const std::string direction = query.isDescending ? " DESC" : " ASC";
    if (query.text.empty() && !query.status && query.groupId.empty()) {
        return selectAllByMetric(database, query, metricId, page, direction);
    }
    return select(
        database, query,
        " FROM runs LEFT JOIN metrics ON metrics.run_id = runs.id AND metrics.name_id = :metric WHERE " +
            conditions(query) + " ORDER BY metrics.value IS NULL, metrics.value" + direction + ", runs.id" +
            direction,
        page, metricId);
}

std::vector<RunRecord> selectRows(SQLite::Database& database, const RunQuery& query) {
    const Page page{query.limit > 0 ? query.limit : std::numeric_limits<std::int64_t>::max(), query.offset};
    const auto column = std::find_if(kSortColumns.begin(), kSortColumns.end(),
                                     [&](const auto& entry) { return entry.first == query.sortBy; });
    if (column == kSortColumns.end()) {
        if (const auto metricId = findWord(database, query.sortBy)) {
            return selectByMetric(database, query, *metricId, page);
        }
    }
    const std::string direction = query.isDescending ? " DESC" : " ASC";
    const std::string key = std::string(column == kSortColumns.end() ? "runs.id" : column->second);
    return select(database, query,
                  " FROM runs WHERE " + conditions(query) + " ORDER BY " + key + direction + ", runs.id" +
                      direction,
                  page);
}

std::optional<double> optionalReal(const SQLite::Column& column) {
    return column.isNull() ? std::nullopt : std::optional(column.getDouble());
}

/// Columns: name_id, value, unit_id, samples, lower95, upper95, starting at `first`.
core::Metric readMetric(SQLite::Database& database, SQLite::Statement& statement, int first,
                        WordReader& words) {
    core::Metric metric;
    metric.name = words.text(database, statement.getColumn(first).getInt64());
    metric.value =
        optionalReal(statement.getColumn(first + 1)).value_or(std::numeric_limits<double>::quiet_NaN());
    metric.unit = words.text(database, statement.getColumn(first + 2).getInt64());
    metric.samples = statement.getColumn(first + 3).getInt64();
    metric.lower95 = optionalReal(statement.getColumn(first + 4));
    metric.upper95 = optionalReal(statement.getColumn(first + 5));
    return metric;
}

void readAllMetrics(SQLite::Database& database, std::vector<RunRecord>& rows, WordReader& words) {
    std::unordered_map<std::int64_t, RunRecord*> byId;
    byId.reserve(rows.size());
    for (RunRecord& row : rows) {
        byId.emplace(row.id.value, &row);
    }
    SQLite::Statement statement(
        database,
        "SELECT run_id, name_id, value, unit_id, samples, lower95, upper95 FROM metrics ORDER BY run_id");
    std::int64_t current = 0;
    RunRecord* row = nullptr;
    while (statement.executeStep()) {
        const std::int64_t id = statement.getColumn(0).getInt64();
        if (id != current) {
            current = id;
            const auto found = byId.find(id);
            row = found == byId.end() ? nullptr : found->second;
        }
        if (row != nullptr) {
            core::Metric metric = readMetric(database, statement, 1, words);
            row->metrics.emplace(metric.name, std::move(metric));
        }
    }
}

}  // namespace

const char* const kRunColumns =
    "runs.id, runs.name, runs.recipe_name, runs.model_path, runs.group_id, runs.device_id, "
    "runs.status, runs.seed, runs.threads, runs.started_ms, runs.finished_ms, "
    "runs.elapsed_ms, runs.error, runs.model_hash, runs.data_hash, runs.config_hash";

RunRecord readRunRow(SQLite::Statement& statement) {
    RunRecord run;
    run.id = {statement.getColumn(0).getInt64()};
    run.what.name = statement.getColumn(1).getString();
    run.what.recipeName = statement.getColumn(2).getString();
    run.what.modelPath = statement.getColumn(3).getString();
    run.what.groupId = statement.getColumn(4).getString();
    run.what.deviceId = statement.getColumn(5).getString();
    run.status = runStatusFromName(statement.getColumn(6).getText());
    run.what.seed = {static_cast<std::uint64_t>(statement.getColumn(7).getInt64())};
    run.what.threads = statement.getColumn(8).getInt();
    run.startedAt = isoTime(statement.getColumn(9).getInt64());
    if (!statement.getColumn(10).isNull()) {
        run.finishedAt = isoTime(statement.getColumn(10).getInt64());
    }
    run.elapsedMs = statement.getColumn(11).getDouble();
    run.error = statement.getColumn(12).getString();
    run.what.modelHash = statement.getColumn(13).getString();
    run.what.dataHash = statement.getColumn(14).getString();
    run.what.configHash = statement.getColumn(15).getString();
    return run;
}

void readMetrics(SQLite::Database& database, RunRecord& run, WordReader& words) {
    SQLite::Statement statement(
        database, "SELECT name_id, value, unit_id, samples, lower95, upper95 FROM metrics WHERE run_id = ?");
    statement.bind(1, run.id.value);
    while (statement.executeStep()) {
        core::Metric metric = readMetric(database, statement, 0, words);
        run.metrics.emplace(metric.name, std::move(metric));
    }
}

std::vector<RunRecord> listRuns(SQLite::Database& database, const RunQuery& query, WordReader& words) {
    std::vector<RunRecord> rows = selectRows(database, query);
    if (rows.size() > kSearchLimit) {
        readAllMetrics(database, rows, words);
        return rows;
    }
    for (RunRecord& row : rows) {
        readMetrics(database, row, words);
    }
    return rows;
}

std::int64_t countRuns(SQLite::Database& database, const RunQuery& query) {
    SQLite::Statement statement(database, "SELECT count(*) FROM runs WHERE " + conditions(query));
    bindConditions(statement, query);
    statement.executeStep();
    return statement.getColumn(0).getInt64();
}

}  // namespace bitlathe::experiments
