#pragma once

#include "core/types/site_statistics.h"

#include <SQLiteCpp/Database.h>

#include <optional>
#include <string>

namespace bitlathe::experiments {

/// Sets kept; a set of a MobileNet takes 0.1 to 0.2 MB.
inline constexpr int kStatisticsSetsKept = 200;

/// Replaces the set of the same model and data. Throws SQLite::Exception.
void storeStatisticsSet(SQLite::Database& database, const core::Statistics& statistics);
/// Empty: never stored, or stored in another encoding. Throws SQLite::Exception.
std::optional<core::Statistics> findStatisticsSet(SQLite::Database& database, const std::string& modelHash,
                                                  const std::string& dataHash);

}  // namespace bitlathe::experiments
