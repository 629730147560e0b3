#pragma once

#include "core/search/sensitivity.h"

#include <SQLiteCpp/Database.h>

#include <span>
#include <string>

namespace bitlathe::experiments {

/// Sets kept; a set of a MobileNet with every width of 2 to 8 takes 60 KB.
inline constexpr int kSensitivitySetsKept = 200;

/// Adds a table's answers to the set of the same model and data. `probes` give the grids the answers belong to;
/// answers without a probe are not stored. Throws SQLite::Exception.
void storeSensitivitySet(SQLite::Database& database, const std::string& modelHash,
                         const std::string& dataHash, std::span<const core::SensitivityProbe> probes,
                         const core::SensitivityTable& table);

/// The answers known for these very grids; may hold fewer than were asked for, or none. Throws SQLite::Exception.
core::SensitivityTable findSensitivitySet(SQLite::Database& database, const std::string& modelHash,
                                          const std::string& dataHash,
                                          std::span<const core::SensitivityProbe> probes);

}  // namespace bitlathe::experiments
