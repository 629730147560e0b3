#include "experiments/store/statistics_cache.h"

#include "experiments/store/clock.h"
#include "experiments/store/statistics_codec.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <spdlog/spdlog.h>

namespace bitlathe::experiments {

namespace {

constexpr auto kWrite = SQLite::TransactionBehavior::IMMEDIATE;

std::string siteName(core::SiteKind kind) {
    return kind == core::SiteKind::Weight ? "weight" : "output";
}

std::optional<std::int64_t> findSet(SQLite::Database& database, const std::string& modelHash,
                                    const std::string& dataHash) {
    SQLite::Statement select(database,
                             "SELECT id FROM statistics_sets WHERE model_hash = ? AND data_hash = ?");
    select.bind(1, modelHash);
    select.bind(2, dataHash);
    return select.executeStep() ? std::optional(select.getColumn(0).getInt64()) : std::nullopt;
}

std::int64_t insertSet(SQLite::Database& database, const core::Statistics& statistics) {
    SQLite::Statement insert(database,
                             "INSERT INTO statistics_sets (model_hash, data_hash, used_ms) VALUES (?, ?, ?)");
    insert.bind(1, statistics.modelHash);
    insert.bind(2, statistics.dataHash);
    insert.bind(3, nowMs());
    insert.exec();
    return database.getLastInsertRowid();
}

void removeLeastRecentlyUsed(SQLite::Database& database) {
    SQLite::Statement remove(database,
                             "DELETE FROM statistics_sets WHERE id NOT IN (SELECT id FROM statistics_sets "
                             "ORDER BY used_ms DESC, id DESC LIMIT ?)");
    remove.bind(1, kStatisticsSetsKept);
    remove.exec();
}

void markUsed(SQLite::Database& database, std::int64_t set) {
    SQLite::Statement update(database, "UPDATE statistics_sets SET used_ms = ? WHERE id = ?");
    update.bind(1, nowMs());
    update.bind(2, set);
    update.exec();
}

}  // namespace

void storeStatisticsSet(SQLite::Database& database, const core::Statistics& statistics) {
    SQLite::Transaction transaction(database, kWrite);
    if (const auto old = findSet(database, statistics.modelHash, statistics.dataHash)) {
        SQLite::Statement remove(database, "DELETE FROM statistics_sets WHERE id = ?");
        remove.bind(1, *old);
        remove.exec();
    }
    const std::int64_t set = insertSet(database, statistics);
    SQLite::Statement insert(database,
                             "INSERT INTO site_statistics (set_id, layer, site, data) VALUES (?, ?, ?, ?)");
    for (const auto& [site, values] : statistics.sites) {
        const std::vector<std::byte> bytes = encodeStatistics(values);
        insert.reset();
        insert.bind(1, set);
        insert.bind(2, site.layer.str());
        insert.bind(3, siteName(site.kind));
        insert.bind(4, bytes.data(), static_cast<int>(bytes.size()));
        insert.exec();
    }
    removeLeastRecentlyUsed(database);
    transaction.commit();
}

std::optional<core::Statistics> findStatisticsSet(SQLite::Database& database, const std::string& modelHash,
                                                  const std::string& dataHash) {
    const auto set = findSet(database, modelHash, dataHash);
    if (!set) {
        return std::nullopt;
    }
    core::Statistics statistics;
    statistics.modelHash = modelHash;
    statistics.dataHash = dataHash;
    SQLite::Statement select(database, "SELECT layer, site, data FROM site_statistics WHERE set_id = ?");
    select.bind(1, *set);
    while (select.executeStep()) {
        const core::LayerId layer(select.getColumn(0).getString());
        const bool isWeight = select.getColumn(1).getString() == "weight";
        const SQLite::Column data = select.getColumn(2);
        const auto* const bytes = static_cast<const std::byte*>(data.getBlob());
        auto decoded = decodeStatistics({bytes, static_cast<std::size_t>(data.getBytes())});
        if (!decoded) {
            spdlog::warn(
                "cached statistics of '{}' are damaged or of another version of Bitlathe; they are not used",
                layer.str());
            return std::nullopt;
        }
        statistics.sites.emplace(
            core::SiteId{layer, isWeight ? core::SiteKind::Weight : core::SiteKind::Output},
            std::move(*decoded));
    }
    select.reset();
    markUsed(database, *set);
    return statistics;
}

}  // namespace bitlathe::experiments
