#pragma once

#include "core/types/shape.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bitlathe::core {

/// Builds an ONNX model (opset 13, IR 7) without showing ONNX's own headers. Tensors are known by name; a
/// name is used once.
class OnnxModelBuilder {
public:
    using Attribute = std::pair<std::string, std::variant<std::int64_t, float, std::vector<std::int64_t>>>;

    OnnxModelBuilder(const std::string& graphName, const std::string& producerVersion);
    ~OnnxModelBuilder();
    OnnxModelBuilder(const OnnxModelBuilder&) = delete;
    OnnxModelBuilder& operator=(const OnnxModelBuilder&) = delete;

    /// `base`, or `base` with a suffix when a tensor or node is called so already; the name is taken from
    /// then on.
    std::string uniqueName(const std::string& base);

    /// Constants. An empty shape is a scalar.
    void constant(const std::string& name, const Shape& shape, std::span<const float> values);
    void constant(const std::string& name, const Shape& shape, std::span<const std::int32_t> values);
    void constant(const std::string& name, const Shape& shape, std::span<const std::int64_t> values);
    /// 8-bit codes; every value must fit the type.
    void constantInt8(const std::string& name, const Shape& shape, std::span<const std::int32_t> values);
    void constantUint8(const std::string& name, const Shape& shape, std::span<const std::int32_t> values);

    /// The graph's float input and output: batch dimension "N", the rest of `shape` (batch 1) as it is.
    void input(const std::string& name, const Shape& shape);
    void output(const std::string& name, const Shape& shape);

    /// One operator with one output. An empty input name leaves out an optional input.
    void node(const std::string& operatorType, const std::string& name,
              const std::vector<std::string>& inputs, const std::string& output,
              const std::vector<Attribute>& attributes = {});
    /// Gives a tensor another name wherever it is made or read.
    void renameTensor(const std::string& from, const std::string& to);

    void metadata(const std::string& key, const std::string& value);

    /// The file's bytes, the same for the same calls. Runs ONNX's own checker and shape inference first.
    /// Errors  InvalidConfig: the checker's complaint (our bug, or a model ONNX cannot express); a model of 2
    /// GiB and more.
    std::string serialize() const;

private:
    struct Model;
    std::unique_ptr<Model> m_model;
};

}  // namespace bitlathe::core
