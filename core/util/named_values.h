#pragma once

#include "core/types/error.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bitlathe::core {

/// The enumerators of a choice that files and command lines make by name, in the order people see.
template <typename Enum, std::size_t N>
using NamedValues = std::array<std::pair<Enum, std::string_view>, N>;

/// "" for a value that has no name.
template <typename Enum, std::size_t N>
constexpr std::string_view nameOf(const NamedValues<Enum, N>& names, Enum value) noexcept {
    for (const auto& [candidate, name] : names) {
        if (candidate == value) {
            return name;
        }
    }
    return "";
}

/// Errors  InvalidConfig: unknown `what` (lists the known).
template <typename Enum, std::size_t N>
Enum valueNamed(const NamedValues<Enum, N>& names, std::string_view name, const std::string& what) {
    std::string known;
    for (const auto& [value, text] : names) {
        if (text == name) {
            return value;
        }
        known += (known.empty() ? "" : ", ") + std::string(text);
    }
    throw Error(ErrorCode::InvalidConfig,
                "unknown " + what + " '" + std::string(name) + "'; known: " + known);
}

}  // namespace bitlathe::core
