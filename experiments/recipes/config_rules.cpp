#include "experiments/recipes/config_rules.h"

#include "core/ptq/post_training.h"
#include "core/registry/registry.h"
#include "core/util/glob.h"
#include "experiments/recipes/site_json.h"

#include <algorithm>
#include <array>

namespace bitlathe::experiments {

namespace {

using core::Layer;
using core::LayerKind;
using core::LayerQuant;

constexpr std::array kKinds{LayerKind::Conv,   LayerKind::DepthwiseConv, LayerKind::PointwiseConv,
                            LayerKind::Linear, LayerKind::Add,           LayerKind::Mul,
                            LayerKind::Concat, LayerKind::MaxPool,       LayerKind::AveragePool,
                            LayerKind::Other};

/// In the order of core::BatchNormMode.
const std::vector<std::string> kBatchNormWords{"folded", "not_folded", "icn", "fake_bn"};

std::vector<std::string> kindNames() {
    std::vector<std::string> names;
    for (const LayerKind kind : kKinds) {
        names.emplace_back(core::layerKindName(kind));
    }
    return names;
}

void applyLayer(const JsonReader& reader, LayerQuant& quant) {
    reader.requireObject({"weight", "output", "batch_norm", "padding", "post_training"});
    if (reader.has("weight")) {
        applySite(reader.at("weight"), quant.weight);
        if (quant.weight.ranges == core::RangeTime::Online) {
            throw reader.at("weight").error(
                "weights do not change from batch to batch; \"ranges\" is for outputs");
        }
    }
    if (reader.has("output")) {
        applySite(reader.at("output"), quant.output);
    }
    if (reader.has("batch_norm")) {
        const std::string word = reader.at("batch_norm").choice(kBatchNormWords);
        const auto index = std::find(kBatchNormWords.begin(), kBatchNormWords.end(), word);
        quant.batchNorm = static_cast<core::BatchNormMode>(index - kBatchNormWords.begin());
    }
    if (reader.has("padding")) {
        const std::string word = reader.at("padding").choice({"after_quantization", "before_quantization"});
        quant.padding = word == "after_quantization" ? core::PaddingOrder::AfterQuantization
                                                     : core::PaddingOrder::BeforeQuantization;
    }
    if (reader.has("post_training")) {
        quant.takesPostTraining = reader.at("post_training").boolean();
    }
}

/// The kinds a rule names: one, or a list of them.
std::vector<std::string> readKinds(const JsonReader& reader) {
    if (!reader.json().is_array()) {
        return {reader.choice(kindNames())};
    }
    std::vector<std::string> kinds;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        kinds.push_back(reader.at(i).choice(kindNames()));
    }
    return kinds;
}

void checkPosition(const JsonReader& reader) {
    if (reader.json().is_string()) {
        reader.choice({"first", "last"});
    } else if (!reader.json().is_number()) {
        throw reader.notA("\"first\", \"last\" or a layer's number");
    } else {
        reader.integer(0, 1'000'000);
    }
}

void checkRule(const JsonReader& rule) {
    rule.requireObject({"match", "set", "optional"});
    const JsonReader match = rule.at("match");
    match.requireObject({"layer", "kind", "position"});
    if (match.size() == 0) {
        throw match.error(
            "is empty; name \"layer\", \"kind\" or \"position\", or use \"defaults\" for every layer");
    }
    if (match.has("layer")) {
        match.at("layer").text();
    }
    if (match.has("kind")) {
        readKinds(match.at("kind"));
    }
    if (match.has("position")) {
        checkPosition(match.at("position"));
    }
    if (rule.has("optional")) {
        rule.at("optional").boolean();
    }
    LayerQuant scratch;
    applyLayer(rule.at("set"), scratch);
}

/// "first" and "last" count the layers that have weights: the input convolution and the classifier, whatever
/// pools and flattens surround them. A number is the layer's index in the table.
bool isAtPosition(const JsonReader& position, const Layer& layer, const core::PreparedModel& model) {
    if (position.json().is_number()) {
        return layer.index == position.integer(0, 1'000'000);
    }
    const auto hasWeights = [](const Layer& other) { return other.hasWeights(); };
    const auto& layers = model.layers;
    if (position.text() == "first") {
        const auto first = std::find_if(layers.begin(), layers.end(), hasWeights);
        return first != layers.end() && first->id == layer.id;
    }
    const auto last = std::find_if(layers.rbegin(), layers.rend(), hasWeights);
    return last != layers.rend() && last->id == layer.id;
}

bool matches(const JsonReader& match, const Layer& layer, const core::PreparedModel& model) {
    if (match.has("layer") && !core::matchesGlob(layer.id.str(), match.at("layer").text())) {
        return false;
    }
    if (match.has("kind")) {
        const std::vector<std::string> kinds = readKinds(match.at("kind"));
        if (std::find(kinds.begin(), kinds.end(), core::layerKindName(layer.kind)) == kinds.end()) {
            return false;
        }
    }
    return !match.has("position") || isAtPosition(match.at("position"), layer, model);
}

std::vector<std::string> layerNames(const core::PreparedModel& model) {
    std::vector<std::string> names;
    for (const Layer& layer : model.layers) {
        names.push_back(layer.id.str());
    }
    return names;
}

/// Rules and defaults pass over what cannot be quantized by itself: sites of a layer without weights, layers
/// that share their input's grid. They stay float there, so that equal meanings are equal configurations.
void keepQuantizableSites(const Layer& layer, LayerQuant& quant) {
    if (!layer.isQuantizable) {
        quant.output = core::SiteQuant{};
    }
    if (!layer.hasWeights()) {
        quant.weight = core::SiteQuant{};
        quant.padding = core::PaddingOrder::AfterQuantization;
    }
    if (!layer.hasBatchNorm) {
        quant.batchNorm = core::BatchNormMode::Folded;
    }
}

void applyRule(const JsonReader& rule, const core::PreparedModel& model, core::QuantConfig& config) {
    bool matchedAny = false;
    for (const Layer& layer : model.layers) {
        if (matches(rule.at("match"), layer, model)) {
            matchedAny = true;
            applyLayer(rule.at("set"), config.layers[layer.id]);
        }
    }
    const bool isOptional = rule.has("optional") && rule.at("optional").boolean();
    if (!matchedAny && !isOptional) {
        throw rule.at("match").error(
            "matches no layer of '" + model.graph.name +
            "'; correct it, or add \"optional\": true to the rule. Layers: " + joined(layerNames(model)));
    }
}

void applyNamedLayer(const JsonReader& reader, const core::LayerId& id, const core::PreparedModel& model,
                     core::QuantConfig& config) {
    const Layer* const layer = model.findLayer(id);
    if (layer == nullptr) {
        const std::vector<std::string> names = layerNames(model);
        throw reader.error("'" + model.graph.name + "' has no such layer" + suggestion(id.str(), names) +
                           " Layers: " + joined(names));
    }
    LayerQuant& quant = config.layers[id];
    applyLayer(reader, quant);
    if (!layer->isQuantizable && !quant.output.isFloat()) {
        throw reader.error(
            "its output shares the grid of its input and has none of its own; leave it \"float\"");
    }
}

const std::vector<std::string> kDocumentKeys{"input", "defaults", "rules", "layers", "post_training"};

std::vector<core::MethodSpec> readPostTraining(const JsonReader& reader) {
    reader.requireArray();
    std::vector<core::MethodSpec> methods;
    for (std::size_t i = 0; i < reader.size(); ++i) {
        methods.push_back(readMethod(reader.at(i), core::postTrainingRegistry().list()));
    }
    try {
        core::checkPostTraining(methods);
    } catch (const core::Error& error) {
        throw reader.error(error.what());
    }
    return methods;
}

}  // namespace

void checkConfigDocument(const JsonReader& reader) {
    reader.requireObject(kDocumentKeys);
    core::SiteQuant site;
    LayerQuant quant;
    if (reader.has("input")) {
        applySite(reader.at("input"), site);
    }
    if (reader.has("defaults")) {
        applyLayer(reader.at("defaults"), quant);
    }
    if (reader.has("post_training")) {
        readPostTraining(reader.at("post_training"));
    }
    if (reader.has("rules")) {
        const JsonReader rules = reader.at("rules").requireArray();
        for (std::size_t i = 0; i < rules.size(); ++i) {
            checkRule(rules.at(i));
        }
    }
    if (reader.has("layers")) {
        const JsonReader layers = reader.at("layers").requireObject();
        for (const auto& [id, value] : layers.json().items()) {
            LayerQuant scratch;
            applyLayer(layers.at(id), scratch);
        }
    }
}

core::QuantConfig buildConfig(const JsonReader& reader, const core::PreparedModel& model) {
    checkConfigDocument(reader);
    core::QuantConfig config;
    if (reader.has("input")) {
        applySite(reader.at("input"), config.input);
    }
    if (reader.has("post_training")) {
        config.postTraining = readPostTraining(reader.at("post_training"));
    }
    LayerQuant defaults;
    if (reader.has("defaults")) {
        applyLayer(reader.at("defaults"), defaults);
    }
    for (const Layer& layer : model.layers) {
        config.layers[layer.id] = defaults;
    }
    if (reader.has("rules")) {
        const JsonReader rules = reader.at("rules");
        for (std::size_t i = 0; i < rules.size(); ++i) {
            applyRule(rules.at(i), model, config);
        }
    }
    for (const Layer& layer : model.layers) {
        keepQuantizableSites(layer, config.layers[layer.id]);
    }
    if (reader.has("layers")) {
        const JsonReader layers = reader.at("layers");
        for (const auto& [id, value] : layers.json().items()) {
            applyNamedLayer(layers.at(id), core::LayerId(id), model, config);
        }
    }
    return config;
}

core::QuantConfig buildConfig(const ConfigDocument& document, const core::PreparedModel& model) {
    return buildConfig(JsonReader(document.json, ""), model);
}

ConfigDocument toDocument(const core::QuantConfig& config) {
    nlohmann::json layers = nlohmann::json::object();
    for (const auto& [id, quant] : config.layers) {
        nlohmann::json layer{{"weight", siteToJson(quant.weight)}, {"output", siteToJson(quant.output)}};
        if (quant.batchNorm != core::BatchNormMode::Folded) {
            layer["batch_norm"] = kBatchNormWords[static_cast<std::size_t>(quant.batchNorm)];
        }
        if (quant.padding == core::PaddingOrder::BeforeQuantization) {
            layer["padding"] = "before_quantization";
        }
        if (!quant.takesPostTraining) {
            layer["post_training"] = false;
        }
        layers[id.str()] = std::move(layer);
    }
    nlohmann::json document{{"input", siteToJson(config.input)}, {"layers", std::move(layers)}};
    for (const core::MethodSpec& method : config.postTraining) {
        document["post_training"].push_back(methodToJson(method));
    }
    return {std::move(document)};
}

}  // namespace bitlathe::experiments
