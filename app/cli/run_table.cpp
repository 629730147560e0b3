#include "app/cli/run_table.h"

#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/text_table.h"
#include "core/analysis/confidence.h"

namespace bitlathe::cli {

namespace {

std::string intervalText(const core::EvaluationResult& evaluation) {
    const core::Interval interval = core::wilson95(evaluation.correct, evaluation.samples);
    return decimals(100 * interval.lower, 2) + " .. " + decimals(100 * interval.upper, 2);
}

std::vector<std::string> variantRow(const experiments::VariantResult& variant, bool hasDevice) {
    const core::EvaluationResult& evaluation = variant.evaluation;
    const bool isMeasured = evaluation.samples > 0;
    return {std::to_string(variant.run.value),
            variant.name,
            isMeasured ? decimals(evaluation.top1Percent(), 2) : "",
            isMeasured ? intervalText(evaluation) : "",
            isMeasured ? std::to_string(evaluation.samples) : "",
            decimals(variant.meanWeightBits, 2),
            decimals(variant.meanActivationBits, 2),
            bytesText(static_cast<double>(variant.budget.romBytes)),
            bytesText(static_cast<double>(variant.budget.peakRamBytes)),
            !hasDevice     ? ""
            : variant.fits ? "yes"
                           : "no",
            isMeasured && evaluation.elapsedMs > 0
                ? decimals(1000.0 * static_cast<double>(evaluation.samples) / evaluation.elapsedMs, 0)
                : ""};
}

/// Accuracy of the three forms of a variant, and where their codes part.
std::string integerText(const experiments::VariantResult& variant) {
    const core::DeploymentReport& report = *variant.integer;
    std::string text = "  " + variant.name + ": top-1 " + decimals(variant.floatEvaluation.top1Percent(), 2) +
                       " % float, " + decimals(variant.evaluation.top1Percent(), 2) + " % fake-quantized, " +
                       decimals(report.integer.top1Percent(), 2) + " % integer (" + report.kernels + "); " +
                       std::to_string(report.differing()) + " of " + std::to_string(report.compared()) +
                       " codes differ on " + std::to_string(report.comparedImages) + " images, " +
                       std::to_string(report.unexplained()) + " of them not by float32 rounding\n";
    for (const core::LayerAgreement& layer : report.layers) {
        if (layer.differing > 0) {
            text += "    " + layer.layer.str() + ": " + layer.reason() + "\n";
        }
    }
    return text;
}

}  // namespace

std::string resultTable(const experiments::Recipe& recipe, const experiments::RecipeResult& result,
                        const experiments::ExperimentLog& log) {
    using Align = TextTable::Align;
    TextTable table({{"Run", Align::Right},
                     {"Variant"},
                     {"Top-1 %", Align::Right},
                     {"95 % interval"},
                     {"n", Align::Right},
                     {"W bits", Align::Right},
                     {"A bits", Align::Right},
                     {"ROM", Align::Right},
                     {"RAM", Align::Right},
                     {"Fits"},
                     {"images/s", Align::Right}});
    std::string verdicts;
    std::string files;
    std::string integers;
    for (const experiments::VariantResult& variant : result.variants) {
        table.addRow(variantRow(variant, !variant.verdict.empty()));
        if (!variant.verdict.empty()) {
            verdicts += "  " + variant.name + ": " + variant.verdict + "\n";
        }
        if (variant.integer) {
            integers += integerText(variant);
        }
        for (const experiments::Artefact& artefact : variant.artefacts) {
            files += "  " + variant.name + ": " + artefact.path + " (" +
                     bytesText(static_cast<double>(artefact.sizeBytes)) + ")\n";
        }
    }
    return table.text() + (verdicts.empty() ? "" : "\nOn " + recipe.device + ":\n" + verdicts) +
           (integers.empty() ? "" : "\nInteger models:\n" + integers) +
           (files.empty() ? "" : "\nFiles:\n" + files) + "\nLog: " + log.path() + "\n";
}

namespace {

nlohmann::json integerToJson(const core::DeploymentReport& report) {
    nlohmann::json layers = nlohmann::json::array();
    for (const core::LayerAgreement& layer : report.layers) {
        layers.push_back({{"layer", layer.layer.str()},
                          {"compared", layer.compared},
                          {"differing", layer.differing},
                          {"unexplained", layer.differing - layer.explained},
                          {"accumulated", layer.accumulated},
                          {"largest_difference", layer.largestDifference},
                          {"reason", layer.reason()}});
    }
    return {{"top1", report.integer.top1Percent()},
            {"samples", report.integer.samples},
            {"kernels", report.kernels},
            {"arena_bytes", report.arenaBytes},
            {"compared_images", report.comparedImages},
            {"layers", std::move(layers)}};
}

}  // namespace

nlohmann::json resultToJson(const experiments::RecipeResult& result, const experiments::ExperimentLog& log) {
    nlohmann::json runs = nlohmann::json::array();
    for (const experiments::VariantResult& variant : result.variants) {
        nlohmann::json run = runToJson(log.run(variant.run));
        run["verdict"] = variant.verdict;
        run["fits"] = variant.verdict.empty() ? nlohmann::json(nullptr) : nlohmann::json(variant.fits);
        if (variant.integer) {
            run["integer"] = integerToJson(*variant.integer);
        }
        run["artefacts"] = nlohmann::json::array();
        for (const experiments::Artefact& artefact : variant.artefacts) {
            run["artefacts"].push_back(artefactToJson(artefact));
        }
        runs.push_back(std::move(run));
    }
    return {{"group", result.groupId}, {"log", log.path()}, {"runs", std::move(runs)}};
}

}  // namespace bitlathe::cli
