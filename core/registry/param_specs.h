#pragma once

#include "core/types/param_values.h"

#include <string>
#include <utility>
#include <vector>

namespace bitlathe::core {

// Short forms of ParamSpec for the lists in builtin_*.cpp.

inline ParamSpec realParam(std::string name, double defaultValue, double minimum, double maximum,
                           std::string description) {
    return {std::move(name),        defaultValue,          minimum, maximum,
            std::move(description), ParamSpec::Kind::Real, {}};
}

inline ParamSpec integerParam(std::string name, int defaultValue, int minimum, int maximum,
                              std::string description) {
    return {std::move(name),
            static_cast<double>(defaultValue),
            static_cast<double>(minimum),
            static_cast<double>(maximum),
            std::move(description),
            ParamSpec::Kind::Integer,
            {}};
}

inline ParamSpec switchParam(std::string name, bool isOn, std::string description) {
    return {std::move(name), isOn ? 1.0 : 0.0, 0.0, 1.0, std::move(description), ParamSpec::Kind::Switch, {}};
}

/// The first choice is the default.
inline ParamSpec choiceParam(std::string name, std::vector<std::string> choices, std::string description) {
    const auto last = static_cast<double>(choices.size() - 1);
    return {std::move(name),   0.0, 0.0, last, std::move(description), ParamSpec::Kind::Choice,
            std::move(choices)};
}

/// The chosen entry of a choice or switch; enumerators stand in the order of the choices.
template <typename Enum>
Enum chosen(const ParamValues& params, const char* name) {
    return static_cast<Enum>(static_cast<int>(params.at(name)));
}

}  // namespace bitlathe::core
