#pragma once

#include <string>
#include <vector>

namespace bitlathe::cli {

/// A table of aligned columns for a terminal.
class TextTable {
public:
    enum class Align { Left, Right };
    struct Column {
        std::string title;
        Align align = Align::Left;
    };

    explicit TextTable(std::vector<Column> columns) : m_columns(std::move(columns)) {}
    /// One cell per column.
    void addRow(std::vector<std::string> cells) { m_rows.push_back(std::move(cells)); }
    /// Title line, rule, rows; widths count characters, not bytes (UTF-8).
    std::string text() const;

private:
    std::vector<Column> m_columns;
    std::vector<std::vector<std::string>> m_rows;
};

}  // namespace bitlathe::cli
