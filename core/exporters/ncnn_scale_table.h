#pragma once

#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// What ncnn's int8 layers are told of one layer. Scales are multipliers, not steps: code = round(x * scale).
struct NcnnLayerScales {
    std::string layer;
    std::vector<double> weightScales;  ///< one per output channel, of a grouped convolution one per group
    double inputScale = 0;             ///< of the whole tensor
};

/// quantMax / largest, in units of codes per unit of weight; 0 where the largest magnitude is at most 1e-4, which the
/// engine reads as "the output is the bias". `quantMax` is 127, or 31 where its int8 Winograd needs headroom.
double ncnnWeightScale(double largest, int quantMax = 127);
/// 127 / reach, in codes per unit of the input, reach being the larger magnitude of the range's ends; 0 for a range of
/// zero width.
double ncnnInputScale(double reach);

/// The table as ncnn's tools read it: first a line `<layer>_param_0 s0 s1 ...` for each layer's weights, then a line
/// `<layer> s` for each layer's input, nine significant digits each. Source  ncnn, tools/quantize; Quantization.MXNet.
std::string ncnnScaleTable(std::span<const NcnnLayerScales> layers);

}  // namespace bitlathe::core
