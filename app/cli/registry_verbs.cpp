#include "app/cli/command_line.h"
#include "app/cli/output.h"
#include "core/exporters/exporter.h"
#include "core/ptq/post_training.h"
#include "core/registry/registry.h"

#include <CLI/CLI.hpp>

namespace bitlathe::cli {

namespace {

const char* kindName(core::ParamSpec::Kind kind) {
    switch (kind) {
    case core::ParamSpec::Kind::Real:
        return "real";
    case core::ParamSpec::Kind::Integer:
        return "integer";
    case core::ParamSpec::Kind::Switch:
        return "switch";
    case core::ParamSpec::Kind::Choice:
        break;
    }
    return "choice";
}

nlohmann::json methodToJson(const core::MethodInfo& method) {
    nlohmann::json params = nlohmann::json::array();
    for (const core::ParamSpec& param : method.params) {
        params.push_back({{"name", param.name},
                          {"kind", kindName(param.kind)},
                          {"default", param.defaultValue},
                          {"minimum", param.minimum},
                          {"maximum", param.maximum},
                          {"choices", param.choices},
                          {"description", param.description}});
    }
    return {{"name", method.name},
            {"title", method.title},
            {"source", method.source},
            {"params", std::move(params)}};
}

/// What may be written for a parameter, and what it is when nothing is.
std::string valuesText(const core::ParamSpec& param) {
    if (param.kind == core::ParamSpec::Kind::Switch) {
        return param.defaultValue != 0 ? "true | false, default true" : "true | false, default false";
    }
    if (param.kind == core::ParamSpec::Kind::Choice) {
        std::string text;
        for (const std::string& choice : param.choices) {
            text += (text.empty() ? "" : " | ") + choice;
        }
        return text + ", default " + param.choices[static_cast<std::size_t>(param.defaultValue)];
    }
    return nlohmann::json(param.minimum).dump() + " to " + nlohmann::json(param.maximum).dump() +
           ", default " + nlohmann::json(param.defaultValue).dump();
}

int showMethods(const CommandLine& line, const std::vector<core::MethodInfo>& methods) {
    if (line.isJson) {
        nlohmann::json json = nlohmann::json::array();
        for (const core::MethodInfo& method : methods) {
            json.push_back(methodToJson(method));
        }
        printJson(json);
        return kExitOk;
    }
    for (const core::MethodInfo& method : methods) {
        printText(method.name + "  " + method.title +
                  (method.source.empty() ? "" : " (" + method.source + ")") + "\n");
        for (const core::ParamSpec& param : method.params) {
            printText("    " + param.name + "  " + param.description + ": " + valuesText(param) + "\n");
        }
    }
    return kExitOk;
}

void addVerb(CLI::App& app, CommandLine& line, const char* name, const char* description,
             std::vector<core::MethodInfo> (*list)()) {
    CLI::App* verb = app.add_subcommand(name, description);
    addJsonOption(*verb, line);
    verb->callback([&line, list] { line.action = [&line, list] { return showMethods(line, list()); }; });
}

}  // namespace

void addRegistryVerbs(CLI::App& app, CommandLine& line) {
    addVerb(app, line, "quantizers", "Quantizers and their parameters",
            [] { return core::quantizerRegistry().list(); });
    addVerb(app, line, "observers", "Range methods and their parameters",
            [] { return core::observerRegistry().list(); });
    addVerb(app, line, "post-training", "Post-training methods and their parameters",
            [] { return core::postTrainingRegistry().list(); });
    addVerb(app, line, "exporters", "Export formats", [] { return core::exporterRegistry().list(); });
}

}  // namespace bitlathe::cli
