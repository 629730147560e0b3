#pragma once

#include "core/graph/graph.h"
#include "core/types/param_values.h"
#include "core/types/seed.h"

#include <vector>

namespace bitlathe::core {

/// Parameters every network of the zoo takes, with its own defaults: classes, channels, size (rows =
/// columns).
std::vector<ParamSpec> commonParams(int classes, int channels, int size);

/// MobileNetV1 (Howard et al. 2017, arXiv:1704.04861): width multiplies the channels, 3×3 stem, 13 depthwise
/// separable blocks, ReLU6. `stem_stride` 2 for ImageNet sizes, 1 for 32×32.
std::vector<ParamSpec> mobileNetV1Params();
Graph mobileNetV1(const ParamValues& params, Seed seed);

/// MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381): inverted residuals, linear bottlenecks.
std::vector<ParamSpec> mobileNetV2Params();
Graph mobileNetV2(const ParamValues& params, Seed seed);

/// ResNet-8 of MLPerf Tiny (Banbury et al. 2021, arXiv:2106.07597): 3×3 stem and three basic blocks of 16,
/// 32, 64 channels times `width`; shortcuts are 1×1 convolutions with batch norm.
std::vector<ParamSpec> resNet8Params();
Graph resNet8(const ParamValues& params, Seed seed);

/// ResNet-18 and ResNet-50 for ImageNet sizes (He et al. 2015, arXiv:1512.03385; stride in the 3×3
/// convolution of the bottleneck, as torchvision has it).
std::vector<ParamSpec> resNet18Params();
Graph resNet18(const ParamValues& params, Seed seed);
std::vector<ParamSpec> resNet50Params();
Graph resNet50(const ParamValues& params, Seed seed);

}  // namespace bitlathe::core
