#include "experiments/recipes/model_source.h"

#include "core/zoo/zoo.h"
#include "experiments/resources/resource_folder.h"

namespace bitlathe::experiments {

LoadedModel loadModel(const ModelSource& source, const std::string& recipeFolder, core::Seed seed,
                      core::Engine& engine, const core::RunContext& context) {
    core::RunContext stage = context;
    stage.beginStage("load model");
    if (source.file.empty()) {
        stage.checkpoint(0, 1, source.zoo);
        return {core::buildZooModel(source.zoo, source.zooParams, seed), "zoo:" + source.zoo};
    }
    const std::string path = findInput(source.file, recipeFolder).string();
    stage.checkpoint(0, 1, path);
    return {engine.importTorchScript(path, source.inputShape), path};
}

}  // namespace bitlathe::experiments
