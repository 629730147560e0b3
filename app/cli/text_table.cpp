#include "app/cli/text_table.h"

#include <algorithm>

namespace bitlathe::cli {

namespace {

/// Characters of UTF-8 text: every byte but the continuation ones.
std::size_t widthOf(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, TextTable::Align align) {
    const std::string space(width - std::min(width, widthOf(text)), ' ');
    return align == TextTable::Align::Left ? text + space : space + text;
}

}  // namespace

std::string TextTable::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t c = 0; c < m_columns.size(); ++c) {
        std::size_t width = widthOf(m_columns[c].title);
        for (const auto& row : m_rows) {
            width = std::max(width, widthOf(row[c]));
        }
        widths.push_back(width);
    }
    std::string result;
    const auto addLine = [&](const auto& cellOf) {
        std::string line;
        for (std::size_t c = 0; c < m_columns.size(); ++c) {
            line += (c == 0 ? "" : "  ") + padded(cellOf(c), widths[c], m_columns[c].align);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + "\n";
    };
    addLine([&](std::size_t c) { return m_columns[c].title; });
    addLine([&](std::size_t c) { return std::string(widths[c], '-'); });
    for (const auto& row : m_rows) {
        addLine([&](std::size_t c) { return row[c]; });
    }
    return result;
}

}  // namespace bitlathe::cli
