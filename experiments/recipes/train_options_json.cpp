#include "experiments/recipes/train_options_json.h"

#include "core/train/learning_rate_schedule.h"
#include "experiments/recipes/site_json.h"

#include <algorithm>

namespace bitlathe::experiments {

namespace {

constexpr std::int64_t kMaxEpochs = 100'000;
constexpr std::int64_t kMaxBatch = 65536;
constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;
constexpr double kMinRate = 1e-12;
constexpr double kMaxRate = 1000;

std::size_t indexOf(const std::vector<std::string>& words, const std::string& word) {
    return static_cast<std::size_t>(std::find(words.begin(), words.end(), word) - words.begin());
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

core::Distillation readDistillation(const JsonReader& reader) {
    reader.requireObject({"weight", "temperature"});
    core::Distillation distillation;
    distillation.weight = reader.at("weight").number(0, 1);
    if (reader.has("temperature")) {
        distillation.temperature = reader.at("temperature").number(1e-3, 1e3);
    }
    return distillation;
}

core::ScheduleSpec readSchedule(const JsonReader& reader) {
    core::ScheduleSpec schedule;
    if (!reader.json().is_object() || !reader.has("method")) {
        schedule.method = readMethod(reader, core::scheduleMethods());
        return schedule;
    }
    reader.requireObject({"method", "milestones", "warm_up_epochs", "warm_up_start"});
    schedule.method = readMethod(reader.at("method"), core::scheduleMethods());
    if (reader.has("milestones")) {
        const JsonReader milestones = reader.at("milestones");
        milestones.requireArray();
        for (std::size_t i = 0; i < milestones.size(); ++i) {
            schedule.milestones.push_back(milestones.at(i).number(0, static_cast<double>(kMaxEpochs)));
        }
    }
    if (reader.has("warm_up_epochs")) {
        schedule.warmUpEpochs = reader.at("warm_up_epochs").number(0, static_cast<double>(kMaxEpochs));
    }
    if (reader.has("warm_up_start")) {
        schedule.warmUpStart = reader.at("warm_up_start").number(0, 1);
    }
    return schedule;
}

void readMatch(const JsonReader& reader, core::ParameterRule& rule) {
    reader.requireObject({"name", "kind", "max_elements"});
    if (reader.has("name")) {
        rule.name = reader.at("name").text();
    }
    if (reader.has("kind")) {
        const JsonReader kind = reader.at("kind");
        const std::vector<std::string>& known = core::parameterKindNames();
        const auto add = [&](const JsonReader& word) {
            rule.kinds.push_back(static_cast<core::ParameterKind>(indexOf(known, word.choice(known))));
        };
        if (kind.json().is_array()) {
            for (std::size_t i = 0; i < kind.size(); ++i) {
                add(kind.at(i));
            }
        } else {
            add(kind);
        }
    }
    if (reader.has("max_elements")) {
        rule.maxElements = reader.at("max_elements").integer(1, kMaxElements);
    }
}

std::vector<core::ParameterRule> readRules(const JsonReader& reader) {
    reader.requireArray();
    std::vector<core::ParameterRule> rules;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        const JsonReader entry = reader.at(i).requireObject({"match", "learning_rate", "weight_decay"});
        core::ParameterRule rule;
        readMatch(entry.at("match"), rule);
        if (entry.has("learning_rate")) {
            rule.learningRateFactor = entry.at("learning_rate").number(0, kMaxRate);
        }
        if (entry.has("weight_decay")) {
            rule.weightDecay = entry.at("weight_decay").number(0, kMaxRate);
        }
        rules.push_back(std::move(rule));
    }
    return rules;
}

nlohmann::json ruleToJson(const core::ParameterRule& rule) {
    nlohmann::json match = nlohmann::json::object();
    if (!rule.name.empty()) {
        match["name"] = rule.name;
    }
    for (const core::ParameterKind kind : rule.kinds) {
        match["kind"].push_back(core::parameterKindNames()[static_cast<std::size_t>(kind)]);
    }
    if (rule.maxElements > 0) {
        match["max_elements"] = rule.maxElements;
    }
    nlohmann::json json{{"match", match}};
    if (rule.learningRateFactor) {
        json["learning_rate"] = *rule.learningRateFactor;
    }
    if (rule.weightDecay) {
        json["weight_decay"] = *rule.weightDecay;
    }
    return json;
}

void readNumbers(const JsonReader& stage, core::TrainOptions& options) {
    if (stage.has("epochs")) {
        options.epochs = stage.at("epochs").integer(1, kMaxEpochs);
    }
    if (stage.has("batch_size")) {
        options.batchSize = stage.at("batch_size").integer(1, kMaxBatch);
    }
    // The older spellings stand in recipes the log may hold.
    for (const char* const key : {"max_learning_rate", "learning_rate"}) {
        if (stage.has(key)) {
            options.learningRate = stage.at(key).number(kMinRate, kMaxRate);
        }
    }
    if (stage.has("momentum")) {
        options.optimizer.params["momentum"] = stage.at("momentum").number(0, 0.9999);
    }
    if (stage.has("weight_decay")) {
        options.weightDecay = stage.at("weight_decay").number(0, 1);
    }
    if (stage.has("label_smoothing")) {
        options.labelSmoothing = stage.at("label_smoothing").number(0, 0.999);
    }
    if (stage.has("clip_gradient_norm")) {
        options.clipGradientNorm = stage.at("clip_gradient_norm").number(0, 1e9);
    }
    if (stage.has("validation_samples")) {
        options.validationSamples = stage.at("validation_samples").integer(0, kMaxElements);
    }
    if (stage.has("checkpoint_minutes")) {
        options.checkpointMinutes = stage.at("checkpoint_minutes").number(0, 1e6);
    }
}

}  // namespace

const std::vector<std::string>& trainOptionKeys() {
    static const std::vector<std::string> keys{"epochs",
                                               "batch_size",
                                               "learning_rate",
                                               "max_learning_rate",
                                               "momentum",
                                               "optimizer",
                                               "schedule",
                                               "weight_decay",
                                               "parameters",
                                               "label_smoothing",
                                               "distillation",
                                               "augmentation",
                                               "precision",
                                               "device",
                                               "keep",
                                               "validation_samples",
                                               "clip_gradient_norm",
                                               "checkpoint_minutes"};
    return keys;
}

void readTrainOptions(const JsonReader& stage, core::TrainOptions& options) {
    if (stage.has("optimizer")) {
        options.optimizer = readMethod(stage.at("optimizer"), core::optimizerMethods());
    }
    readNumbers(stage, options);
    if (stage.has("momentum") && options.optimizer.name != "sgd") {
        throw stage.at("momentum")
            .error("belongs to \"sgd\"; give " + options.optimizer.name + " its parameters in \"optimizer\"");
    }
    if (stage.has("schedule")) {
        options.schedule = readSchedule(stage.at("schedule"));
    }
    if (stage.has("parameters")) {
        options.rules = readRules(stage.at("parameters"));
    }
    if (stage.has("distillation")) {
        options.distillation = readDistillation(stage.at("distillation"));
    }
    if (stage.has("augmentation")) {
        options.augmentation = readAugmentation(stage.at("augmentation"));
    }
    if (stage.has("precision")) {
        options.precision = stage.at("precision").choice({"float32", "bfloat16"}) == "float32"
                                ? core::Precision::Float32
                                : core::Precision::BFloat16;
    }
    if (stage.has("device")) {
        options.device = stage.at("device").choice({"cpu", "cuda"});
    }
    if (stage.has("keep")) {
        options.keep = stage.at("keep").choice({"last", "best"}) == "last" ? core::KeptWeights::Last
                                                                           : core::KeptWeights::Best;
    }
}

void writeTrainOptions(const core::TrainOptions& options, nlohmann::json& stage) {
    stage["epochs"] = options.epochs;
    stage["batch_size"] = options.batchSize;
    stage["learning_rate"] = options.learningRate;
    stage["optimizer"] = methodToJson(options.optimizer);
    stage["schedule"] = {{"method", methodToJson(options.schedule.method)},
                         {"milestones", options.schedule.milestones},
                         {"warm_up_epochs", options.schedule.warmUpEpochs},
                         {"warm_up_start", options.schedule.warmUpStart}};
    stage["weight_decay"] = options.weightDecay;
    stage["parameters"] = nlohmann::json::array();
    for (const core::ParameterRule& rule : options.rules) {
        stage["parameters"].push_back(ruleToJson(rule));
    }
    stage["label_smoothing"] = options.labelSmoothing;
    stage["distillation"] = {{"weight", options.distillation.weight},
                             {"temperature", options.distillation.temperature}};
    stage["augmentation"] = {{"horizontal_flip", options.augmentation.horizontalFlip},
                             {"shift", options.augmentation.shift}};
    stage["clip_gradient_norm"] = options.clipGradientNorm;
    stage["precision"] = options.precision == core::Precision::Float32 ? "float32" : "bfloat16";
    stage["device"] = options.device;
    stage["keep"] = options.keep == core::KeptWeights::Last ? "last" : "best";
    if (options.validationSamples) {
        stage["validation_samples"] = *options.validationSamples;
    }
    stage["checkpoint_minutes"] = options.checkpointMinutes;
}

const std::vector<std::string>& qatOptionKeys() {
    static const std::vector<std::string> keys{"batch_norm", "fold_delay_epochs", "freeze_batch_norm_epoch",
                                               "freeze_ranges_epoch", "quantize_activations_epoch"};
    return keys;
}

void readQatOptions(const JsonReader& stage, core::QatOptions& options) {
    const auto epoch = [&](const char* key) {
        return stage.at(key).number(0, static_cast<double>(kMaxEpochs));
    };
    if (stage.has("batch_norm")) {
        const std::vector<std::string>& known = core::batchNormTrainingNames();
        options.batchNorm =
            static_cast<core::BatchNormTraining>(indexOf(known, stage.at("batch_norm").choice(known)));
    }
    if (stage.has("fold_delay_epochs")) {
        options.foldDelayEpochs = epoch("fold_delay_epochs");
    }
    if (stage.has("freeze_batch_norm_epoch")) {
        options.freezeBatchNormAtEpoch = epoch("freeze_batch_norm_epoch");
    }
    if (stage.has("freeze_ranges_epoch")) {
        options.freezeRangesAtEpoch = epoch("freeze_ranges_epoch");
    }
    if (stage.has("quantize_activations_epoch")) {
        options.quantizeActivationsFromEpoch = epoch("quantize_activations_epoch");
    }
}

void writeQatOptions(const core::QatOptions& options, nlohmann::json& stage) {
    stage["batch_norm"] = core::batchNormTrainingNames()[static_cast<std::size_t>(options.batchNorm)];
    stage["fold_delay_epochs"] = options.foldDelayEpochs;
    if (options.freezeBatchNormAtEpoch) {
        stage["freeze_batch_norm_epoch"] = *options.freezeBatchNormAtEpoch;
    }
    if (options.freezeRangesAtEpoch) {
        stage["freeze_ranges_epoch"] = *options.freezeRangesAtEpoch;
    }
    stage["quantize_activations_epoch"] = options.quantizeActivationsFromEpoch;
}

}  // namespace bitlathe::experiments
