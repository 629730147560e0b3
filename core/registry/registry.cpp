#include "core/registry/registry.h"

#include <cmath>
#include <sstream>

namespace bitlathe::core {

namespace {

std::string numberText(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
}

const ParamSpec* findSpec(const MethodInfo& info, const std::string& name) {
    for (const ParamSpec& spec : info.params) {
        if (spec.name == name) {
            return &spec;
        }
    }
    return nullptr;
}

}  // namespace

ParamValues resolveParams(const std::string& what, const MethodInfo& info, const ParamValues& given) {
    const std::string where = what + " '" + info.name + "'";
    for (const auto& [name, value] : given) {
        const ParamSpec* spec = findSpec(info, name);
        if (spec == nullptr) {
            std::string known;
            for (const ParamSpec& candidate : info.params) {
                known += (known.empty() ? "" : ", ") + candidate.name;
            }
            throw Error(ErrorCode::InvalidConfig,
                        where + " has no parameter '" + name + "'" +
                            (known.empty() ? "; it takes none" : "; it takes: " + known));
        }
        const bool isWhole = spec->kind == ParamSpec::Kind::Real || value == std::floor(value);
        // Written so that NaN fails too: every comparison with NaN is false.
        if (!(value >= spec->minimum && value <= spec->maximum) || !isWhole) {
            throw Error(ErrorCode::InvalidConfig,
                        where + ": " + name + " = " + numberText(value) + " is not " +
                            (isWhole ? "within " : "a whole number within ") + numberText(spec->minimum) +
                            " to " + numberText(spec->maximum));
        }
    }
    ParamValues resolved;
    for (const ParamSpec& spec : info.params) {
        const auto found = given.find(spec.name);
        resolved[spec.name] = found == given.end() ? spec.defaultValue : found->second;
    }
    return resolved;
}

}  // namespace bitlathe::core
