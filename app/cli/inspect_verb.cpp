#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/text_table.h"
#include "core/graph/lint.h"
#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "experiments/recipes/model_source.h"

#include <CLI/CLI.hpp>

#include <numeric>

namespace bitlathe::cli {

namespace {

struct InspectOptions {
    std::string model;
    std::vector<std::int64_t> inputShape;
};

std::int64_t totalMacs(const core::PreparedModel& model) {
    return std::accumulate(model.layers.begin(), model.layers.end(), std::int64_t{0},
                           [](std::int64_t sum, const core::Layer& layer) { return sum + layer.macs; });
}

nlohmann::json layerToJson(const core::Layer& layer) {
    return {{"index", layer.index},
            {"id", layer.id.str()},
            {"kind", core::layerKindName(layer.kind)},
            {"operation", layer.operation},
            {"weight_shape", layer.weightShape},
            {"output_shape", layer.outputShape},
            {"weights", layer.weightCount},
            {"macs", layer.macs},
            {"has_bias", layer.hasBias},
            {"is_quantizable", layer.isQuantizable}};
}

nlohmann::json modelToJson(const core::PreparedModel& model, const std::string& path,
                           const std::vector<core::LintFinding>& findings) {
    nlohmann::json json{{"model", path},
                        {"name", model.graph.name},
                        {"hash", model.hash},
                        {"input_shape", model.graph.inputShape()},
                        {"parameters", model.graph.parameterCount()},
                        {"macs", totalMacs(model)}};
    json["layers"] = nlohmann::json::array();
    for (const core::Layer& layer : model.layers) {
        json["layers"].push_back(layerToJson(layer));
    }
    json["lint"] = nlohmann::json::array();
    for (const core::LintFinding& finding : findings) {
        json["lint"].push_back(
            {{"severity", finding.severity == core::LintSeverity::Warning ? "warning" : "hint"},
             {"layer", finding.layer.str()},
             {"code", finding.code},
             {"message", finding.message}});
    }
    return json;
}

void printModel(const core::PreparedModel& model, const std::string& path,
                const std::vector<core::LintFinding>& findings) {
    printText(model.graph.name + "  " + path + "\ninput " + core::shapeText(model.graph.inputShape()) + ", " +
              std::to_string(model.graph.parameterCount()) + " parameters, " +
              std::to_string(totalMacs(model)) + " multiply-accumulates\n\n");
    TextTable table({{"#", TextTable::Align::Right},
                     {"Layer"},
                     {"Operation"},
                     {"Output"},
                     {"Weights", TextTable::Align::Right},
                     {"MACs", TextTable::Align::Right}});
    for (const core::Layer& layer : model.layers) {
        table.addRow({std::to_string(layer.index), layer.id.str(), layer.operation,
                      core::shapeText(layer.outputShape), std::to_string(layer.weightCount),
                      std::to_string(layer.macs)});
    }
    printText(table.text());
    for (const core::LintFinding& finding : findings) {
        printText(std::string(finding.severity == core::LintSeverity::Warning ? "\nwarning " : "\nhint ") +
                  (finding.layer.empty() ? "" : finding.layer.str() + ": ") + finding.message);
    }
    printText(findings.empty() ? "" : "\n");
}

int inspect(const CommandLine& line, const InspectOptions& options) {
    EngineSession session;
    const experiments::LoadedModel loaded =
        experiments::loadModel(experiments::modelSourceFromText(options.model, options.inputShape), {}, {},
                               session.engine(), session.context());
    const core::PreparedModel model = core::prepare(loaded.graph, options.inputShape);
    const std::vector<core::LintFinding> findings = core::lint(model);
    session.clearProgress();
    if (line.isJson) {
        printJson(modelToJson(model, loaded.path, findings));
    } else {
        printModel(model, loaded.path, findings);
    }
    return kExitOk;
}

}  // namespace

void addInspectVerb(CLI::App& app, CommandLine& line) {
    auto options = std::make_shared<InspectOptions>();
    CLI::App* verb = app.add_subcommand("inspect", "Layers, shapes and remarks of a model");
    verb->add_option("MODEL", options->model, "TorchScript file, or zoo:NAME[,parameter=value...]")
        ->required();
    verb->add_option("--input", options->inputShape, "channels,height,width")
        ->delimiter(',')
        ->expected(3)
        ->check(CLI::PositiveNumber);
    addJsonOption(*verb, line);
    verb->callback([&line, options] { line.action = [&line, options] { return inspect(line, *options); }; });
}

}  // namespace bitlathe::cli
