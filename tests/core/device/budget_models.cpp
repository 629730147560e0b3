#include "tests/core/device/budget_models.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <stdexcept>

namespace bitlathe::core::testing {

namespace {

Layer& addLayer(PreparedModel& model, const std::string& name, Operator op, Shape outputShape) {
    Graph& graph = model.graph;
    const NodeId input = static_cast<NodeId>(graph.nodes.size()) - 1;
    graph.nodes.push_back({name, std::move(op), {input}, outputShape});
    graph.output = input + 1;
    Layer layer;
    layer.id = LayerId(name);
    layer.index = static_cast<int>(model.layers.size());
    layer.node = layer.outputNode = graph.output;
    layer.inputNodes = {input};
    layer.outputShape = std::move(outputShape);
    layer.outputElements = elementCount(layer.outputShape);
    layer.inputElements = elementCount(graph.node(input).outputShape);
    model.layers.push_back(std::move(layer));
    return model.layers.back();
}

std::vector<int> integers(const QJsonValue& list) {
    std::vector<int> values;
    for (const QJsonValue& value : list.toArray()) {
        values.push_back(value.toInt());
    }
    return values;
}

std::vector<double> numbers(const QJsonValue& list) {
    std::vector<double> values;
    for (const QJsonValue& value : list.toArray()) {
        values.push_back(value.toDouble());
    }
    return values;
}

std::vector<std::string> texts(const QJsonValue& list) {
    std::vector<std::string> values;
    for (const QJsonValue& value : list.toArray()) {
        values.push_back(value.toString().toStdString());
    }
    return values;
}

MemoryDrivenCase readCase(const QJsonObject& json) {
    MemoryDrivenCase result;
    result.name = json["name"].toString().toStdString();
    const QJsonObject params = json["params"].toObject();
    result.mode = params["mode"].toString().toStdString();
    result.romLimit = params["rom_limit_bytes"].toInteger();
    result.ramLimit = params["ram_limit_bytes"].toInteger();
    for (const QJsonValue& value : json["inputs"].toObject()["layers"].toArray()) {
        const QJsonObject layer = value.toObject();
        result.layers.push_back({layer["weights"].toInteger(), layer["out_channels"].toInteger(),
                                 layer["in_elems"].toInteger(), layer["out_elems"].toInteger()});
    }
    const QJsonObject expected = json["expected"].toObject();
    result.isFeasible = expected["feasible"].toBool();
    result.weightBits = integers(expected["w_bits"]);
    result.inputBits = integers(expected["act_in_bits"]);
    result.outputBits = integers(expected["act_out_bits"]);
    result.quantTypes = texts(expected["quant_type"]);
    result.foldTypes = texts(expected["fold_type"]);
    result.weightBytes = numbers(expected["weight_bytes"]);
    result.overheadBytes = numbers(expected["overhead_bytes"]);
    result.ramBytes = numbers(expected["ram_bytes_per_layer"]);
    result.romBytes = expected["rom_bytes"].toDouble();
    result.peakRamBytes = expected["ram_bytes"].toDouble();
    for (const QJsonValue& cut : expected["weight_cuts"].toArray()) {
        result.weightCuts.push_back(cut.toObject()["layer"].toInt());
    }
    return result;
}

}  // namespace

PreparedModel chainModel(const std::vector<ChainLayer>& layers) {
    PreparedModel model;
    model.graph.nodes.push_back({"input", InputOp{}, {}, {1, layers.front().inElements}});
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (elementCount(model.graph.nodes.back().outputShape) != layers[i].inElements) {
            addLayer(model, "pool" + std::to_string(i), GlobalAveragePoolOp{}, {1, layers[i].inElements});
        }
        Layer& layer = addLayer(model, "layer" + std::to_string(i), Conv2dOp{}, {1, layers[i].outElements});
        layer.kind = LayerKind::Conv;
        layer.weightCount = layers[i].weights;
        layer.outputChannels = layers[i].outChannels;
    }
    return model;
}

std::vector<MemoryDrivenCase> memoryDrivenCases() {
    QFile file(BITLATHE_SOURCE_DIR "/tests/golden/memory_driven.json");
    if (!file.open(QIODevice::ReadOnly)) {
        throw std::runtime_error("tests/golden/memory_driven.json cannot be read");
    }
    std::vector<MemoryDrivenCase> cases;
    for (const QJsonValue& value : QJsonDocument::fromJson(file.readAll()).object()["cases"].toArray()) {
        cases.push_back(readCase(value.toObject()));
    }
    return cases;
}

QuantConfig uniformConfig(const PreparedModel& model, std::optional<int> weightBits,
                          std::optional<int> outputBits, Granularity::Kind granularity) {
    const auto width = [](std::optional<int> bits) {
        return bits ? std::optional<BitWidth>(BitWidth(*bits)) : std::nullopt;
    };
    QuantConfig config;
    config.input.bits = width(outputBits);
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        quant.weight.bits = layer.hasWeights() ? width(weightBits) : std::nullopt;
        quant.weight.granularity.kind = granularity;
        quant.output.bits = width(outputBits);
    }
    return config;
}

}  // namespace bitlathe::core::testing
