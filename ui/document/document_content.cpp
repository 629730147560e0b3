#include "ui/document/document_content.h"

#include <filesystem>

namespace bitlathe::ui {

std::vector<NamedConfig> resolveVariants(const experiments::Recipe& recipe,
                                         const core::PreparedModel& model) {
    std::vector<NamedConfig> variants;
    for (const experiments::Variant& variant : recipe.variants) {
        variants.push_back({variant.name, experiments::buildConfig(variant.config, model)});
    }
    if (variants.empty()) {
        variants.push_back({"W8A8", startingConfig(model)});
    }
    return variants;
}

core::QuantConfig startingConfig(const core::PreparedModel& model) {
    core::SiteQuant activation;
    activation.bits = core::BitWidth(8);
    core::SiteQuant weight = activation;
    weight.quantizer.name = "symmetric";
    weight.granularity.kind = core::Granularity::Kind::Channel;
    core::QuantConfig config;
    config.input = activation;
    for (const core::Layer& layer : model.layers) {
        if (layer.isQuantizable) {
            config.layers[layer.id] = {layer.hasWeights() ? weight : core::SiteQuant(), activation,
                                       core::BatchNormMode::Folded};
        }
    }
    return config;
}

experiments::Recipe recipeForModelFile(const std::string& modelPath) {
    experiments::Recipe recipe;
    recipe.name = std::filesystem::path(modelPath).stem().string();
    recipe.model.file = modelPath;
    recipe.stages = {experiments::CalibrateStage(), experiments::EvaluateStage()};
    return recipe;
}

}  // namespace bitlathe::ui
