#include "experiments/recipes/stage_json.h"

namespace bitlathe::experiments {

namespace {

constexpr std::int64_t kMaxSamples = 1'000'000'000;
constexpr std::int64_t kMaxBatch = 65536;

core::DataSplit readSplit(const JsonReader& reader) {
    return reader.choice({"train", "test"}) == "train" ? core::DataSplit::Train : core::DataSplit::Test;
}

std::string splitName(core::DataSplit split) {
    return split == core::DataSplit::Train ? "train" : "test";
}

core::Augmentation readAugmentation(const JsonReader& reader) {
    reader.requireObject({"horizontal_flip", "shift"});
    core::Augmentation augmentation;
    if (reader.has("horizontal_flip")) {
        augmentation.horizontalFlip = reader.at("horizontal_flip").boolean();
    }
    if (reader.has("shift")) {
        augmentation.shift = static_cast<int>(reader.at("shift").integer(0, 1024));
    }
    return augmentation;
}

TrainStage readTrain(const JsonReader& reader) {
    reader.requireObject({"stage", "epochs", "batch_size", "max_learning_rate", "momentum", "weight_decay",
                          "label_smoothing", "augmentation", "output"});
    TrainStage stage;
    core::TrainOptions& options = stage.options;
    if (reader.has("epochs")) {
        options.epochs = reader.at("epochs").integer(1, 100'000);
    }
    if (reader.has("batch_size")) {
        options.batchSize = reader.at("batch_size").integer(1, kMaxBatch);
    }
    if (reader.has("max_learning_rate")) {
        options.maxLearningRate = reader.at("max_learning_rate").number(1e-9, 1000);
    }
    if (reader.has("momentum")) {
        options.momentum = reader.at("momentum").number(0, 0.9999);
    }
    if (reader.has("weight_decay")) {
        options.weightDecay = reader.at("weight_decay").number(0, 1);
    }
    if (reader.has("label_smoothing")) {
        options.labelSmoothing = reader.at("label_smoothing").number(0, 0.999);
    }
    if (reader.has("augmentation")) {
        options.augmentation = readAugmentation(reader.at("augmentation"));
    }
    if (reader.has("output")) {
        stage.output = reader.at("output").text();
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
        const JsonReader samples = reader.at("samples");
        stage.samples = samples.json() == "all" ? 0 : samples.integer(0, kMaxSamples);
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
        const core::TrainOptions& options = stage.options;
        nlohmann::json json{{"stage", "train"},
                            {"epochs", options.epochs},
                            {"batch_size", options.batchSize},
                            {"max_learning_rate", options.maxLearningRate},
                            {"momentum", options.momentum},
                            {"weight_decay", options.weightDecay},
                            {"label_smoothing", options.labelSmoothing},
                            {"augmentation",
                             {{"horizontal_flip", options.augmentation.horizontalFlip},
                              {"shift", options.augmentation.shift}}}};
        if (!stage.output.empty()) {
            json["output"] = stage.output;
        }
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
                {"samples", stage.samples == 0 ? nlohmann::json("all") : nlohmann::json(stage.samples)},
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
    const std::string kind = reader.at("stage").choice({"train", "calibrate", "evaluate", "export"});
    if (kind == "train") {
        return readTrain(reader);
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
