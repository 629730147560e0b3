#include "core/util/strict_json.h"
#include "experiments/recipes/json_reader.h"
#include "experiments/recipes/recipe.h"

#include <charconv>

namespace bitlathe::experiments {

namespace {

/// One step of a path: a key, or what stands in brackets (an index, or the name of a list's entry).
struct Step {
    std::string text;
    bool isBracket = false;
};

std::vector<Step> splitPath(const std::string& path, const std::string& assignment) {
    std::vector<Step> steps;
    std::size_t at = 0;
    while (at < path.size()) {
        if (path[at] == '[') {
            const std::size_t end = path.find(']', at);
            if (end == std::string::npos) {
                throw recipeError("", "--set " + assignment + ": ']' is missing");
            }
            steps.push_back({path.substr(at + 1, end - at - 1), true});
            at = end + 1;
        } else {
            at += path[at] == '.' && !steps.empty() ? 1 : 0;
            const std::size_t end = std::min(path.find_first_of(".[", at), path.size());
            steps.push_back({path.substr(at, end - at), false});
            at = end;
        }
        if (steps.back().text.empty()) {
            throw recipeError("", "--set " + assignment + ": a part of the path is empty");
        }
    }
    return steps;
}

/// Entry `text` of a list: its number, or the "name" or "stage" of an entry.
nlohmann::json& listEntry(nlohmann::json& list, const std::string& text, const std::string& path,
                          const std::string& assignment) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    const bool isNumber = error == std::errc() && end == text.data() + text.size();
    if (isNumber && index < list.size()) {
        return list[index];
    }
    std::vector<std::string> names;
    for (nlohmann::json& entry : list) {
        for (const char* key : {"name", "stage"}) {
            if (!entry.is_object() || !entry.contains(key) || !entry[key].is_string()) {
                continue;
            }
            names.push_back(entry[key].get<std::string>());
            if (!isNumber && names.back() == text) {
                return entry;
            }
        }
    }
    throw recipeError("", "--set " + assignment + ": " + path + " has " + std::to_string(list.size()) +
                              " entries and none is '" + text + "'" +
                              (names.empty() ? "" : suggestion(text, names) + " Entries: " + joined(names)));
}

/// 256, true, [1,2] and "text" are JSON; anything else is a text without its quotes.
nlohmann::json valueOf(const std::string& text, const std::string& assignment) {
    try {
        if (nlohmann::json::accept(text)) {
            return core::parseStrictJson(text);
        }
        nlohmann::json plain = text;
        static_cast<void>(plain.dump());  // refuses what is not UTF-8, which the log could not hold
        return plain;
    } catch (const core::Error& error) {
        throw recipeError("", "--set " + assignment + ": " + error.what());
    } catch (const nlohmann::json::type_error&) {
        throw recipeError("", "--set: the value is not UTF-8 text");
    }
}

nlohmann::json& follow(nlohmann::json& parent, const Step& step, const std::string& path,
                       const std::string& assignment) {
    if (parent.is_array() && step.isBracket) {
        return listEntry(parent, step.text, path, assignment);
    }
    if (parent.is_null()) {
        parent = nlohmann::json::object();  // a section the file leaves out; parsing refuses unknown names
    }
    if (!parent.is_object()) {
        throw recipeError("", "--set " + assignment + ": '" + step.text + "' leads nowhere, " +
                                  (path.empty() ? "the recipe" : path) +
                                  (parent.is_array() ? " is a list; choose an entry with [number] or [name]"
                                                     : " is a plain value"));
    }
    return parent[step.text];
}

}  // namespace

void applyOverride(nlohmann::json& document, const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw recipeError("",
                          "--set " + assignment + ": write path=value, as in --set stages[0].samples=256");
    }
    const std::string path = assignment.substr(0, equals);
    const std::string value = assignment.substr(equals + 1);

    nlohmann::json changed = document;
    nlohmann::json* target = &changed;
    std::string walked;
    for (const Step& step : splitPath(path, assignment)) {
        target = &follow(*target, step, walked, assignment);
        walked = step.isBracket ? walked + "[" + step.text + "]" : memberPath(walked, step.text);
    }
    *target = valueOf(value, assignment);
    document = std::move(changed);
}

}  // namespace bitlathe::experiments
