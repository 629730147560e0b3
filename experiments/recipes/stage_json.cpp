#include "experiments/recipes/stage_json.h"

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

CalibrateStage readCalibrate(const JsonReader& reader) {
    reader.requireObject({"stage", "split", "samples", "batch_size"});
    CalibrateStage stage;
    if (reader.has("split")) {
        stage.split = readSplit(reader.at("split"));
    }
    if (reader.has("samples")) {
        stage.samples = reader.at("samples").integer(1, kMaxSamples);
    }
    if (reader.has("batch_size")) {
        stage.batchSize = reader.at("batch_size").integer(1, kMaxBatch);
    }
    return stage;
}

EvaluateStage readEvaluate(const JsonReader& reader) {
    reader.requireObject({"stage", "split", "samples", "batch_size", "layer_errors"});
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
    return stage;
}

ExportStage readExport(const JsonReader& reader) {
    reader.requireObject({"stage", "format", "variant", "folder"});
    ExportStage stage;
    if (reader.has("format")) {
        stage.format = reader.at("format").text();
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
        return {{"stage", "calibrate"},
                {"split", splitName(stage.split)},
                {"samples", stage.samples},
                {"batch_size", stage.batchSize}};
    }
    nlohmann::json operator()(const EvaluateStage& stage) const {
        return {{"stage", "evaluate"},
                {"split", splitName(stage.split)},
                {"samples", samplesToJson(stage.samples)},
                {"batch_size", stage.batchSize},
                {"layer_errors", stage.layerErrors}};
    }
    nlohmann::json operator()(const ExportStage& stage) const {
        nlohmann::json json{{"stage", "export"}, {"format", stage.format}, {"folder", stage.folder}};
        if (!stage.variant.empty()) {
            json["variant"] = stage.variant;
        }
        return json;
    }
};

}  // namespace

Stage readStage(const JsonReader& reader) {
    reader.requireObject();
    const std::string kind = reader.at("stage").choice({"train", "calibrate", "qat", "evaluate", "export"});
    if (kind == "train") {
        return readTrain(reader);
    }
    if (kind == "qat") {
        return readQat(reader);
    }
    if (kind == "calibrate") {
        return readCalibrate(reader);
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
