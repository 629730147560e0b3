#include "experiments/recipes/stage_json.h"

#include "core/exporters/exporter.h"
#include "experiments/recipes/site_json.h"
#include "experiments/recipes/train_options_json.h"

namespace bitlathe::experiments {

namespace {

constexpr std::int64_t kMaxSamples = 1'000'000'000;
constexpr std::int64_t kMaxBatch = 65536;

/// "all" or a number; 0: all.
std::int64_t readSamples(const JsonReader& reader) {
    return reader.json() == "all" ? 0 : reader.integer(0, kMaxSamples);
}

nlohmann::json samplesToJson(std::int64_t samples) {
    return samples == 0 ? nlohmann::json("all") : nlohmann::json(samples);
}

core::DataSplit readSplit(const JsonReader& reader) {
    return reader.choice({"train", "test"}) == "train" ? core::DataSplit::Train : core::DataSplit::Test;
}

std::string splitName(core::DataSplit split) {
    return split == core::DataSplit::Train ? "train" : "test";
}

std::vector<std::string> stageKeys(std::vector<std::string> own, const std::vector<std::string>& shared) {
    own.insert(own.end(), shared.begin(), shared.end());
    return own;
}

TrainStage readTrain(const JsonReader& reader) {
    reader.requireObject(stageKeys({"stage", "samples", "output"}, trainOptionKeys()));
    TrainStage stage;
    readTrainOptions(reader, stage.options);
    if (reader.has("samples")) {
        stage.samples = readSamples(reader.at("samples"));
    }
    if (reader.has("output")) {
        stage.output = reader.at("output").text();
    }
    return stage;
}

QatStage readQat(const JsonReader& reader) {
    reader.requireObject(stageKeys(stageKeys({"stage", "samples"}, trainOptionKeys()), qatOptionKeys()));
    QatStage stage;
    readTrainOptions(reader, stage.options);
    readQatOptions(reader, stage.quantization);
    if (reader.has("samples")) {
        stage.samples = readSamples(reader.at("samples"));
    }
    return stage;
}

/// Which images a stage looks at, and how many at a time.
template <typename Stage>
void readImages(const JsonReader& reader, Stage& stage) {
    if (reader.has("split")) {
        stage.split = readSplit(reader.at("split"));
    }
    if (reader.has("samples")) {
        stage.samples = reader.at("samples").integer(1, kMaxSamples);
    }
    if (reader.has("batch_size")) {
        stage.batchSize = reader.at("batch_size").integer(1, kMaxBatch);
    }
}

CalibrateStage readCalibrate(const JsonReader& reader) {
    reader.requireObject({"stage", "split", "samples", "batch_size", "load", "save"});
    CalibrateStage stage;
    if (reader.has("load")) {
        stage.load = reader.at("load").text();
    }
    if (reader.has("save")) {
        stage.save = reader.at("save").text();
    }
    readImages(reader, stage);
    return stage;
}

EvaluateStage readEvaluate(const JsonReader& reader) {
    reader.requireObject(
        {"stage", "split", "samples", "batch_size", "layer_errors", "integer", "integer_samples"});
    EvaluateStage stage;
    if (reader.has("split")) {
        stage.split = readSplit(reader.at("split"));
    }
    if (reader.has("samples")) {
        stage.samples = readSamples(reader.at("samples"));
    }
    if (reader.has("batch_size")) {
        stage.batchSize = reader.at("batch_size").integer(1, kMaxBatch);
    }
    if (reader.has("layer_errors")) {
        stage.layerErrors = reader.at("layer_errors").boolean();
    }
    if (reader.has("integer")) {
        stage.integer = reader.at("integer").boolean();
    }
    if (reader.has("integer_samples")) {
        const JsonReader samples = reader.at("integer_samples");
        stage.integerSamples = samples.json() == "all" ? 0 : samples.integer(0, kMaxSamples);
    }
    return stage;
}

ExportStage readExport(const JsonReader& reader) {
    reader.requireObject({"stage", "format", "variant", "folder"});
    ExportStage stage;
    if (reader.has("format")) {
        const core::MethodSpec exporter = readMethod(reader.at("format"), core::exporterRegistry().list());
        stage.format = exporter.name;
        stage.params = exporter.params;
    }
    if (reader.has("variant")) {
        stage.variant = reader.at("variant").text();
    }
    stage.folder = reader.at("folder").text();
    if (stage.folder.empty()) {
        throw reader.at("folder").error("is empty; name the folder to write into");
    }
    return stage;
}

std::vector<int> readWidths(const JsonReader& reader) {
    reader.requireArray();
    std::vector<int> widths;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        widths.push_back(static_cast<int>(reader.at(i).integer(2, 8)));
    }
    return widths;
}

/// A word of one of core's own lists.
template <typename Read>
auto readName(const JsonReader& reader, Read read) {
    try {
        return read(reader.text());
    } catch (const core::Error& error) {
        if (error.code() == core::ErrorCode::RecipeError) {
            throw;
        }
        throw reader.error(error.what());
    }
}

void readSearchChoices(const JsonReader& reader, SearchStage& stage) {
    if (reader.has("method")) {
        stage.method = readName(reader.at("method"), core::fitMethodFromName);
    }
    if (reader.has("ram_model")) {
        stage.ramModel = readName(reader.at("ram_model"), core::ramModelFromName);
    }
    if (reader.has("measure")) {
        stage.measure = readName(reader.at("measure"), core::sensitivityMeasureFromName);
    }
    if (reader.has("weight_bits")) {
        stage.bits.weights = readWidths(reader.at("weight_bits"));
    }
    if (reader.has("activation_bits")) {
        stage.bits.activations = readWidths(reader.at("activation_bits"));
    }
    try {
        stage.bits.validate();
    } catch (const core::Error& error) {
        throw reader.error(error.what());
    }
}

SearchStage readSearch(const JsonReader& reader) {
    reader.requireObject({"stage", "name", "base", "method", "weight_bits", "activation_bits", "ram_model",
                          "measure", "rom", "ram", "bit_operations", "split", "samples", "batch_size"});
    SearchStage stage;
    if (reader.has("name")) {
        stage.name = reader.at("name").text();
    }
    stage.base = reader.at("base").text();
    readSearchChoices(reader, stage);
    constexpr std::int64_t kMost = std::int64_t{1} << 53;
    if (reader.has("rom")) {
        stage.romBytes = reader.at("rom").integer(1, kMost);
    }
    if (reader.has("ram")) {
        stage.ramBytes = reader.at("ram").integer(1, kMost);
    }
    if (reader.has("bit_operations")) {
        stage.bitOperations = reader.at("bit_operations").integer(1, kMost);
    }
    readImages(reader, stage);
    return stage;
}

struct ToJson {
    nlohmann::json operator()(const TrainStage& stage) const {
        nlohmann::json json{{"stage", "train"}, {"samples", samplesToJson(stage.samples)}};
        writeTrainOptions(stage.options, json);
        if (!stage.output.empty()) {
            json["output"] = stage.output;
        }
        return json;
    }
    nlohmann::json operator()(const QatStage& stage) const {
        nlohmann::json json{{"stage", "qat"}, {"samples", samplesToJson(stage.samples)}};
        writeTrainOptions(stage.options, json);
        writeQatOptions(stage.quantization, json);
        return json;
    }
    nlohmann::json operator()(const CalibrateStage& stage) const {
        nlohmann::json json{{"stage", "calibrate"},
                            {"split", splitName(stage.split)},
                            {"samples", stage.samples},
                            {"batch_size", stage.batchSize}};
        if (!stage.load.empty()) {
            json["load"] = stage.load;
        }
        if (!stage.save.empty()) {
            json["save"] = stage.save;
        }
        return json;
    }
    nlohmann::json operator()(const EvaluateStage& stage) const {
        return {{"stage", "evaluate"},
                {"split", splitName(stage.split)},
                {"samples", samplesToJson(stage.samples)},
                {"batch_size", stage.batchSize},
                {"layer_errors", stage.layerErrors},
                {"integer", stage.integer},
                {"integer_samples",
                 stage.integerSamples == 0 ? nlohmann::json("all") : nlohmann::json(stage.integerSamples)}};
    }
    nlohmann::json operator()(const ExportStage& stage) const {
        nlohmann::json json{{"stage", "export"},
                            {"format", methodToJson({stage.format, stage.params})},
                            {"folder", stage.folder}};
        if (!stage.variant.empty()) {
            json["variant"] = stage.variant;
        }
        return json;
    }
    nlohmann::json operator()(const SearchStage& stage) const {
        nlohmann::json json{{"stage", "search"},
                            {"name", stage.name},
                            {"base", stage.base},
                            {"method", core::fitMethodName(stage.method)},
                            {"weight_bits", stage.bits.weights},
                            {"activation_bits", stage.bits.activations},
                            {"ram_model", core::ramModelName(stage.ramModel)},
                            {"measure", core::sensitivityMeasureName(stage.measure)},
                            {"split", splitName(stage.split)},
                            {"samples", stage.samples},
                            {"batch_size", stage.batchSize}};
        if (stage.romBytes) {
            json["rom"] = *stage.romBytes;
        }
        if (stage.ramBytes) {
            json["ram"] = *stage.ramBytes;
        }
        if (stage.bitOperations) {
            json["bit_operations"] = *stage.bitOperations;
        }
        return json;
    }
};

}  // namespace

Stage readStage(const JsonReader& reader) {
    reader.requireObject();
    const std::string kind =
        reader.at("stage").choice({"train", "calibrate", "qat", "evaluate", "export", "search"});
    if (kind == "train") {
        return readTrain(reader);
    }
    if (kind == "qat") {
        return readQat(reader);
    }
    if (kind == "calibrate") {
        return readCalibrate(reader);
    }
    if (kind == "search") {
        return readSearch(reader);
    }
    if (kind == "evaluate") {
        return readEvaluate(reader);
    }
    return readExport(reader);
}

nlohmann::json stageToJson(const Stage& stage) {
    return std::visit(ToJson{}, stage);
}

}  // namespace bitlathe::experiments
