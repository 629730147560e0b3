#pragma once

#include "core/data/batches.h"
#include "core/engine/engine.h"
#include "core/graph/layer.h"
#include "core/search/fit.h"
#include "core/types/quant_config.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace bitlathe::experiments {

/// Where the model of a recipe comes from: a file, or a network of the zoo with random weights.
struct ModelSource {
    std::string file;  ///< .pt (relative paths: to the recipe's folder, then the working folder)
    std::string zoo;   ///< "mobilenet_v1", "resnet8"; used when file is empty
    core::ParamValues zooParams;
    core::Shape inputShape;  ///< C,H,W; empty: the file's or the zoo's own
    std::int64_t run = 0;    ///< a run of the log whose trained model and ranges to start from; 0: none
};

/// Rules that make a QuantConfig for any model: input, defaults, then each matching rule in order. Kept as
/// JSON so that what was written is what is stored; see recipe_schema.md for the grammar.
struct ConfigDocument {
    nlohmann::json json = nlohmann::json::object();
};

struct TrainStage {
    core::TrainOptions options;
    std::int64_t samples = 0;  ///< of the training split; 0: all
    std::string output;        ///< .pt to write; empty: in the run's folder beside the log
};
/// Quantization-aware training of every variant that is not float.
struct QatStage {
    core::TrainOptions options = defaults();
    core::QatOptions quantization;
    std::int64_t samples = 0;  ///< of the training split; 0: all

    /// One epoch from a trained model: a small rate that falls along a cosine.
    static core::TrainOptions defaults() {
        core::TrainOptions options;
        options.epochs = 1;
        options.learningRate = 0.01;
        options.schedule.method = {"cosine", {}};
        return options;
    }
};
struct CalibrateStage {
    core::DataSplit split = core::DataSplit::Train;
    std::int64_t samples = 512;
    std::int64_t batchSize = 128;
    std::string
        load;  ///< statistics file to take instead of images; relative to the recipe's, then the working folder
    std::string save;  ///< statistics file to write; relative to the working folder
};
struct EvaluateStage {
    core::DataSplit split = core::DataSplit::Test;
    std::int64_t samples = 0;  ///< 0: all
    std::int64_t batchSize = 256;
    bool layerErrors = false;  ///< also measure isolated and accumulated SQNR per layer
    bool integer = false;  ///< also the integer model: its accuracy, and its codes against fake-quantization
    std::int64_t integerSamples = 1000;  ///< images whose codes are compared, from the front; 0: all
};
struct ExportStage {
    std::string format = "onnx_qdq";
    core::ParamValues params;  ///< of the exporter; missing ones take its defaults
    std::string variant;       ///< which variant; empty: every one
    std::string folder;        ///< where to; relative to the working folder
};
/// Chooses bits and adds what it found as a variant, which is then evaluated like any other.
struct SearchStage {
    std::string name = "searched";  ///< of the variant it adds
    std::string base;               ///< variant that says how each site is quantized; its bits are not read
    core::FitMethod method = core::FitMethod::Ilp;
    core::BitChoices bits;
    core::RamModel ramModel = core::RamModel::Lifetimes;
    core::SensitivityMeasure measure = core::SensitivityMeasure::KlDivergence;
    std::optional<std::int64_t> romBytes;  ///< empty: the device's
    std::optional<std::int64_t> ramBytes;
    std::optional<std::int64_t> bitOperations;       ///< empty: no limit
    core::DataSplit split = core::DataSplit::Train;  ///< what sensitivity is measured on
    std::int64_t samples = 256;
    std::int64_t batchSize = 128;
};
using Stage = std::variant<TrainStage, CalibrateStage, EvaluateStage, ExportStage, QatStage, SearchStage>;

/// One configuration to try; each becomes a run of its own.
struct Variant {
    std::string name;
    ConfigDocument config;
};

/// A whole experiment as a document. Everything the window does can be saved as one and run headless, and
/// back.
struct Recipe {
    static constexpr int kSchemaVersion = 1;

    std::string name;
    std::string description;
    core::Seed seed;
    int threads = 1;
    ModelSource model;
    core::DataSpec data;
    std::string device;  ///< catalogue id; empty: no budget check
    std::vector<Variant> variants;
    std::vector<Stage> stages;
    std::string folder;  ///< folder of the file it was read from; not stored

    /// Errors  RecipeError with the JSON path of the wrong value ("stages[1].samples: ...") and what is
    /// allowed;
    ///         Io: file not readable. A newer schema is refused with both versions.
    static Recipe parse(const nlohmann::json& document);
    static Recipe load(const std::string& path);
    nlohmann::json toJson() const;
    void save(const std::string& path) const;
};

/// A JSON file. Errors  Io: not readable; RecipeError: not JSON (names line and column).
nlohmann::json readJsonFile(const std::string& path);

/// Applies `--set a.b[0].c=value` to a recipe document before parsing. Brackets take a number or the "name"
/// or "stage" of an entry: stages[evaluate].samples=1000. The value is JSON, or a text when it is none.
/// Errors  RecipeError: no '=', or a path that leads nowhere.
void applyOverride(nlohmann::json& document, const std::string& assignment);

/// The configuration of a model under rules.
/// Errors  RecipeError with JSON path: unknown key, unknown method, bits out of range, a rule that matches no
/// layer.
core::QuantConfig buildConfig(const ConfigDocument& document, const core::PreparedModel& model);

/// Canonical JSON of a resolved configuration: explicit layers, no rules; buildConfig(of it) gives the same
/// config back.
ConfigDocument toDocument(const core::QuantConfig& config);
nlohmann::json siteToJson(const core::SiteQuant& site);
/// `path` prefixes error texts; absent keys keep the values of `base`.
core::SiteQuant siteFromJson(const nlohmann::json& json, const core::SiteQuant& base,
                             const std::string& path);

}  // namespace bitlathe::experiments
