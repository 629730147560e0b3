#include "experiments/store/words.h"

#include <sqlite3.h>

namespace bitlathe::experiments {

WordWriter::WordWriter(SQLite::Database& database)
    : m_insert(database, "INSERT OR IGNORE INTO words (text) VALUES (?)"),
      m_select(database, "SELECT id FROM words WHERE text = ?") {}

std::int64_t WordWriter::id(const std::string& text) {
    const auto known = m_known.find(text);
    if (known != m_known.end()) {
        return known->second;
    }
    m_insert.reset();
    m_insert.bind(1, text);
    m_insert.exec();
    m_select.reset();
    m_select.bind(1, text);
    m_select.executeStep();
    const std::int64_t id = m_select.getColumn(0).getInt64();
    m_known.emplace(text, id);
    return id;
}

const std::string& WordReader::text(SQLite::Database& database, std::int64_t id) {
    const auto known = m_known.find(id);
    if (known != m_known.end()) {
        return known->second;
    }
    SQLite::Statement select(database, "SELECT text FROM words WHERE id = ?");
    select.bind(1, id);
    if (!select.executeStep()) {
        throw SQLite::Exception("word " + std::to_string(id) + " is missing", SQLITE_CORRUPT);
    }
    return m_known.emplace(id, select.getColumn(0).getString()).first->second;
}

}  // namespace bitlathe::experiments
