#pragma once

#include "core/exporters/exporter.h"

#include <string_view>

namespace bitlathe::core {

/// The scale table with which ncnn's `ncnn2int8` makes an int8 model of a float one: `<model>.table`, of the layers
/// whose weights and input are both quantized; the others stay float. The user converts the float model with ncnn's
/// own tools; the table's names are the layers' names, which must be those of the .param file.
///
///   weights   symmetric 8-bit codes: 127 / largest representable magnitude, per output channel (per group of a grouped
///             convolution); a grid for the tensor gives every channel its scale
///   input     127 / the larger end of the range: ncnn's codes are signed and have no zero point, so a range that is
///             not symmetric loses up to a bit, which a remark says
///
/// Source  ncnn, tools/quantize/ncnn2int8; Quantization.MXNet, export to ncnn.
class NcnnTableExporter final : public Exporter {
public:
    static constexpr std::string_view kName = "ncnn_table";

    /// Six bits of the weights of 3x3 convolutions of stride 1: what ncnn's int8 Winograd F(4,3) does not overflow on.
    explicit NcnnTableExporter(bool hasWinogradHeadroom) : m_hasWinogradHeadroom(hasWinogradHeadroom) {}

    std::vector<ExportCheck> check(const PreparedModel& model, const QuantPlan& plan) const override;
    std::vector<std::string> write(const PreparedModel& model, const QuantPlan& plan,
                                   const std::string& folder) const override;

private:
    bool m_hasWinogradHeadroom;
};

}  // namespace bitlathe::core
