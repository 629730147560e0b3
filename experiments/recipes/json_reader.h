#pragma once

#include "core/types/error.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitlathe::experiments {

core::Error recipeError(const std::string& path, const std::string& message);

/// "; did you mean 'samples'?" for the known word nearest to `given`, or "" when none is near.
std::string suggestion(const std::string& given, const std::vector<std::string>& known);
/// "a, b, c"
std::string joined(const std::vector<std::string>& words);

/// A JSON value and where it is in its document, so that every complaint names its path
/// ("stages[1].samples"). Holds a reference: the document must outlive it.
class JsonReader {
public:
    JsonReader(const nlohmann::json& json, std::string path) : m_json(&json), m_path(std::move(path)) {}

    const nlohmann::json& json() const noexcept { return *m_json; }
    const std::string& path() const noexcept { return m_path; }
    bool has(const std::string& key) const { return m_json->is_object() && m_json->contains(key); }
    /// A member; it must be there (RecipeError).
    JsonReader at(const std::string& key) const;
    JsonReader at(std::size_t index) const;
    std::size_t size() const noexcept { return m_json->size(); }

    /// Must be an object with no other keys than these.
    const JsonReader& requireObject(const std::vector<std::string>& known) const;
    const JsonReader& requireObject() const;
    const JsonReader& requireArray() const;

    // The value itself, checked. RecipeError says what is there and what may be.
    std::string text() const;
    bool boolean() const;
    std::int64_t integer(std::int64_t minimum, std::int64_t maximum) const;
    double number(double minimum, double maximum) const;
    double finite() const;
    /// One of the words.
    std::string choice(const std::vector<std::string>& known) const;

    core::Error error(const std::string& message) const { return recipeError(m_path, message); }
    /// "0 is not a whole number from 1 to 65536"
    core::Error notA(const std::string& expected) const;

private:
    const nlohmann::json* m_json;
    std::string m_path;
};

/// Path of a member: "a.b"; a key that is no plain word is quoted: a["blocks.0.conv"].
std::string memberPath(const std::string& path, const std::string& key);

}  // namespace bitlathe::experiments
