#include "core/exporters/onnx_model_builder.h"

#include "core/types/error.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <bit>
#include <limits>
#include <set>

namespace bitlathe::core {

static_assert(std::endian::native == std::endian::little, "raw_data is little endian");

namespace {

constexpr std::int64_t kOpset = 13;     // per-axis QuantizeLinear; what every runtime of today reads
constexpr std::int64_t kIrVersion = 7;  // the IR that goes with opset 13
constexpr const char* kBatch = "N";

onnx::TensorProto& newInitializer(onnx::GraphProto& graph, const std::string& name, const Shape& shape,
                                  onnx::TensorProto::DataType type) {
    onnx::TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const std::int64_t size : shape) {
        tensor.add_dims(size);
    }
    return tensor;
}

template <typename Value>
void setRaw(onnx::TensorProto& tensor, std::span<const Value> values) {
    tensor.set_raw_data(values.data(), values.size_bytes());
}

template <typename Code>
std::vector<Code> narrowed(std::span<const std::int32_t> values) {
    std::vector<Code> codes;
    codes.reserve(values.size());
    for (const std::int32_t value : values) {
        codes.push_back(static_cast<Code>(value));
    }
    return codes;
}

void describe(onnx::ValueInfoProto& info, const std::string& name, const Shape& shape) {
    info.set_name(name);
    onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    for (std::size_t i = 0; i < shape.size(); ++i) {
        onnx::TensorShapeProto::Dimension& dimension = *type.mutable_shape()->add_dim();
        if (i == 0) {
            dimension.set_dim_param(kBatch);
        } else {
            dimension.set_dim_value(shape[i]);
        }
    }
}

struct SetAttribute {
    onnx::AttributeProto& attribute;
    void operator()(std::int64_t value) const {
        attribute.set_type(onnx::AttributeProto::INT);
        attribute.set_i(value);
    }
    void operator()(float value) const {
        attribute.set_type(onnx::AttributeProto::FLOAT);
        attribute.set_f(value);
    }
    void operator()(const std::vector<std::int64_t>& values) const {
        attribute.set_type(onnx::AttributeProto::INTS);
        for (const std::int64_t value : values) {
            attribute.add_ints(value);
        }
    }
};

}  // namespace

struct OnnxModelBuilder::Model {
    onnx::ModelProto proto;
    std::set<std::string> names;
    onnx::GraphProto& graph() { return *proto.mutable_graph(); }
};

OnnxModelBuilder::OnnxModelBuilder(const std::string& graphName, const std::string& producerVersion)
    : m_model(std::make_unique<Model>()) {
    onnx::ModelProto& proto = m_model->proto;
    proto.set_ir_version(kIrVersion);
    proto.set_producer_name("Bitlathe");
    proto.set_producer_version(producerVersion);
    onnx::OperatorSetIdProto& opset = *proto.add_opset_import();
    opset.set_domain("");
    opset.set_version(kOpset);
    m_model->graph().set_name(graphName);
}

OnnxModelBuilder::~OnnxModelBuilder() = default;

std::string OnnxModelBuilder::uniqueName(const std::string& base) {
    std::string name = base;
    for (int i = 2; !m_model->names.insert(name).second; ++i) {
        name = base + "_" + std::to_string(i);
    }
    return name;
}

void OnnxModelBuilder::constant(const std::string& name, const Shape& shape, std::span<const float> values) {
    setRaw(newInitializer(m_model->graph(), name, shape, onnx::TensorProto::FLOAT), values);
}

void OnnxModelBuilder::constant(const std::string& name, const Shape& shape,
                                std::span<const std::int32_t> values) {
    setRaw(newInitializer(m_model->graph(), name, shape, onnx::TensorProto::INT32), values);
}

void OnnxModelBuilder::constant(const std::string& name, const Shape& shape,
                                std::span<const std::int64_t> values) {
    setRaw(newInitializer(m_model->graph(), name, shape, onnx::TensorProto::INT64), values);
}

void OnnxModelBuilder::constantInt8(const std::string& name, const Shape& shape,
                                    std::span<const std::int32_t> values) {
    const auto codes = narrowed<std::int8_t>(values);
    setRaw(newInitializer(m_model->graph(), name, shape, onnx::TensorProto::INT8), std::span(codes));
}

void OnnxModelBuilder::constantUint8(const std::string& name, const Shape& shape,
                                     std::span<const std::int32_t> values) {
    const auto codes = narrowed<std::uint8_t>(values);
    setRaw(newInitializer(m_model->graph(), name, shape, onnx::TensorProto::UINT8), std::span(codes));
}

void OnnxModelBuilder::input(const std::string& name, const Shape& shape) {
    describe(*m_model->graph().add_input(), name, shape);
}

void OnnxModelBuilder::output(const std::string& name, const Shape& shape) {
    describe(*m_model->graph().add_output(), name, shape);
}

void OnnxModelBuilder::node(const std::string& operatorType, const std::string& name,
                            const std::vector<std::string>& inputs, const std::string& output,
                            const std::vector<Attribute>& attributes) {
    onnx::NodeProto& node = *m_model->graph().add_node();
    node.set_op_type(operatorType);
    node.set_name(name);
    for (const std::string& input : inputs) {
        node.add_input(input);
    }
    node.add_output(output);
    for (const auto& [key, value] : attributes) {
        onnx::AttributeProto& attribute = *node.add_attribute();
        attribute.set_name(key);
        std::visit(SetAttribute{attribute}, value);
    }
}

void OnnxModelBuilder::renameTensor(const std::string& from, const std::string& to) {
    for (onnx::NodeProto& node : *m_model->graph().mutable_node()) {
        for (std::string& input : *node.mutable_input()) {
            input = input == from ? to : input;
        }
        for (std::string& output : *node.mutable_output()) {
            output = output == from ? to : output;
        }
    }
}

void OnnxModelBuilder::metadata(const std::string& key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *m_model->proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
}

std::string OnnxModelBuilder::serialize() const {
    const onnx::ModelProto& proto = m_model->proto;
    const std::string what = "ONNX model '" + proto.graph().name() + "'";
    if (proto.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        throw Error(ErrorCode::InvalidConfig,
                    what + " would be larger than the 2 GiB a file of this format can hold");
    }
    try {
        onnx::checker::check_model(proto);
        // On a copy: inferred shapes are for checking, the file goes without.
        onnx::ModelProto inferred = proto;
        onnx::shape_inference::InferShapes(
            inferred, onnx::OpSchemaRegistry::Instance(),
            {/*check_type=*/true, /*error_mode=*/1, /*data_propagation=*/false});
    } catch (const std::exception& error) {
        throw Error(ErrorCode::InvalidConfig, what + " does not pass ONNX's checker: " + error.what());
    }
    std::string bytes;
    {
        google::protobuf::io::StringOutputStream stream(&bytes);
        google::protobuf::io::CodedOutputStream coded(&stream);
        coded.SetSerializationDeterministic(true);
        proto.SerializeToCodedStream(&coded);
    }
    return bytes;
}

}  // namespace bitlathe::core
