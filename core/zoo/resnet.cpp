#include "core/zoo/network_builder.h"
#include "core/zoo/networks.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

using Activation = NetworkBuilder::Activation;

/// The shortcut: the input itself, or a 1×1 convolution where shapes differ.
NodeId shortcut(NetworkBuilder& net, const std::string& name, NodeId x, std::int64_t out,
                std::int64_t stride) {
    return stride == 1 && net.channels(x) == out
               ? x
               : net.convBlock(name + ".shortcut", x, out, 1, stride, Activation::None);
}

NodeId basicBlock(NetworkBuilder& net, const std::string& name, NodeId x, std::int64_t out,
                  std::int64_t stride) {
    NodeId y = net.convBlock(name + ".first", x, out, 3, stride, Activation::Relu);
    y = net.convBlock(name + ".second", y, out, 3, 1, Activation::None);
    return net.add(name + ".add", y, shortcut(net, name, x, out, stride), Activation::Relu);
}

NodeId bottleneck(NetworkBuilder& net, const std::string& name, NodeId x, std::int64_t middle,
                  std::int64_t stride) {
    const std::int64_t out = 4 * middle;
    NodeId y = net.convBlock(name + ".reduce", x, middle, 1, 1, Activation::Relu);
    y = net.convBlock(name + ".spatial", y, middle, 3, stride, Activation::Relu);
    y = net.convBlock(name + ".expand", y, out, 1, 1, Activation::None);
    return net.add(name + ".add", y, shortcut(net, name, x, out, stride), Activation::Relu);
}

using BlockBuilder = NodeId (*)(NetworkBuilder&, const std::string&, NodeId, std::int64_t, std::int64_t);

Graph imageNetResNet(const std::string& name, const ParamValues& params, Seed seed, BlockBuilder block,
                     const std::vector<std::int64_t>& blocksPerStage) {
    const auto size = static_cast<std::int64_t>(params.at("size"));
    NetworkBuilder net(name, {static_cast<std::int64_t>(params.at("channels")), size, size}, seed);
    NodeId x = net.convBlock("stem", net.input(), 64, 7, 2, Activation::Relu);
    x = net.maxPool("stem.pool", x, 3, 2, 1);
    std::int64_t channels = 64;
    for (std::size_t stage = 0; stage < blocksPerStage.size(); ++stage, channels *= 2) {
        for (std::int64_t i = 0; i < blocksPerStage[stage]; ++i) {
            const std::string blockName = "stages." + std::to_string(stage + 1) + "." + std::to_string(i + 1);
            x = block(net, blockName, x, channels, i == 0 && stage > 0 ? 2 : 1);
        }
    }
    net.classifier(x, static_cast<std::int64_t>(params.at("classes")));
    return net.finish();
}

}  // namespace

std::vector<ParamSpec> resNet8Params() {
    auto params = commonParams(10, 3, 32);
    params.push_back(
        {"width", 1.0, 0.05, 16.0, "factor on every layer's channels", ParamSpec::Kind::Real, {}});
    return params;
}

Graph resNet8(const ParamValues& params, Seed seed) {
    const double width = params.at("width");
    const auto size = static_cast<std::int64_t>(params.at("size"));
    const auto scaled = [width](std::int64_t channels) {
        return std::max<std::int64_t>(1, std::llround(width * static_cast<double>(channels)));
    };
    NetworkBuilder net("resnet8", {static_cast<std::int64_t>(params.at("channels")), size, size}, seed);
    NodeId x = net.convBlock("stem", net.input(), scaled(16), 3, 1, Activation::Relu);
    x = basicBlock(net, "blocks.1", x, scaled(16), 1);
    x = basicBlock(net, "blocks.2", x, scaled(32), 2);
    x = basicBlock(net, "blocks.3", x, scaled(64), 2);
    net.classifier(x, static_cast<std::int64_t>(params.at("classes")));
    return net.finish();
}

std::vector<ParamSpec> resNet18Params() {
    return commonParams(1000, 3, 224);
}

Graph resNet18(const ParamValues& params, Seed seed) {
    return imageNetResNet("resnet18", params, seed, basicBlock, {2, 2, 2, 2});
}

std::vector<ParamSpec> resNet50Params() {
    return commonParams(1000, 3, 224);
}

Graph resNet50(const ParamValues& params, Seed seed) {
    return imageNetResNet("resnet50", params, seed, bottleneck, {3, 4, 6, 3});
}

}  // namespace bitlathe::core
