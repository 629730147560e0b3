#pragma once

#include "core/exporters/onnx_model_builder.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"

#include <optional>
#include <string>
#include <vector>

namespace bitlathe::core {

/// The 8-bit type that holds a grid's codes and zero points; empty when none does (more than 8 bits, or levels that are
/// not evenly spaced).
enum class OnnxCodeType { Int8, Uint8 };
std::optional<OnnxCodeType> onnxCodeType(const QParams& grid) noexcept;

/// True when an average pool divides by a count ONNX does not know: ceil mode adds pixels beyond a padding
/// that counts.
bool isInexpressiblePool(const Node& node, const Shape& inputShape) noexcept;

/// Writes a prepared model with its plan into a builder, node by node in execution order.
class OnnxGraphEmitter {
public:
    OnnxGraphEmitter(const PreparedModel& model, const QuantPlan& plan, OnnxModelBuilder& onnx);
    void run();

private:
    struct Emit;

    const QParams* storedGrid(const SiteId& site) const;
    const QParams* inputGrid(const Layer& layer) const;
    void emitNode(NodeId id);
    void emitConstantsOf(NodeId id, const FloatTensor& weight, const FloatTensor& bias,
                         std::vector<std::string>& inputs);
    std::string emitWeight(const std::string& name, const FloatTensor& weight, const QParams* grid);
    std::string emitBakedWeight(const std::string& name, const FloatTensor& weight, const QParams& grid);
    std::string emitCorrection(const Layer& layer, const std::string& weight, const Shape& shape);
    std::string emitBias(const std::string& name, const FloatTensor& bias, const QParams* input,
                         const QParams* weight);
    std::string emitClip(const std::string& name, const std::string& input, double lower, double upper);
    std::string emitGridLimits(NodeId id, const std::string& input, const QParams& grid);
    std::string emitQuantizeDequantize(const std::string& name, const std::string& input,
                                       const QParams& grid);
    std::string emitCodes(const std::string& name, const Shape& shape, std::span<const std::int32_t> codes,
                          OnnxCodeType type);
    std::string emitFloats(const std::string& name, const Shape& shape, std::span<const float> values);
    std::string emitOperator(const std::string& type, const std::string& name,
                             const std::vector<std::string>& inputs,
                             const std::vector<OnnxModelBuilder::Attribute>& attributes = {});

    const PreparedModel& m_model;
    const QuantPlan& m_plan;
    OnnxModelBuilder& m_onnx;
    std::vector<const Layer*> m_layerOf;   ///< by node: the layer whose operator it is
    std::vector<const QParams*> m_gridOf;  ///< by node: the grid its tensor is put on; null: none
    std::vector<std::string> m_tensorOf;   ///< by node: the name readers use
};

}  // namespace bitlathe::core
