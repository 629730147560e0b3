#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <string>
#include <unordered_map>

namespace bitlathe::experiments {

/// Ids of repeated texts within one write transaction: finds or adds.
class WordWriter {
public:
    explicit WordWriter(SQLite::Database& database);
    std::int64_t id(const std::string& text);

private:
    SQLite::Statement m_insert;
    SQLite::Statement m_select;
    std::unordered_map<std::string, std::int64_t> m_known;
};

/// Texts by id. Committed words never change, so what was read once stays right.
class WordReader {
public:
    /// Throws SQLite::Exception; an unknown id is a damaged log.
    const std::string& text(SQLite::Database& database, std::int64_t id);

private:
    std::unordered_map<std::int64_t, std::string> m_known;
};

}  // namespace bitlathe::experiments
