#include "core/zoo/zoo.h"

#include "core/registry/registry.h"
#include "core/zoo/networks.h"

#include <functional>
#include <utility>

namespace bitlathe::core {

namespace {

struct Builder {
    MethodInfo info;
    std::function<Graph(const ParamValues&, Seed)> build;
};

const std::vector<Builder>& builders() {
    static const std::vector<Builder> all{
        {{"mobilenet_v1", "MobileNetV1", mobileNetV1Params(), "arXiv:1704.04861"}, mobileNetV1},
        {{"mobilenet_v2", "MobileNetV2", mobileNetV2Params(), "arXiv:1801.04381"}, mobileNetV2},
        {{"resnet8", "ResNet-8 (MLPerf Tiny)", resNet8Params(), "arXiv:2106.07597"}, resNet8},
        {{"resnet18", "ResNet-18", resNet18Params(), "arXiv:1512.03385"}, resNet18},
        {{"resnet50", "ResNet-50", resNet50Params(), "arXiv:1512.03385"}, resNet50},
    };
    return all;
}

}  // namespace

std::vector<ParamSpec> commonParams(int classes, int channels, int size) {
    return {
        {"classes",
         static_cast<double>(classes),
         2,
         100000,
         "number of outputs",
         ParamSpec::Kind::Integer,
         {}},
        {"channels", static_cast<double>(channels), 1, 1024, "input channels", ParamSpec::Kind::Integer, {}},
        {"size",
         static_cast<double>(size),
         8,
         4096,
         "input rows and columns, pixels",
         ParamSpec::Kind::Integer,
         {}},
    };
}

std::vector<ZooEntry> zooEntries() {
    std::vector<ZooEntry> entries;
    for (const Builder& builder : builders()) {
        entries.push_back({builder.info.name, builder.info.title, builder.info.params});
    }
    return entries;
}

Graph buildZooModel(const std::string& name, const ParamValues& params, Seed seed) {
    std::string known;
    for (const Builder& builder : builders()) {
        if (builder.info.name == name) {
            return builder.build(resolveParams("zoo network", builder.info, params), seed);
        }
        known += (known.empty() ? "" : ", ") + builder.info.name;
    }
    throw Error(ErrorCode::InvalidConfig, "unknown zoo network '" + name + "'; known: " + known);
}

}  // namespace bitlathe::core
