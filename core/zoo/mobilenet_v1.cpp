#include "core/zoo/network_builder.h"
#include "core/zoo/networks.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitlathe::core {

namespace {

struct Block {
    std::int64_t channels;  // of the pointwise convolution at width 1
    std::int64_t stride;    // of the depthwise convolution
};

constexpr std::array<Block, 13> kBlocks{{{64, 1},
                                         {128, 2},
                                         {128, 1},
                                         {256, 2},
                                         {256, 1},
                                         {512, 2},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {1024, 2},
                                         {1024, 1}}};

}  // namespace

std::vector<ParamSpec> mobileNetV1Params() {
    auto params = commonParams(1000, 3, 224);
    params.push_back(
        {"width", 1.0, 0.05, 4.0, "factor on every layer's channels", ParamSpec::Kind::Real, {}});
    params.push_back(
        {"stem_stride", 2, 1, 2, "stride of the first convolution, pixels", ParamSpec::Kind::Integer, {}});
    return params;
}

Graph mobileNetV1(const ParamValues& params, Seed seed) {
    const double width = params.at("width");
    const auto scaled = [width](std::int64_t channels) {
        return std::max<std::int64_t>(1, std::llround(width * static_cast<double>(channels)));
    };
    const auto size = static_cast<std::int64_t>(params.at("size"));
    NetworkBuilder net("mobilenet_v1", {static_cast<std::int64_t>(params.at("channels")), size, size}, seed);
    using Activation = NetworkBuilder::Activation;
    NodeId x = net.convBlock("stem", net.input(), scaled(32), 3,
                             static_cast<std::int64_t>(params.at("stem_stride")), Activation::Relu6);
    for (std::size_t i = 0; i < kBlocks.size(); ++i) {
        const std::string name = "blocks." + std::to_string(i + 1);
        const std::int64_t in = net.channels(x);
        x = net.convBlock(name + ".depthwise", x, in, 3, kBlocks[i].stride, Activation::Relu6, in);
        x = net.convBlock(name + ".pointwise", x, scaled(kBlocks[i].channels), 1, 1, Activation::Relu6);
    }
    net.classifier(x, static_cast<std::int64_t>(params.at("classes")));
    return net.finish();
}

}  // namespace bitlathe::core
