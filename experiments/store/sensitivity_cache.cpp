#include "experiments/store/sensitivity_cache.h"

#include "experiments/store/clock.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <cmath>
#include <limits>

namespace bitlathe::experiments {

namespace {

std::string siteName(core::SiteKind kind) {
    return kind == core::SiteKind::Weight ? "weight" : "output";
}

/// Id of the set, made or brought up to date.
std::int64_t putSet(SQLite::Database& database, const std::string& modelHash, const std::string& dataHash,
                    const core::SensitivityTable& table) {
    SQLite::Statement put(
        database, "INSERT INTO sensitivity_sets (model_hash, data_hash, samples, float_loss, float_correct, "
                  "used_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (model_hash, data_hash) DO UPDATE SET "
                  "used_ms = excluded.used_ms RETURNING id");
    put.bind(1, modelHash);
    put.bind(2, dataHash);
    put.bind(3, table.samples);
    put.bind(4, table.floatLoss);
    put.bind(5, table.floatCorrect);
    put.bind(6, nowMs());
    put.executeStep();
    return put.getColumn(0).getInt64();
}

void removeLeastRecentlyUsed(SQLite::Database& database) {
    SQLite::Statement remove(database,
                             "DELETE FROM sensitivity_sets WHERE id NOT IN (SELECT id FROM sensitivity_sets "
                             "ORDER BY used_ms DESC, id DESC LIMIT ?)");
    remove.bind(1, kSensitivitySetsKept);
    remove.exec();
}

}  // namespace

void storeSensitivitySet(SQLite::Database& database, const std::string& modelHash,
                         const std::string& dataHash, std::span<const core::SensitivityProbe> probes,
                         const core::SensitivityTable& table) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const std::int64_t set = putSet(database, modelHash, dataHash, table);
    SQLite::Statement insert(
        database, "INSERT OR REPLACE INTO sensitivities (set_id, layer, site, bits, grid_hash, loss, "
                  "kl_divergence, sqnr_db, correct) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const core::SensitivityProbe& probe : probes) {
        const core::Sensitivity* const entry = table.find(probe.site, probe.bits);
        if (entry == nullptr) {
            continue;
        }
        insert.reset();
        insert.bind(1, set);
        insert.bind(2, probe.site.layer.str());
        insert.bind(3, siteName(probe.site.kind));
        insert.bind(4, probe.bits);
        insert.bind(5, core::gridHash(probe.grid));
        insert.bind(6, entry->loss);
        insert.bind(7, entry->klDivergence);
        if (std::isfinite(entry->sqnrDb)) {
            insert.bind(8, entry->sqnrDb);
        } else {
            insert.bind(8);
        }
        insert.bind(9, entry->correct);
        insert.exec();
    }
    removeLeastRecentlyUsed(database);
    transaction.commit();
}

core::SensitivityTable findSensitivitySet(SQLite::Database& database, const std::string& modelHash,
                                          const std::string& dataHash,
                                          std::span<const core::SensitivityProbe> probes) {
    core::SensitivityTable table;
    SQLite::Statement find(database,
                           "UPDATE sensitivity_sets SET used_ms = ? WHERE model_hash = ? AND data_hash = ? "
                           "RETURNING id, samples, float_loss, float_correct");
    find.bind(1, nowMs());
    find.bind(2, modelHash);
    find.bind(3, dataHash);
    if (!find.executeStep()) {
        return table;
    }
    const std::int64_t set = find.getColumn(0).getInt64();
    table.samples = find.getColumn(1).getInt64();
    table.floatLoss = find.getColumn(2).getDouble();
    table.floatCorrect = find.getColumn(3).getInt64();
    find.reset();
    SQLite::Statement select(
        database, "SELECT loss, kl_divergence, sqnr_db, correct FROM sensitivities WHERE set_id = ? AND "
                  "layer = ? AND site = ? AND bits = ? AND grid_hash = ?");
    for (const core::SensitivityProbe& probe : probes) {
        select.reset();
        select.bind(1, set);
        select.bind(2, probe.site.layer.str());
        select.bind(3, siteName(probe.site.kind));
        select.bind(4, probe.bits);
        select.bind(5, core::gridHash(probe.grid));
        if (select.executeStep()) {
            const double sqnr = select.getColumn(2).isNull() ? std::numeric_limits<double>::infinity()
                                                             : select.getColumn(2).getDouble();
            table.add({probe.site, probe.bits, select.getColumn(0).getDouble(),
                       select.getColumn(1).getDouble(), sqnr, select.getColumn(3).getInt64()});
        }
    }
    return table;
}

}  // namespace bitlathe::experiments
