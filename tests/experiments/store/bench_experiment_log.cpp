// Times of an experiment log with many runs:  bench_experiment_log FILE [RUNS]
// Makes FILE when it is not there. Prints milliseconds and judges nothing; the goal is 200 ms for opening,
// filtering and sorting by a metric with 100,000 runs.

#include "experiments/store/sqlite_experiment_log.h"
#include "tests/support/log_fixtures.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>

using namespace bitlathe;
using namespace bitlathe::experiments;

namespace {

void fill(const std::string& path, int runs) {
    SqliteExperimentLog log(path);
    NewRun sample = tests::sampleRun();
    sample.recipeJson = std::string(6000, 'r');
    sample.configJson = std::string(9000, 'c');
    const RunId first = log.beginRun(sample);
    for (const char* name : {"top1", "loss", "rom_bytes", "ram_bytes", "mean_weight_bits",
                             "mean_activation_bits", "fits_device", "images_per_second"}) {
        log.addMetric(first, {name, 50.0, "unit", 10000, 49.0, 51.0});
    }
    log.finishRun(first, RunStatus::Succeeded, "");
    // Copies in one transaction: the same rows as 100,000 calls would make, in seconds.
    SQLite::Transaction transaction(log.database());
    const std::string numbers = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                                std::to_string(runs) + ") ";
    log.database().exec(
        numbers +
        "INSERT INTO runs SELECT i, printf('W%dA8 variant %d', 2 + i % 7, i), recipe_name, model_path, "
        "printf('group-%d', i / 5), device_id, status, seed, threads, started_ms + i, finished_ms + i, "
        "elapsed_ms + i % 100, error, model_hash, data_hash, config_hash FROM n, runs WHERE id = 1");
    log.database().exec(numbers +
                        "INSERT INTO run_documents SELECT i, recipe_json, config_json FROM n, run_documents "
                        "WHERE run_id = 1");
    log.database().exec(numbers +
                        "INSERT INTO metrics SELECT i, name_id, abs(random() % 100000) / 1000.0, unit_id, "
                        "samples, lower95, upper95 FROM n, metrics WHERE run_id = 1");
    transaction.commit();
}

void time(const char* what, const std::function<std::size_t()>& work) {
    const auto start = std::chrono::steady_clock::now();
    const std::size_t rows = work();
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    std::printf("%-58s %9.1f ms  %zu rows\n", what, elapsed.count(), rows);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: bench_experiment_log FILE [RUNS]\n");
        return 2;
    }
    const std::string path = argv[1];
    if (!std::filesystem::exists(path)) {
        fill(path, argc > 2 ? std::stoi(argv[2]) : 100000);
    }
    std::unique_ptr<ExperimentLog> log;
    time("open", [&] {
        log = ExperimentLog::open(path);
        return std::size_t{0};
    });
    RunQuery page;
    page.limit = 200;
    time("newest 200", [&] { return log->runs(page).size(); });
    page.sortBy = "top1";
    time("best 200 by a metric", [&] { return log->runs(page).size(); });
    page.offset = 50000;
    time("the same from row 50,000", [&] { return log->runs(page).size(); });
    page.offset = 0;
    page.text = "W4A8";
    time("best 200 of a text filter", [&] { return log->runs(page).size(); });
    page.text = "variant 9999";
    time("best 200 of a rare text", [&] { return log->runs(page).size(); });
    time("count of a text filter", [&] { return static_cast<std::size_t>(log->runCount(page)); });
    page.text.clear();
    page.sortBy = "name";
    time("first 200 by name", [&] { return log->runs(page).size(); });
    time("names of metrics", [&] { return log->metricNames().size(); });
    time("all rows with all metrics", [&] { return log->runs({}).size(); });
    return 0;
}
