#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace bitlathe::cli {

/// One document on stdout; NaN and infinity become null, text that is no UTF-8 is mended.
void printJson(const nlohmann::json& json);
void printText(const std::string& text);

// Numbers for people.
std::string decimals(double value, int digits);
/// "102.4 KiB"; exact below 1 KiB.
std::string bytesText(double bytes);

}  // namespace bitlathe::cli
