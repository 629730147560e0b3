#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "core/exporters/exporter.h"
#include "core/types/error.h"
#include "experiments/recipes/export_recipe.h"
#include "experiments/recipes/site_json.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <optional>

namespace bitlathe::cli {

namespace {

struct ExportOptions {
    std::string source;
    experiments::ExportStage target;
    std::vector<std::string> params;  ///< "name=value"
};

/// The format with its parameters, read by the recipe's grammar: words for choices, true or false for switches.
core::MethodSpec exporterOf(const ExportOptions& options) {
    nlohmann::json json{{"name", options.target.format}};
    for (const std::string& param : options.params) {
        const std::size_t equals = param.find('=');
        if (equals == 0 || equals == std::string::npos || param.substr(0, equals) == "name") {
            throw core::Error(core::ErrorCode::InvalidConfig,
                              "--param " + param + ": write name=value; see bitlathe-cli exporters");
        }
        const std::string text = param.substr(equals + 1);
        const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
        json[param.substr(0, equals)] = value.is_discarded() ? nlohmann::json(text) : value;
    }
    return experiments::readMethod(experiments::JsonReader(json, "--format"),
                                   core::exporterRegistry().list());
}

/// The run that a text of digits means; none: the text is something else.
std::optional<experiments::RunId> runId(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.starts_with('-') || end != text.data() + text.size()) {
        return std::nullopt;
    }
    if (error != std::errc()) {
        throw core::Error(core::ErrorCode::InvalidConfig, "there is no run " + text + " in the log");
    }
    return experiments::RunId{number};
}

/// The recipe that a run's row holds repeats that run alone: its one variant is the one to export.
experiments::Recipe recipeOfRun(const experiments::ExperimentLog& log, experiments::RunId id) {
    const experiments::RunRecord run = log.run(id);
    if (run.what.configJson.empty()) {
        throw core::Error(core::ErrorCode::RecipeError,
                          "run " + std::to_string(id.value) + " ('" + run.what.name +
                              "') has no configuration to export; choose a run of a variant");
    }
    return experiments::Recipe::parse(nlohmann::json::parse(run.what.recipeJson));
}

int exportFiles(const CommandLine& line, const ExportOptions& options) {
    const core::MethodSpec exporter = exporterOf(options);
    const auto log = experiments::ExperimentLog::open(line.logPath);
    const std::optional<experiments::RunId> run = runId(options.source);
    const experiments::Recipe recipe = run ? recipeOfRun(*log, *run) : loadRecipe(options.source, {});
    experiments::ExportStage target = options.target;
    target.params = exporter.params;
    if (run) {
        target.variant = recipe.variants.front().name;
    }
    EngineSession session;
    const auto exported =
        experiments::exportRecipe(recipe, target, session.engine(), *log, session.context());
    session.clearProgress();

    nlohmann::json json = nlohmann::json::array();
    for (const experiments::ExportedVariant& variant : exported) {
        for (const experiments::Artefact& artefact : variant.artefacts) {
            if (run) {
                log->addArtefact(*run, artefact);
            }
            json.push_back(artefactToJson(artefact));
            json.back()["variant"] = variant.name;
            if (!line.isJson) {
                printText(variant.name + ": " + artefact.path + " (" +
                          bytesText(static_cast<double>(artefact.sizeBytes)) + ")\n");
            }
        }
    }
    if (line.isJson) {
        printJson({{"artefacts", std::move(json)}});
    }
    return kExitOk;
}

}  // namespace

void addExportVerb(CLI::App& app, CommandLine& line) {
    auto options = std::make_shared<ExportOptions>();
    CLI::App* verb =
        app.add_subcommand("export", "Write a run's model, or a recipe's variants, for another engine");
    verb->add_option("RUN|RECIPE", options->source,
                     "number of a run, recipe file, or name of a bundled recipe")
        ->required();
    verb->add_option("--format", options->target.format, "see: bitlathe-cli exporters")
        ->capture_default_str();
    verb->add_option("--param", options->params,
                     "name=value of the format; again for another (bitlathe-cli exporters lists them)")
        ->type_name("NAME=VALUE");
    verb->add_option("--out", options->target.folder, "folder to write into")->required()->type_name("DIR");
    verb->add_option("--variant", options->target.variant, "of a recipe: this one only");
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback(
        [&line, options] { line.action = [&line, options] { return exportFiles(line, *options); }; });
}

}  // namespace bitlathe::cli
