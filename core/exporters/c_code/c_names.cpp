#include "core/exporters/c_code/c_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace bitlathe::core {

namespace {

constexpr std::array<std::string_view, 37> kWords{
    "auto",     "break",  "case",   "char",     "const",    "continue", "default",  "do",
    "double",   "else",   "enum",   "extern",   "float",    "for",      "goto",     "if",
    "inline",   "int",    "long",   "register", "restrict", "return",   "short",    "signed",
    "sizeof",   "static", "struct", "switch",   "typedef",  "union",    "unsigned", "void",
    "volatile", "while",  "in",     "out",      "arena"};

}  // namespace

std::string CNames::unique(const std::string& name) {
    std::string plain;
    for (const char c : name) {
        const bool isPlain = std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (isPlain || (!plain.empty() && plain.back() != '_')) {
            plain += isPlain ? c : '_';
        }
    }
    while (!plain.empty() && plain.back() == '_') {
        plain.pop_back();
    }
    if (plain.empty() || std::isdigit(static_cast<unsigned char>(plain.front())) != 0) {
        plain = "layer_" + plain;
    }
    const bool isWord = std::find(kWords.begin(), kWords.end(), plain) != kWords.end();
    std::string candidate = isWord ? plain + "_1" : plain;
    for (int n = 2; !m_taken.insert(candidate).second; ++n) {
        candidate = plain + "_" + std::to_string(n);
    }
    return candidate;
}

}  // namespace bitlathe::core
