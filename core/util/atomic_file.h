#pragma once

#include <string>
#include <string_view>

namespace bitlathe::core {

/// Writes the whole file or leaves what was there: the bytes go into a file beside it, which then takes its
/// name. Missing folders are created. Errors  Io naming the path and what the system says (no permission,
/// disk full).
void writeFileAtomically(const std::string& path, std::string_view bytes);

}  // namespace bitlathe::core
