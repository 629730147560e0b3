#pragma once

#include "core/types/error.h"
#include "core/types/param_values.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::core {

/// What the registry tells about one method without building it.
struct MethodInfo {
    std::string name;   ///< snake_case, stable in files
    std::string title;  ///< for people
    std::vector<ParamSpec> params;
    std::string source;  ///< paper or system the definition follows
};

/// Fills missing parameters with their defaults and checks the given ones.
/// Errors  InvalidConfig: unknown parameter (lists the known), value outside its limits. `what`: "observer", ...
ParamValues resolveParams(const std::string& what, const MethodInfo& info, const ParamValues& given);

/// Name -> description and factory, in the order of addition. Explicitly filled: see builtin_*.cpp.
template <typename Method>
class Registry {
public:
    using Factory = std::function<std::unique_ptr<Method>(const ParamValues&)>;

    /// `what` names the kind in messages: "observer", "quantizer", "exporter".
    explicit Registry(std::string what) : m_what(std::move(what)) {}

    /// Errors  InvalidConfig: the name is taken (our bug, found by every start).
    void add(MethodInfo info, Factory factory) {
        if (find(info.name) != nullptr) {
            throw Error(ErrorCode::InvalidConfig, m_what + " '" + info.name + "' is registered twice");
        }
        m_entries.push_back({std::move(info), std::move(factory)});
    }

    /// Errors  InvalidConfig: unknown name (lists the known), bad parameters.
    std::unique_ptr<Method> create(const MethodSpec& spec) const {
        const Entry& entry = require(spec.name);
        return entry.factory(resolveParams(m_what, entry.info, spec.params));
    }
    const MethodInfo& info(const std::string& name) const { return require(name).info; }
    bool contains(const std::string& name) const { return find(name) != nullptr; }

    std::vector<MethodInfo> list() const {
        std::vector<MethodInfo> infos;
        infos.reserve(m_entries.size());
        for (const Entry& entry : m_entries) {
            infos.push_back(entry.info);
        }
        return infos;
    }

private:
    struct Entry {
        MethodInfo info;
        Factory factory;
    };

    const Entry* find(const std::string& name) const {
        const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                        [&](const Entry& entry) { return entry.info.name == name; });
        return found == m_entries.end() ? nullptr : &*found;
    }
    const Entry& require(const std::string& name) const {
        if (const Entry* entry = find(name)) {
            return *entry;
        }
        std::string known;
        for (const Entry& entry : m_entries) {
            known += (known.empty() ? "" : ", ") + entry.info.name;
        }
        throw Error(ErrorCode::InvalidConfig, "unknown " + m_what + " '" + name + "'; known: " + known);
    }

    std::string m_what;
    std::vector<Entry> m_entries;
};

class Observer;
class PostTrainingMethod;
class Quantizer;

/// The registries with everything built in; filled once, read-only after.
const Registry<Observer>& observerRegistry();
const Registry<Quantizer>& quantizerRegistry();
const Registry<PostTrainingMethod>& postTrainingRegistry();

}  // namespace bitlathe::core
