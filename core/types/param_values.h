#pragma once

#include <map>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Values of a method's parameters by name, as stored in recipes and the log. Enumerated parameters hold the
/// index of their choice (see ParamSpec::choices), switches 0 or 1.
using ParamValues = std::map<std::string, double>;

/// A registered method (observer, quantizer, exporter) and its parameters; missing ones take the registry's default.
struct MethodSpec {
    std::string name;
    ParamValues params;
    bool operator==(const MethodSpec&) const = default;
};

/// Describes one parameter: enough for an editor, for validation and for the docs.
struct ParamSpec {
    enum class Kind { Real, Integer, Switch, Choice };

    std::string name;  ///< snake_case, stable in files
    double defaultValue = 0;
    double minimum = 0;
    double maximum = 0;
    std::string description;  ///< one phrase, with its unit
    Kind kind = Kind::Real;
    std::vector<std::string> choices;  ///< for Choice: what index 0, 1, ... mean
};

}  // namespace bitlathe::core
