#pragma once

#include "core/registry/registry.h"

#include <QString>

#include <string>
#include <vector>

namespace bitlathe::tests {

/// A method with its defaults, and with each switch and choice at each of its values.
/// withBounds  numbers at their least and their largest as well
inline std::vector<core::MethodSpec> methodVariants(const core::MethodInfo& info, bool withBounds) {
    std::vector<core::MethodSpec> result{{info.name, {}}};
    for (const core::ParamSpec& spec : info.params) {
        if (spec.kind == core::ParamSpec::Kind::Switch || spec.kind == core::ParamSpec::Kind::Choice) {
            for (double value = spec.minimum; value <= spec.maximum; ++value) {
                result.push_back({info.name, {{spec.name, value}}});
            }
        } else if (withBounds) {
            result.push_back({info.name, {{spec.name, spec.minimum}}});
            result.push_back({info.name, {{spec.name, spec.maximum}}});
        }
    }
    return result;
}

/// "lsq grid=1", for a row's name.
inline QString methodText(const core::MethodSpec& spec) {
    QString result = QString::fromStdString(spec.name);
    for (const auto& [name, value] : spec.params) {
        result += QString(" %1=%2").arg(QString::fromStdString(name)).arg(value);
    }
    return result;
}

}  // namespace bitlathe::tests
