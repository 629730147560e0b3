#include "app/cli/fit_report.h"

#include "app/cli/output.h"
#include "app/cli/text_table.h"
#include "experiments/recipes/recipe.h"

namespace bitlathe::cli {

namespace {

using Json = nlohmann::json;

Json bitsToJson(const std::optional<core::BitWidth>& bits) {
    return bits ? Json(bits->bits()) : Json("float");
}
std::string bitsText(const std::optional<core::BitWidth>& bits) {
    return bits ? std::to_string(bits->bits()) : "float";
}

const core::LayerQuant& quantOf(const FitReport& report, const core::Layer& layer) {
    static const core::LayerQuant kFloat;
    const auto found = report.result.config.layers.find(layer.id);
    return found == report.result.config.layers.end() ? kFloat : found->second;
}

std::string schemeName(const core::LayerQuant& quant) {
    switch (core::foldScheme(quant)) {
    case core::FoldScheme::PerLayerFolded:
        return "PL+FB";
    case core::FoldScheme::PerLayerIcn:
        return "PL+ICN";
    case core::FoldScheme::PerChannelIcn:
        break;
    }
    return "PC+ICN";
}

Json layersToJson(const FitReport& report) {
    Json layers = Json::array();
    for (std::size_t i = 0; i < report.model.layers.size(); ++i) {
        const core::Layer& layer = report.model.layers[i];
        const core::LayerQuant& quant = quantOf(report, layer);
        const core::LayerBudget& bytes = report.result.budget.layers[i];
        Json entry{{"id", layer.id.str()},
                   {"kind", core::layerKindName(layer.kind)},
                   {"rom_bytes", bytes.romBytes()},
                   {"ram_bytes", bytes.ramBytes()}};
        if (layer.isQuantizable) {
            entry["output_bits"] = bitsToJson(quant.output.bits);
        }
        if (layer.hasWeights()) {
            entry["weight_bits"] = bitsToJson(quant.weight.bits);
            entry["scheme"] = schemeName(quant);
        }
        layers.push_back(std::move(entry));
    }
    return layers;
}

Json frontToJson(const FitReport& report) {
    Json front = Json::array();
    for (const core::SearchResult& point : report.front) {
        front.push_back({{"cost", point.cost},
                         {"rom_bytes", point.romBytes},
                         {"ram_bytes", point.peakRamBytes},
                         {"bit_operations", point.bitOperations},
                         {"is_optimal", point.isOptimal}});
    }
    return front;
}

Json arenaToJson(const core::Budget& budget) {
    Json buffers = Json::array();
    for (std::size_t i = 0; i < budget.arenaBuffers.size(); ++i) {
        const core::ArenaBuffer& buffer = budget.arenaBuffers[i];
        buffers.push_back({{"name", buffer.name},
                           {"bytes", buffer.bytes},
                           {"first_step", buffer.first},
                           {"last_step", buffer.last},
                           {"bank", budget.arena.bankOf[i]},
                           {"offset", budget.arena.offsets[i]}});
    }
    return {{"bytes", budget.arena.bytes},
            {"lower_bound_bytes", budget.arena.lowerBoundBytes},
            {"is_optimal", budget.arena.isOptimal()},
            {"buffers", buffers}};
}

Json romSplitToJson(const core::RomSplit& rom) {
    return {{"weights", rom.weightBytes},
            {"requantization", rom.requantBytes},
            {"tables", rom.tableBytes},
            {"code", rom.codeBytes}};
}

/// The export's figures, or why there are none.
Json exportedToJson(const FitReport& report) {
    const core::TargetBudget& target = report.target;
    if (!target.exported) {
        return {{"refusal", target.refusal}};
    }
    const core::CBudget& exported = *target.exported;
    Json layers = Json::array();
    for (const core::CLayerBudget& layer : exported.layers) {
        layers.push_back({{"id", layer.layer.str()},
                          {"kernel", layer.kernel},
                          {"weight_bytes", layer.weightBytes},
                          {"requantization_bytes", layer.requantBytes},
                          {"table_bytes", layer.constantBytes},
                          {"alive_bytes", layer.aliveBytes()}});
    }
    return {{"rom_split", romSplitToJson(target.exportedSplit)},
            {"rom_bytes", exported.romBytes()},
            {"description_bytes", exported.sizes.descriptionBytes},
            {"arena_bytes", exported.sizes.arenaBytes},
            {"input_bytes", exported.sizes.inputBytes},
            {"output_bytes", exported.sizes.outputBytes},
            {"ram_bytes", exported.ramBytes()},
            {"peak", exported.peakText()},
            {"fits", target.fitsExported(report.device)},
            {"is_calibrated", target.isCalibrated},
            {"layers", std::move(layers)}};
}

std::string exportedText(const FitReport& report) {
    const core::TargetBudget& target = report.target;
    if (!target.exported) {
        return "as C    none: " + target.refusal + "\n";
    }
    const core::CBudget& exported = *target.exported;
    const core::RomSplit& rom = target.exportedSplit;
    return "as C    ROM weights " + std::to_string(rom.weightBytes) + " + requantization " +
           std::to_string(rom.requantBytes) + " + tables and descriptions " + std::to_string(rom.tableBytes) +
           " = " + std::to_string(exported.romBytes()) + " B\n        RAM arena " +
           std::to_string(exported.sizes.arenaBytes) + " + input " +
           std::to_string(exported.sizes.inputBytes) + " + output " +
           std::to_string(exported.sizes.outputBytes) + " = " + std::to_string(exported.ramBytes()) +
           " B; arena's peak in " + exported.peakText() + "\n        " +
           target.exportedVerdict(report.device) +
           (target.isCalibrated ? "" : " (ranges assumed, for want of data)") + "\n";
}

}  // namespace

Json fitToJson(const FitReport& report) {
    const core::FitResult& result = report.result;
    Json json{{"model", report.modelPath},
              {"device", report.device.id},
              {"method", result.method},
              {"fits", result.isFeasible},
              {"is_optimal", result.isOptimal},
              {"verdict", result.verdict},
              {"binding_layer", result.bindingLayer ? Json(result.bindingLayer->str()) : Json()},
              {"rom_limit_bytes", report.request.limits.romBytes},
              {"ram_limit_bytes", report.request.limits.ramBytes},
              {"rom_bytes", result.budget.romBytes},
              {"ram_bytes", result.budget.peakRamBytes},
              {"ram_model", core::ramModelName(report.request.ramModel)},
              {"peak", result.budget.peakText()},
              {"rom_split", romSplitToJson(report.target.formulaSplit)},
              {"as_c", exportedToJson(report)},
              {"cost", result.cost},
              {"bit_operations", result.bitOperations},
              {"costs_from", report.costs},
              {"search_ms", report.searchMs},
              {"input_bits", bitsToJson(result.config.input.bits)},
              {"layers", layersToJson(report)},
              {"config", experiments::toDocument(result.config).json}};
    if (report.request.ramModel == core::RamModel::Arena) {
        json["arena"] = arenaToJson(result.budget);
    }
    if (!report.front.empty()) {
        json["pareto"] = frontToJson(report);
    }
    return json;
}

std::string fitText(const FitReport& report) {
    const core::FitResult& result = report.result;
    TextTable table({{"Layer"},
                     {"Operation"},
                     {"W", TextTable::Align::Right},
                     {"Out", TextTable::Align::Right},
                     {"Scheme"},
                     {"ROM B", TextTable::Align::Right},
                     {"RAM B", TextTable::Align::Right}});
    for (std::size_t i = 0; i < report.model.layers.size(); ++i) {
        const core::Layer& layer = report.model.layers[i];
        const core::LayerQuant& quant = quantOf(report, layer);
        const core::LayerBudget& bytes = result.budget.layers[i];
        table.addRow({layer.id.str(), layer.operation, layer.hasWeights() ? bitsText(quant.weight.bits) : "",
                      layer.isQuantizable ? bitsText(quant.output.bits) : "",
                      layer.hasWeights() ? schemeName(quant) : "", std::to_string(bytes.romBytes()),
                      std::to_string(bytes.ramBytes())});
    }
    const core::RomSplit& rom = report.target.formulaSplit;
    std::string text = table.text() + "\n" + result.method + (result.isOptimal ? ", proved optimal" : "") +
                       ": " + result.verdict + "\n";
    text += "ROM     weights " + std::to_string(rom.weightBytes) + " + requantization " +
            std::to_string(rom.requantBytes) + " + tables " + std::to_string(rom.tableBytes) + " = " +
            std::to_string(result.budget.romBytes) + " B; code reserved " + std::to_string(rom.codeBytes) +
            " B\n";
    text += "RAM     peak in " + result.budget.peakText() + "\n";
    text += exportedText(report);
    text += "search  " + decimals(report.searchMs, 2) + " ms; costs: " + report.costs + "\n";
    if (!report.front.empty()) {
        TextTable front({{"ROM B", TextTable::Align::Right},
                         {"RAM B", TextTable::Align::Right},
                         {"Cost", TextTable::Align::Right}});
        for (const core::SearchResult& point : report.front) {
            front.addRow({std::to_string(point.romBytes), std::to_string(point.peakRamBytes),
                          decimals(point.cost, 6)});
        }
        text += "\nPareto front\n" + front.text();
    }
    return text;
}

}  // namespace bitlathe::cli
