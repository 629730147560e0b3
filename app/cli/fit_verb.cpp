#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/fit_report.h"
#include "app/cli/output.h"
#include "core/device/memory_limit.h"
#include "core/graph/prepare.h"
#include "core/ptq/needed_detail.h"
#include "core/search/bit_search.h"
#include "core/search/pareto_front.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "experiments/recipes/model_source.h"
#include "experiments/recipes/search_run.h"
#include "experiments/resources/resource_folder.h"

#include <CLI/CLI.hpp>

#include <chrono>
#include <filesystem>

namespace bitlathe::cli {

namespace {

struct FitOptions {
    std::string model;
    std::vector<std::int64_t> inputShape;
    std::string device;
    std::optional<std::int64_t> rom, ram, code, stack, bitOperations;
    std::vector<int> bits, weightBits, activationBits;
    std::string method, ramModel = "lifetimes", measure = "kl", variant;
    std::int64_t samples = 256;
    bool usesAllBanks = false;
    bool wantsFront = false;
};

bool isRecipe(const std::string& model) {
    return model.ends_with(".json") ||
           std::filesystem::exists(experiments::resourceFolder() / "recipes" / (model + ".json"));
}

/// A chip of which only two sizes are known.
core::Device unnamedDevice(const FitOptions& options) {
    core::Device device;
    device.name = "the limits given";
    device.rom = {{"ROM", options.rom.value_or(0)}};
    device.ram = {{"RAM", options.ram.value_or(0)}};
    return device;
}

/// The named device, or the recipe's, with what the options change: sizes, and what the firmware keeps for itself.
core::Device deviceOf(const FitOptions& options, const std::string& recipeDevice) {
    const std::string name = options.device.empty() ? recipeDevice : options.device;
    if (name.empty() && (!options.rom || !options.ram)) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "nothing to fit into: give --device NAME, or both --rom and --ram in bytes");
    }
    core::Device device = name.empty() ? unnamedDevice(options) : loadDevices().find(name);
    device.reservedRomBytes = options.code.value_or(device.reservedRomBytes);
    device.reservedRamBytes = options.stack.value_or(device.reservedRamBytes);
    return device;
}

core::FitRequest requestOf(const FitOptions& options, const core::Device& device, bool hasData) {
    core::FitRequest request;
    const std::string method = options.method.empty() ? (hasData ? "ilp" : "mix_pl") : options.method;
    request.method = core::fitMethodFromName(method);
    request.ramModel = core::ramModelFromName(options.ramModel);
    request.measure = core::sensitivityMeasureFromName(options.measure);
    if (!options.bits.empty()) {
        request.bits.weights = request.bits.activations = options.bits;
    }
    if (!options.weightBits.empty()) {
        request.bits.weights = options.weightBits;
    }
    if (!options.activationBits.empty()) {
        request.bits.activations = options.activationBits;
    }
    request.bits.validate();
    request.limits = {options.rom.value_or(device.romLimitBytes()),
                      options.ram.value_or(device.ramLimitBytes()), options.bitOperations};
    if (request.ramModel == core::RamModel::Arena) {
        core::useBanks(request, core::ramBanks(device, options.usesAllBanks), request.limits.ramBytes);
    } else if (options.usesAllBanks) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "--all-banks places tensors in banks, which only --ram-model arena does");
    }
    return request;
}

/// Where no data says how each site is to be quantized: 8-bit affine activations, symmetric weights per channel.
core::QuantConfig plainConfig(const core::PreparedModel& model) {
    core::QuantConfig config;
    config.input.bits = core::BitWidth(8);
    for (const core::Layer& layer : model.layers) {
        core::LayerQuant& quant = config.layers[layer.id];
        quant.weight.bits = quant.output.bits = core::BitWidth(8);
        quant.weight.quantizer.name = "symmetric";
        quant.weight.granularity.kind = core::Granularity::Kind::Channel;
    }
    return config;
}

std::string costsText(const core::FitRequest& request, const core::SensitivityTable* table) {
    if (request.method == core::FitMethod::MixPL || request.method == core::FitMethod::MixPC) {
        return "none, the rules look at sizes alone";
    }
    return table == nullptr ? "4^-bits of each site, for want of data (give a recipe to measure them)"
                            : std::string(core::sensitivityMeasureName(request.measure)) + " measured on " +
                                  std::to_string(table->samples) + " images";
}

void addFront(FitReport& report, const core::QuantConfig& base, const core::SensitivityTable* table,
              const core::RunContext& context) {
    const core::SearchSpace space = core::searchSpace(report.model, base, report.request.bits,
                                                      report.request.ramModel, table, report.request.measure);
    core::RunContext stage = context;
    stage.beginStage("Pareto front");
    report.front = core::paretoFront(space, {}, stage);
}

/// The budget of what was chosen, as the C export would lay it out as well. `statistics` null: there are no data.
void addTarget(FitReport& report, const core::Statistics* statistics) {
    // --rom and --ram say what is left for the model, whatever the device reserves.
    core::Device& device = report.device;
    const core::SearchLimits& limits = report.request.limits;
    if (limits.romBytes != device.romLimitBytes()) {
        device.rom = {{"ROM", limits.romBytes + device.reservedRomBytes}};
    }
    if (limits.ramBytes != device.ramLimitBytes()) {
        device.ram = {{"RAM", limits.ramBytes + device.reservedRamBytes}};
    }
    core::TargetOptions options;
    options.ramModel = report.request.ramModel;
    options.banks = report.request.banks;
    options.statistics = statistics;
    report.target = core::targetBudget(report.model, report.result.config, device, options);
}

core::PreparedModel loadAlone(const FitOptions& options, FitReport& report) {
    const experiments::ModelSource source =
        experiments::modelSourceFromText(options.model, options.inputShape);
    if (source.file.empty()) {
        report.modelPath = options.model;
        return core::prepare(core::buildZooModel(source.zoo, source.zooParams, {}), options.inputShape);
    }
    EngineSession session;
    experiments::LoadedModel loaded =
        experiments::loadModel(source, {}, {}, session.engine(), session.context());
    session.clearProgress();
    report.modelPath = loaded.path;
    return core::prepare(loaded.graph, options.inputShape);
}

FitReport fitModel(const FitOptions& options) {
    FitReport report;
    report.device = deviceOf(options, {});
    report.request = requestOf(options, report.device, false);
    report.model = loadAlone(options, report);
    const core::QuantConfig base = plainConfig(report.model);
    const auto begin = std::chrono::steady_clock::now();
    report.result = core::fitBits(report.model, base, report.request, nullptr);
    report.searchMs =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    report.costs = costsText(report.request, nullptr);
    addTarget(report, nullptr);
    if (options.wantsFront) {
        addFront(report, base, nullptr, {});
    }
    return report;
}

/// The variant that says how sites are quantized: the named one, else the first that quantizes anything.
const experiments::Variant& baseVariant(const experiments::Recipe& recipe, const FitOptions& options,
                                        const core::PreparedModel& model) {
    std::string known;
    for (const experiments::Variant& variant : recipe.variants) {
        known += (known.empty() ? "" : ", ") + variant.name;
        const bool isFloat = experiments::buildConfig(variant.config, model).input.isFloat();
        if (options.variant.empty() ? !isFloat : variant.name == options.variant) {
            return variant;
        }
    }
    throw core::Error(
        core::ErrorCode::InvalidConfig,
        options.variant.empty()
            ? "no variant of recipe '" + recipe.name + "' quantizes its input; name one with --variant"
            : "recipe '" + recipe.name + "' has no variant '" + options.variant + "'; it has " + known);
}

FitReport fitRecipe(const CommandLine& line, const FitOptions& options) {
    const experiments::Recipe recipe = loadRecipe(options.model, {});
    FitReport report;
    report.device = deviceOf(options, recipe.device);
    report.request = requestOf(options, report.device, true);
    const core::DeviceCatalogue devices = loadDevices();
    const auto log = experiments::ExperimentLog::open(line.logPath);
    EngineSession engine;
    const experiments::RecipeObserver nobody;
    experiments::RecipeSession session(recipe, engine.engine(), *log, devices, engine.context(), nobody);
    session.loadModel();
    const core::QuantConfig base =
        experiments::buildConfig(baseVariant(recipe, options, session.model).config, session.model);
    experiments::SearchStage stage;
    stage.method = report.request.method;
    stage.bits = report.request.bits;
    stage.samples = options.samples;
    const core::BatchSource data = experiments::searchData(session, stage);
    experiments::ChosenBits chosen = experiments::chooseBits(session, stage, base, report.request, data);
    report.modelPath = session.modelPath;
    report.model = session.model;
    const core::SensitivityTable* const table = chosen.table.sites.empty() ? nullptr : &chosen.table;
    report.costs = costsText(report.request, table);
    report.searchMs = chosen.searchMs;
    report.result = std::move(chosen.fit);
    const core::QuantConfig& fitted = report.result.config;
    addTarget(report,
              &session.statistics(core::preparedFor(session.model, fitted), core::channelDetailFor(fitted)));
    if (options.wantsFront) {
        addFront(report, base, table, engine.context());
    }
    engine.clearProgress();
    return report;
}

int fit(const CommandLine& line, const FitOptions& options) {
    const FitReport report = isRecipe(options.model) ? fitRecipe(line, options) : fitModel(options);
    line.isJson ? printJson(fitToJson(report)) : printText(fitText(report));
    return report.result.isFeasible ? kExitOk : kExitFailed;
}

}  // namespace

void addFitVerb(CLI::App& app, CommandLine& line) {
    auto options = std::make_shared<FitOptions>();
    CLI::App* verb = app.add_subcommand("fit", "Choose bits so that a model fits a device");
    verb->add_option(
            "MODEL", options->model,
            "TorchScript file, zoo:NAME[,parameter=value...], or a recipe, whose data then say what each "
            "width costs")
        ->required();
    verb->add_option("--device", options->device, "of the catalogue (bitlathe-cli devices)")
        ->type_name("NAME");
    verb->add_option("--rom", options->rom, "bytes for the model, instead of the device's")
        ->check(CLI::Range(std::int64_t{0}, core::kMaxBankBytes));
    verb->add_option("--ram", options->ram, "bytes for activations, instead of the device's")
        ->check(CLI::Range(std::int64_t{0}, core::kMaxBankBytes));
    verb->add_option("--code-bytes", options->code, "ROM the firmware keeps for itself")
        ->check(CLI::Range(std::int64_t{0}, core::kMaxBankBytes));
    verb->add_option("--stack-bytes", options->stack, "RAM the firmware keeps for itself")
        ->check(CLI::Range(std::int64_t{0}, core::kMaxBankBytes));
    verb->add_option("--bit-operations", options->bitOperations, "limit of MACs x weight bits x input bits")
        ->check(CLI::NonNegativeNumber);
    verb->add_option("--bits", options->bits, "widths to choose from, of 2 to 8 (default 8,4,2)")
        ->delimiter(',');
    verb->add_option("--weight-bits", options->weightBits, "the same for weights alone")->delimiter(',');
    verb->add_option("--activation-bits", options->activationBits, "the same for activations alone")
        ->delimiter(',');
    verb->add_option("--method", options->method,
                     "mix_pl, mix_pc, ilp or greedy (default: ilp for a recipe, else mix_pl)");
    verb->add_option("--ram-model", options->ramModel, "in_out, lifetimes or arena")->capture_default_str();
    verb->add_option("--measure", options->measure, "of sensitivity: kl, loss or sqnr")
        ->capture_default_str();
    verb->add_option("--samples", options->samples, "training images to measure sensitivity on")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    verb->add_option("--variant", options->variant,
                     "variant of the recipe that says how sites are quantized");
    verb->add_flag("--all-banks", options->usesAllBanks,
                   "also use RAM banks apart from the main one (arena)");
    verb->add_flag("--pareto", options->wantsFront, "also sweep the limits for the Pareto front");
    verb->add_option("--input", options->inputShape, "channels,height,width")
        ->delimiter(',')
        ->expected(3)
        ->check(CLI::PositiveNumber);
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, options] { line.action = [&line, options] { return fit(line, *options); }; });
}

}  // namespace bitlathe::cli
