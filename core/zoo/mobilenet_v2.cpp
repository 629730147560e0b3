#include "core/zoo/network_builder.h"
#include "core/zoo/networks.h"

#include <algorithm>
#include <array>

namespace bitlathe::core {

namespace {

struct Group {
    std::int64_t expansion;
    std::int64_t channels;
    std::int64_t blocks;
    std::int64_t stride;  // of the group's first block
};

constexpr std::array<Group, 7> kGroups{{{1, 16, 1, 1},
                                        {6, 24, 2, 2},
                                        {6, 32, 3, 2},
                                        {6, 64, 4, 2},
                                        {6, 96, 3, 1},
                                        {6, 160, 3, 2},
                                        {6, 320, 1, 1}}};

/// Nearest multiple of 8 that loses at most 10 %: the rounding of the authors' code.
std::int64_t divisibleBy8(double channels) {
    const auto rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(channels + 4) / 8 * 8);
    return static_cast<double>(rounded) < 0.9 * channels ? rounded + 8 : rounded;
}

}  // namespace

std::vector<ParamSpec> mobileNetV2Params() {
    auto params = commonParams(1000, 3, 224);
    params.push_back(
        {"width", 1.0, 0.05, 4.0, "factor on every layer's channels", ParamSpec::Kind::Real, {}});
    return params;
}

Graph mobileNetV2(const ParamValues& params, Seed seed) {
    const double width = params.at("width");
    const auto size = static_cast<std::int64_t>(params.at("size"));
    NetworkBuilder net("mobilenet_v2", {static_cast<std::int64_t>(params.at("channels")), size, size}, seed);
    using Activation = NetworkBuilder::Activation;
    NodeId x = net.convBlock("stem", net.input(), divisibleBy8(32 * width), 3, 2, Activation::Relu6);
    int index = 0;
    for (const Group& group : kGroups) {
        for (std::int64_t i = 0; i < group.blocks; ++i) {
            const std::string name = "blocks." + std::to_string(++index);
            const std::int64_t in = net.channels(x);
            const std::int64_t out = divisibleBy8(static_cast<double>(group.channels) * width);
            const std::int64_t stride = i == 0 ? group.stride : 1;
            const std::int64_t hidden = in * group.expansion;
            NodeId y = x;
            if (group.expansion > 1) {
                y = net.convBlock(name + ".expand", y, hidden, 1, 1, Activation::Relu6);
            }
            y = net.convBlock(name + ".depthwise", y, hidden, 3, stride, Activation::Relu6, hidden);
            y = net.convBlock(name + ".project", y, out, 1, 1, Activation::None);
            x = stride == 1 && in == out ? net.add(name + ".add", x, y, Activation::None) : y;
        }
    }
    x = net.convBlock("head", x, divisibleBy8(1280 * std::max(1.0, width)), 1, 1, Activation::Relu6);
    net.classifier(x, static_cast<std::int64_t>(params.at("classes")));
    return net.finish();
}

}  // namespace bitlathe::core
