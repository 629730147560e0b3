#include "core/util/strict_json.h"

#include "core/types/error.h"

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

namespace bitlathe::core {

namespace {

using Json = nlohmann::json;

/// Watches a document while it is parsed.
class Watch {
public:
    bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
        using Event = Json::parse_event_t;
        if (depth > kMaxJsonDepth) {
            throw Error(ErrorCode::DataFormat,
                        "lists and objects are nested more than " + std::to_string(kMaxJsonDepth) + " deep");
        }
        if (event == Event::object_start) {
            m_objects.emplace_back();
        } else if (event == Event::object_end) {
            m_objects.pop_back();
        } else if (event == Event::key) {
            addKey(parsed.get<std::string>());
        }
        return true;
    }

private:
    struct Object {
        std::set<std::string> keys;
        std::string newest;
    };

    void addKey(std::string key) {
        if (!m_objects.back().keys.insert(key).second) {
            std::string path;
            for (std::size_t i = 0; i + 1 < m_objects.size(); ++i) {
                path += m_objects[i].newest + ".";
            }
            throw Error(ErrorCode::DataFormat,
                        "the key '" + path + key + "' stands twice in one object; keep one of them");
        }
        m_objects.back().newest = std::move(key);
    }

    std::vector<Object> m_objects;  ///< open ones, outermost first
};

/// "[json.exception.parse_error.101] parse error at line 3, column 5: ..." without the library's own prefix.
std::string plainText(const std::string& what) {
    const std::size_t end = what.find("] ");
    return end == std::string::npos ? what : what.substr(end + 2);
}

}  // namespace

Json parseStrictJson(std::string_view text) {
    Watch watch;
    try {
        return Json::parse(text.begin(), text.end(), [&](int depth, Json::parse_event_t event, Json& parsed) {
            return watch(depth, event, parsed);
        });
    } catch (const Json::exception& error) {
        throw Error(ErrorCode::DataFormat, plainText(error.what()));
    }
}

}  // namespace bitlathe::core
