#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace bitlathe::core {

/// A JSON document that a person wrote. Beyond the grammar it refuses what the parser would take in silence: a key that
/// stands twice in one object (the last one would win), and lists and objects nested deeper than kMaxJsonDepth (which
/// no document of ours is, and on which writing it again would run out of stack).
/// Errors  DataFormat: says what and where ("at line 3, column 5: ..."), not of which file.
nlohmann::json parseStrictJson(std::string_view text);

inline constexpr int kMaxJsonDepth = 64;

}  // namespace bitlathe::core
