#include "experiments/recipes/model_source.h"

#include "core/graph/prepare.h"
#include "core/plan/plan_json.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "experiments/resources/resource_folder.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

namespace bitlathe::experiments {

namespace {

/// The newest file of a kind that a run kept; "" when it kept none.
std::string artefactPath(const std::vector<Artefact>& artefacts, const std::string& kind) {
    std::string path;
    for (const Artefact& artefact : artefacts) {
        if (artefact.kind == kind) {
            path = artefact.path;
        }
    }
    return path;
}

std::string readText(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw core::Error(core::ErrorCode::Io, "cannot read '" + path + "', which the run kept");
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

RunModel loadRunModel(const ExperimentLog& log, RunId run, core::Engine& engine) {
    const std::vector<Artefact> artefacts = log.artefacts(run);
    RunModel model;
    model.path = artefactPath(artefacts, "torch_script");
    if (model.path.empty()) {
        throw core::Error(core::ErrorCode::Io,
                          "run " + std::to_string(run.value) +
                              " kept no trained model to start from; choose one that was "
                              "trained");
    }
    model.graph = engine.importTorchScript(model.path, {});
    const std::string plan = artefactPath(artefacts, "quant_plan");
    const std::string config = log.run(run).what.configJson;
    if (!plan.empty() && !config.empty()) {
        const core::PreparedModel folded = core::prepare(model.graph);
        core::LearnedPlan learned;
        learned.config = buildConfig(ConfigDocument{nlohmann::json::parse(config)}, folded);
        learned.plan = core::planFromJson(readText(plan), core::preparedFor(folded, learned.config));
        model.learned = std::move(learned);
    }
    return model;
}

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

ModelSource modelSourceFromText(const std::string& text, const core::Shape& inputShape) {
    static const std::string kZoo = "zoo:";
    ModelSource source;
    source.inputShape = inputShape;
    if (!text.starts_with(kZoo)) {
        source.file = text;
        return source;
    }
    std::istringstream words(text.substr(kZoo.size()));
    std::getline(words, source.zoo, ',');
    for (std::string word; std::getline(words, word, ',');) {
        const std::size_t equals = word.find('=');
        const std::string number = equals == std::string::npos ? std::string() : word.substr(equals + 1);
        double value = 0;
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
        if (number.empty() || error != std::errc() || end != number.data() + number.size()) {
            throw core::Error(core::ErrorCode::InvalidConfig,
                              "'" + word + "' in '" + text +
                                  "' is no parameter; write name=number, as in "
                                  "zoo:mobilenet_v1,width=1,size=224");
        }
        source.zooParams[word.substr(0, equals)] = value;
    }
    return source;
}

}  // namespace bitlathe::experiments
