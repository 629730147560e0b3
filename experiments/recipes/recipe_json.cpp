#include "experiments/recipes/config_rules.h"
#include "experiments/recipes/json_reader.h"
#include "experiments/recipes/recipe.h"
#include "experiments/recipes/site_json.h"
#include "experiments/recipes/stage_json.h"

#include "core/zoo/zoo.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace bitlathe::experiments {

namespace {

constexpr std::int64_t kMaxThreads = 1024;
constexpr std::int64_t kMaxSize = 1 << 20;

void checkSchemaVersion(const JsonReader& reader) {
    const std::int64_t version = reader.at("schema_version").integer(1, 1'000'000);
    if (version > Recipe::kSchemaVersion) {
        throw reader.at("schema_version")
            .error("the recipe is of schema " + std::to_string(version) + ", this Bitlathe knows up to " +
                   std::to_string(Recipe::kSchemaVersion) + "; update Bitlathe");
    }
}

core::Shape readShape(const JsonReader& reader) {
    if (!reader.json().is_array() || reader.size() != 3) {
        throw reader.notA("[channels, height, width]");
    }
    core::Shape shape;
    for (std::size_t i = 0; i < 3; ++i) {
        shape.push_back(reader.at(i).integer(1, kMaxSize));
    }
    return shape;
}

std::vector<core::MethodInfo> zooMethods() {
    std::vector<core::MethodInfo> methods;
    for (const core::ZooEntry& entry : core::zooEntries()) {
        methods.push_back({entry.name, entry.title, entry.params, {}});
    }
    return methods;
}

ModelSource readModel(const JsonReader& reader) {
    reader.requireObject({"file", "zoo", "run", "input_shape"});
    ModelSource model;
    const auto given = [&](const char* key) { return reader.has(key) ? 1 : 0; };
    if (given("file") + given("zoo") + given("run") != 1) {
        throw reader.error("needs one of \"file\" (a .pt file), \"zoo\" (a network built in) and \"run\" (a "
                           "trained run's number in the log)");
    }
    if (reader.has("run")) {
        model.run = reader.at("run").integer(1, std::int64_t{1} << 53);
    } else if (reader.has("file")) {
        model.file = reader.at("file").text();
        if (model.file.empty()) {
            throw reader.at("file").notA("a file name");
        }
    } else {
        const core::MethodSpec method = readMethod(reader.at("zoo"), zooMethods());
        model.zoo = method.name;
        model.zooParams = method.params;
    }
    if (reader.has("input_shape")) {
        model.inputShape = readShape(reader.at("input_shape"));
    }
    return model;
}

std::vector<double> readNumbers(const JsonReader& reader, bool allowsZero) {
    reader.requireArray();
    if (reader.size() == 0) {
        throw reader.notA("a list with one number per channel");
    }
    std::vector<double> numbers;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        numbers.push_back(reader.at(i).finite());
        if (!allowsZero && numbers.back() == 0) {
            throw reader.at(i).error("0 cannot divide; x = (pixel - mean) / scale");
        }
    }
    return numbers;
}

core::DataSpec readData(const JsonReader& reader) {
    reader.requireObject({"dataset", "root", "pad", "mean", "scale"});
    core::DataSpec data;
    if (reader.has("dataset")) {
        data.dataset = reader.at("dataset").choice(core::datasetNames());
    }
    if (reader.has("root")) {
        data.root = reader.at("root").text();
    }
    if (reader.has("pad")) {
        data.pad = static_cast<int>(reader.at("pad").integer(0, 1024));
    }
    if (reader.has("mean")) {
        data.mean = readNumbers(reader.at("mean"), true);
    }
    if (reader.has("scale")) {
        data.scale = readNumbers(reader.at("scale"), false);
    }
    return data;
}

std::vector<Variant> readVariants(const JsonReader& reader) {
    reader.requireArray();
    std::vector<Variant> variants;
    std::set<std::string> names;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        const JsonReader entry = reader.at(i).requireObject({"name", "config"});
        Variant variant;
        variant.name = entry.at("name").text();
        if (variant.name.empty()) {
            throw entry.at("name").error("is empty; name the variant");
        }
        if (!names.insert(variant.name).second) {
            throw entry.at("name").error("'" + variant.name + "' is the name of an earlier variant too");
        }
        checkConfigDocument(entry.at("config"));
        variant.config.json = entry.at("config").json();
        variants.push_back(std::move(variant));
    }
    return variants;
}

std::vector<Stage> readStages(const JsonReader& reader) {
    reader.requireArray();
    std::vector<Stage> stages;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        stages.push_back(readStage(reader.at(i)));
    }
    return stages;
}

/// Train, calibrate, qat and evaluate happen once; which word each is known by.
constexpr std::array<const char*, 6> kStageNames{"train", "calibrate", "evaluate", "export", "qat", "search"};
constexpr std::size_t kExportIndex = 3;
constexpr std::size_t kSearchIndex = 5;

/// A search's base must be a variant of the recipe, and its own name new; adds that name.
void checkSearch(const Recipe& recipe, const SearchStage& search, const JsonReader& stage,
                 std::vector<std::string>& names) {
    std::vector<std::string> bases;
    for (const Variant& variant : recipe.variants) {
        bases.push_back(variant.name);
    }
    stage.at("base").choice(bases);
    if (std::find(names.begin(), names.end(), search.name) != names.end()) {
        throw stage.error("the name '" + search.name + "' is taken by another variant or search");
    }
    if (recipe.device.empty() && (!search.romBytes || !search.ramBytes)) {
        throw stage.error("nothing to fit into: give \"rom\" and \"ram\", or the recipe a \"device\"");
    }
    names.push_back(search.name);
}

/// What an export names must be there, what is measured on a variant needs one, and only exports and searches may repeat.
void checkStages(const Recipe& recipe, const JsonReader& stages) {
    std::vector<std::string> names;
    for (const Variant& variant : recipe.variants) {
        names.push_back(variant.name);
    }
    for (std::size_t i = 0; i < recipe.stages.size(); ++i) {
        if (const auto* const search = std::get_if<SearchStage>(&recipe.stages[i])) {
            checkSearch(recipe, *search, stages.at(i), names);
        }
    }
    std::array<bool, 6> isSeen{};
    for (std::size_t i = 0; i < recipe.stages.size(); ++i) {
        const Stage& stage = recipe.stages[i];
        if (stage.index() != kExportIndex && stage.index() != kSearchIndex &&
            std::exchange(isSeen[stage.index()], true)) {
            throw stages.at(i).error(std::string("a second '") + kStageNames[stage.index()] +
                                     "' stage; a recipe has one");
        }
        if (!std::holds_alternative<TrainStage>(stage) && names.empty()) {
            throw stages.at(i).error("there is no variant to work on; add one to \"variants\"");
        }
        const auto* const exported = std::get_if<ExportStage>(&stage);
        if (exported != nullptr && !exported->variant.empty()) {
            stages.at(i).at("variant").choice(names);
        }
    }
    if (names.empty() && !isSeen[0]) {
        throw stages.error("nothing to do: no variant and no 'train' stage");
    }
}

nlohmann::json modelToJson(const ModelSource& model) {
    nlohmann::json json;
    if (model.run > 0) {
        json["run"] = model.run;
    } else if (model.file.empty()) {
        json["zoo"] = methodToJson({model.zoo, model.zooParams});
    } else {
        json["file"] = model.file;
    }
    if (!model.inputShape.empty()) {
        json["input_shape"] = model.inputShape;
    }
    return json;
}

nlohmann::json dataToJson(const core::DataSpec& data) {
    nlohmann::json json{
        {"dataset", data.dataset}, {"pad", data.pad}, {"mean", data.mean}, {"scale", data.scale}};
    if (!data.root.empty()) {
        json["root"] = data.root;
    }
    return json;
}

}  // namespace

Recipe Recipe::parse(const nlohmann::json& document) {
    const JsonReader reader(document, "");
    if (!document.is_object()) {
        throw recipeError("", "the recipe is no JSON object {...}");
    }
    checkSchemaVersion(reader);
    reader.requireObject({"schema_version", "name", "description", "seed", "threads", "model", "data",
                          "device", "variants", "stages"});
    Recipe recipe;
    recipe.name = reader.at("name").text();
    if (reader.has("description")) {
        recipe.description = reader.at("description").text();
    }
    if (reader.has("seed")) {
        // Up to 2^53: every JSON reader keeps such numbers exact.
        recipe.seed = {static_cast<std::uint64_t>(reader.at("seed").integer(0, std::int64_t{1} << 53))};
    }
    if (reader.has("threads")) {
        recipe.threads = static_cast<int>(reader.at("threads").integer(1, kMaxThreads));
    }
    recipe.model = readModel(reader.at("model"));
    if (reader.has("data")) {
        recipe.data = readData(reader.at("data"));
    }
    if (reader.has("device")) {
        recipe.device = reader.at("device").text();
    }
    if (reader.has("variants")) {
        recipe.variants = readVariants(reader.at("variants"));
    }
    recipe.stages = readStages(reader.at("stages"));
    checkStages(recipe, reader.at("stages"));
    return recipe;
}

nlohmann::json Recipe::toJson() const {
    nlohmann::json json{{"schema_version", kSchemaVersion},
                        {"name", name},
                        {"seed", seed.value},
                        {"threads", threads},
                        {"model", modelToJson(model)},
                        {"data", dataToJson(data)}};
    if (!description.empty()) {
        json["description"] = description;
    }
    if (!device.empty()) {
        json["device"] = device;
    }
    json["variants"] = nlohmann::json::array();
    for (const Variant& variant : variants) {
        json["variants"].push_back({{"name", variant.name}, {"config", variant.config.json}});
    }
    json["stages"] = nlohmann::json::array();
    for (const Stage& stage : stages) {
        json["stages"].push_back(stageToJson(stage));
    }
    return json;
}

}  // namespace bitlathe::experiments
