#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace bitlathe::core {

/// Numbers for the inside of an array: indented, commas between, lines of at most 110 characters.
std::string cNumbers(std::span<const std::int64_t> values);

}  // namespace bitlathe::core
