#pragma once

#include <string_view>

namespace bitlathe::core {

/// Whether the whole text matches a pattern in which `*` stands for any characters and `?` for one.
bool matchesGlob(std::string_view text, std::string_view pattern);

}  // namespace bitlathe::core
