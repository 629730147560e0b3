#include "experiments/recipes/json_reader.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bitlathe::experiments {

namespace {

/// Edits (insert, remove, replace) that turn one word into the other (Levenshtein 1966).
std::size_t editDistance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

std::string shortDump(const nlohmann::json& json) {
    constexpr std::size_t kLongest = 60;
    const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

std::string numberText(double value) {
    return nlohmann::json(value).dump();
}

bool isPlainWord(const std::string& key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-';
    });
}

}  // namespace

core::Error recipeError(const std::string& path, const std::string& message) {
    return {core::ErrorCode::RecipeError, path.empty() ? message : path + ": " + message};
}

std::string suggestion(const std::string& given, const std::vector<std::string>& known) {
    std::string nearest;
    std::size_t best = std::max<std::size_t>(2, given.size() / 3) + 1;
    for (const std::string& word : known) {
        const std::size_t distance = editDistance(given, word);
        if (distance < best) {
            best = distance;
            nearest = word;
        }
    }
    return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

std::string memberPath(const std::string& path, const std::string& key) {
    if (!isPlainWord(key)) {
        return path + "[\"" + key + "\"]";
    }
    return path.empty() ? key : path + "." + key;
}

JsonReader JsonReader::at(const std::string& key) const {
    if (!has(key)) {
        throw recipeError(memberPath(m_path, key), "is missing");
    }
    return {(*m_json)[key], memberPath(m_path, key)};
}

JsonReader JsonReader::at(std::size_t index) const {
    return {(*m_json)[index], m_path + "[" + std::to_string(index) + "]"};
}

const JsonReader& JsonReader::requireObject() const {
    if (!m_json->is_object()) {
        throw notA("an object {...}");
    }
    return *this;
}

const JsonReader& JsonReader::requireObject(const std::vector<std::string>& known) const {
    requireObject();
    for (const auto& [key, value] : m_json->items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            throw recipeError(memberPath(m_path, key),
                              "unknown key" + suggestion(key, known) + " Known here: " + joined(known));
        }
    }
    return *this;
}

const JsonReader& JsonReader::requireArray() const {
    if (!m_json->is_array()) {
        throw notA("a list [...]");
    }
    return *this;
}

std::string JsonReader::text() const {
    if (!m_json->is_string()) {
        throw notA("a text");
    }
    return m_json->get<std::string>();
}

bool JsonReader::boolean() const {
    if (!m_json->is_boolean()) {
        throw notA("true or false");
    }
    return m_json->get<bool>();
}

std::int64_t JsonReader::integer(std::int64_t minimum, std::int64_t maximum) const {
    const auto expected = [&] {
        return "a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum);
    };
    const bool isWhole =
        m_json->is_number_integer() ||
        (m_json->is_number_float() && std::floor(m_json->get<double>()) == m_json->get<double>());
    if (!isWhole || m_json->get<double>() < static_cast<double>(minimum) ||
        m_json->get<double>() > static_cast<double>(maximum)) {
        throw notA(expected());
    }
    return m_json->get<std::int64_t>();
}

double JsonReader::number(double minimum, double maximum) const {
    if (!m_json->is_number() || !(m_json->get<double>() >= minimum && m_json->get<double>() <= maximum)) {
        throw notA("a number from " + numberText(minimum) + " to " + numberText(maximum));
    }
    return m_json->get<double>();
}

double JsonReader::finite() const {
    if (!m_json->is_number() || !std::isfinite(m_json->get<double>())) {
        throw notA("a finite number");
    }
    return m_json->get<double>();
}

std::string JsonReader::choice(const std::vector<std::string>& known) const {
    const std::string given = text();
    if (std::find(known.begin(), known.end(), given) == known.end()) {
        throw error("unknown '" + given + "'" + suggestion(given, known) + " Known: " + joined(known));
    }
    return given;
}

core::Error JsonReader::notA(const std::string& expected) const {
    return error(shortDump(*m_json) + " is not " + expected);
}

}  // namespace bitlathe::experiments
