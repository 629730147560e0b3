#pragma once

#include "core/exporters/exporter.h"

#include <string_view>

namespace bitlathe::core {

/// ONNX with QuantizeLinear/DequantizeLinear pairs (opset 13): what ONNX Runtime and most vendor tools read.
///
///   input, outputs   Q -> DQ with the site's scale and zero point; uint8 or int8 as the site's codes are
///   weights          int8/uint8 codes -> DQ, per tensor or along axis 0
///   bias             int32 codes -> DQ with scale s_in * s_w[c] (quantized_bias.h);
///                    float where the layer's input or weights are
///
/// One file `<model>.onnx`, batch dimension "N". An empty plan gives the float model.
///  - Codes below 8 bits are stored in 8 bits. Where a site's codes do not fill their type, a Clip to the
///    site's range stands before Q, so that the codes are those of fake-quantization.
///  - A clamp is left out where the site's grid implies it (clamp_in_grid.h): runtimes then fuse the
///  operator.
///  - Sites of more than 8 bits stay float: opset 13 has 8-bit codes only.
///
/// Source  ONNX operator specification, opset 13; ONNX Runtime, "Quantize ONNX models" (QDQ format).
class OnnxQdqExporter final : public Exporter {
public:
    static constexpr std::string_view kName = "onnx_qdq";

    std::vector<ExportCheck> check(const PreparedModel& model, const QuantPlan& plan) const override;
    std::vector<std::string> write(const PreparedModel& model, const QuantPlan& plan,
                                   const std::string& folder) const override;
};

}  // namespace bitlathe::core
