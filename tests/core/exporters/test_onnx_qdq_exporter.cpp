#include "core/exporters/onnx_qdq_exporter.h"
#include "core/graph/prepare.h"
#include "core/plan/quantized_bias.h"
#include "core/registry/registry.h"
#include "core/types/error.h"
#include "core/util/atomic_file.h"

#include <onnx/onnx_pb.h>

#include <QtTest>

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include <unistd.h>

using namespace bitlathe::core;

namespace {

FloatTensor tensor(const Shape& shape, std::vector<float> values) {
    return {shape, std::move(values)};
}

/// input 1x2x2 -> conv 1x1, 3 channels, weights 0.5, -1, 0.25 and bias 0.1, -0.2, 0.3 -> relu6.
PreparedModel oneConvolution() {
    Graph graph;
    graph.name = "one conv";
    graph.append("input", InputOp{}, {});
    Conv2dOp op;
    op.weight = tensor({3, 1, 1, 1}, {0.5F, -1.0F, 0.25F});
    op.bias = tensor({3}, {0.1F, -0.2F, 0.3F});
    const NodeId conv = graph.append("conv", op, {0});
    graph.output = graph.append("act", ClampOp{0, 6}, {conv});
    return prepare(graph, {1, 2, 2});
}

const SiteId kInput{kInputLayer, SiteKind::Output};
const SiteId kWeight{LayerId("conv"), SiteKind::Weight};
const SiteId kOutput{LayerId("conv"), SiteKind::Output};

QParams grid(float scale, std::int32_t zeroPoint, std::int32_t quantMin, std::int32_t quantMax) {
    QParams result;
    result.scale = {scale};
    result.zeroPoint = {zeroPoint};
    result.quantMin = quantMin;
    result.quantMax = quantMax;
    return result;
}

QParams perChannel(std::vector<float> scale) {
    QParams result = grid(0, 0, -127, 127);
    result.zeroPoint.assign(scale.size(), 0);
    result.scale = std::move(scale);
    result.axis = 0;
    return result;
}

/// 8 bits everywhere, weights per channel.
QuantPlan plainPlan() {
    QuantPlan plan;
    plan.sites[kInput] = grid(0.0625F, 3, 0, 255);
    plan.sites[kWeight] = perChannel({0.5F / 127, 1.0F / 127, 0.25F / 127});
    plan.sites[kOutput] = grid(5.0F / 255, 0, 0, 255);
    return plan;
}

QByteArray readAll(const std::string& path) {
    QFile file(QString::fromStdString(path));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

/// What a test reads of a written file.
class Written {
public:
    Written(const PreparedModel& model, const QuantPlan& plan) {
        const QTemporaryDir folder;
        const std::vector<std::string> files =
            OnnxQdqExporter().write(model, plan, folder.path().toStdString());
        const QByteArray bytes = readAll(files.at(0));
        if (!m_proto.ParseFromArray(bytes.constData(), int(bytes.size()))) {
            throw std::runtime_error("the written file is no ONNX model");
        }
        for (const onnx::TensorProto& constant : m_proto.graph().initializer()) {
            m_constants[constant.name()] = &constant;
        }
    }
    const onnx::ModelProto& proto() const { return m_proto; }

    QStringList operatorTypes() const {
        QStringList types;
        for (const onnx::NodeProto& node : m_proto.graph().node()) {
            types << QString::fromStdString(node.op_type());
        }
        return types;
    }
    const onnx::NodeProto& node(const std::string& type, int which = 0) const {
        for (const onnx::NodeProto& candidate : m_proto.graph().node()) {
            if (candidate.op_type() == type && which-- == 0) {
                return candidate;
            }
        }
        throw std::runtime_error("no operator " + type);
    }
    /// The node that makes a tensor.
    const onnx::NodeProto& maker(const std::string& name) const {
        for (const onnx::NodeProto& candidate : m_proto.graph().node()) {
            if (candidate.output(0) == name) {
                return candidate;
            }
        }
        throw std::runtime_error("nobody makes " + name);
    }
    const onnx::TensorProto& constant(const std::string& name) const { return *m_constants.at(name); }
    template <typename Value>
    std::vector<Value> values(const std::string& name) const {
        const std::string& raw = constant(name).raw_data();
        std::vector<Value> result(raw.size() / sizeof(Value));
        std::memcpy(result.data(), raw.data(), raw.size());
        return result;
    }

private:
    onnx::ModelProto m_proto;
    std::map<std::string, const onnx::TensorProto*> m_constants;
};

std::int64_t axisOf(const onnx::NodeProto& node) {
    for (const onnx::AttributeProto& attribute : node.attribute()) {
        if (attribute.name() == "axis") {
            return attribute.i();
        }
    }
    return -1;
}

std::string messageOf(const PreparedModel& model, const QuantPlan& plan, const std::string& folder,
                      ErrorCode code) {
    try {
        OnnxQdqExporter().write(model, plan, folder);
    } catch (const Error& error) {
        return error.code() == code ? error.what() : "another code";
    }
    return "no error";
}

}  // namespace

class TestOnnxQdqExporter : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void isRegistered() {
        QVERIFY(exporterRegistry().contains("onnx_qdq"));
        QVERIFY(exporterRegistry().create({"onnx_qdq", {}}) != nullptr);
    }

    void headerAndMetadata() {
        const PreparedModel model = oneConvolution();
        const Written written(model, plainPlan());
        const onnx::ModelProto& proto = written.proto();
        QCOMPARE(proto.ir_version(), 7);
        QCOMPARE(proto.opset_import_size(), 1);
        QCOMPARE(proto.opset_import(0).version(), 13);
        QCOMPARE(proto.producer_name(), std::string("Bitlathe"));
        QVERIFY(!proto.producer_version().empty());
        QCOMPARE(proto.metadata_props(0).key(), std::string("bitlathe.model_sha256"));
        QCOMPARE(proto.metadata_props(0).value(), model.hash);
        QCOMPARE(proto.metadata_props(1).key(), std::string("bitlathe.plan_sha256"));
        QCOMPARE(proto.metadata_props(1).value().size(), std::size_t(64));
        for (const onnx::ValueInfoProto* end : {&proto.graph().input(0), &proto.graph().output(0)}) {
            QCOMPARE(end->type().tensor_type().shape().dim(0).dim_param(), std::string("N"));
            QCOMPARE(end->type().tensor_type().shape().dim(2).dim_value(), 2);
        }
    }

    void quantizedConvolution() {
        const PreparedModel model = oneConvolution();
        const QuantPlan plan = plainPlan();
        const Written written(model, plan);
        // relu6 is left out: the output grid ends at 5, and its first code is 0.
        QCOMPARE(written.operatorTypes(),
                 (QStringList{"QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "DequantizeLinear",
                              "Conv", "QuantizeLinear", "DequantizeLinear"}));
        const onnx::NodeProto& input = written.node("QuantizeLinear");
        QCOMPARE(written.values<float>(input.input(1)), std::vector<float>{0.0625F});
        QCOMPARE(written.constant(input.input(2)).data_type(), int(onnx::TensorProto::UINT8));
        QCOMPARE(written.values<std::uint8_t>(input.input(2)), std::vector<std::uint8_t>{3});

        const onnx::NodeProto& conv = written.node("Conv");
        const onnx::NodeProto& weight = written.maker(conv.input(1));
        QCOMPARE(axisOf(weight), 0);
        QCOMPARE(written.constant(weight.input(0)).data_type(), int(onnx::TensorProto::INT8));
        QCOMPARE(written.values<std::int8_t>(weight.input(0)), (std::vector<std::int8_t>{127, -127, 127}));
        QCOMPARE(written.constant(weight.input(1)).dims(0), 3);
        QCOMPARE(written.values<std::int8_t>(weight.input(2)), (std::vector<std::int8_t>{0, 0, 0}));

        const onnx::NodeProto& bias = written.maker(conv.input(2));
        const QuantizedBias expected = quantizedBias(std::vector<float>{0.1F, -0.2F, 0.3F},
                                                     plan.sites.at(kInput), plan.sites.at(kWeight));
        QCOMPARE(axisOf(bias), 0);
        QCOMPARE(bias.input_size(), 2);  // int32 has no zero point
        QCOMPARE(written.values<std::int32_t>(bias.input(0)), expected.codes);
        QCOMPARE(written.values<float>(bias.input(1)), expected.scale);
        QCOMPARE(written.proto().graph().output(0).name(), written.node("DequantizeLinear", 3).output(0));
    }

    void clampStaysWhereTheGridIsWider() {
        QuantPlan plan = plainPlan();
        plan.sites[kOutput] = grid(8.0F / 255, 0, 0, 255);
        QVERIFY(Written(oneConvolution(), plan).operatorTypes().contains("Clip"));
        plan.sites[kOutput] = grid(5.0F / 127, 0, -128, 127);  // negative codes: relu matters
        QVERIFY(Written(oneConvolution(), plan).operatorTypes().contains("Clip"));
    }

    void subByteOutputsAreClippedToTheirRange() {
        QuantPlan plan = plainPlan();
        plan.sites[kOutput] = grid(0.25F, 4, 0, 15);
        const Written written(oneConvolution(), plan);
        const onnx::NodeProto& limits = written.maker(written.node("QuantizeLinear", 1).input(0));
        QCOMPARE(limits.op_type(), std::string("Clip"));
        QCOMPARE(written.values<float>(limits.input(1)), std::vector<float>{-1.0F});  // (0 - 4) / 4
        QCOMPARE(written.values<float>(limits.input(2)), std::vector<float>{2.75F});  // (15 - 4) / 4
    }

    void subByteWeightsAreTheirCodes() {
        QuantPlan plan = plainPlan();
        plan.sites[kWeight] = grid(0.1F, 10, 0, 15);
        const Written written(oneConvolution(), plan);
        const onnx::NodeProto& weight = written.maker(written.node("Conv").input(1));
        QCOMPARE(axisOf(weight), -1);
        // 0.5 / 0.1 + 10 = 15, -1 / 0.1 + 10 = 0, 0.25 / 0.1 = 2.5: half to even, 12
        QCOMPARE(written.values<std::uint8_t>(weight.input(0)), (std::vector<std::uint8_t>{15, 0, 12}));
        QCOMPARE(written.values<std::uint8_t>(weight.input(2)), std::vector<std::uint8_t>{10});
        QCOMPARE(written.constant(weight.input(1)).dims_size(), 0);
    }

    void emptyPlanIsTheFloatModel() {
        const Written written(oneConvolution(), {});
        QCOMPARE(written.operatorTypes(), (QStringList{"Conv", "Clip"}));
        QCOMPARE(written.values<float>(written.node("Conv").input(1)),
                 (std::vector<float>{0.5F, -1.0F, 0.25F}));
        QCOMPARE(written.values<float>(written.node("Conv").input(2)),
                 (std::vector<float>{0.1F, -0.2F, 0.3F}));
    }

    void floatWeightsKeepAFloatBias() {
        QuantPlan plan = plainPlan();
        plan.sites.erase(kWeight);
        const Written written(oneConvolution(), plan);
        QCOMPARE(written.constant(written.node("Conv").input(1)).data_type(), int(onnx::TensorProto::FLOAT));
        QCOMPARE(written.constant(written.node("Conv").input(2)).data_type(), int(onnx::TensorProto::FLOAT));
    }

    void sixteenBitsStayFloatAndAreRemarked() {
        QuantPlan plan = plainPlan();
        plan.sites[kOutput] = grid(0.001F, 0, 0, 65535);
        QCOMPARE(Written(oneConvolution(), plan).operatorTypes().count("QuantizeLinear"), 1);
        const auto checks = OnnxQdqExporter().check(oneConvolution(), plan);
        QCOMPARE(checks.size(), std::size_t(1));
        QVERIFY(!checks[0].isBlocking);
        QCOMPARE(checks[0].layer, LayerId("conv"));
        QVERIFY2(checks[0].message.find("0..65535 do not fit 8 bits") != std::string::npos,
                 checks[0].message.c_str());
    }

    void checksRemarkWhatChanges() {
        QuantPlan plan = plainPlan();
        QVERIFY(OnnxQdqExporter().check(oneConvolution(), plan).empty());
        plan.sites[kWeight] = grid(0.1F, 0, -7, 7);
        plan.sites[kOutput].rounding = Rounding::HalfAway;
        const auto checks = OnnxQdqExporter().check(oneConvolution(), plan);
        QCOMPARE(checks.size(), std::size_t(2));
        QVERIFY(checks[0].message.find("15 codes stored in 8 bits") != std::string::npos);
        QVERIFY(checks[1].message.find("rounds ties another way") != std::string::npos);
        QVERIFY(!checks[0].isBlocking && !checks[1].isBlocking);
    }

    void floorRoundingIsRefused() {
        QuantPlan plan = plainPlan();
        plan.sites[kOutput].rounding = Rounding::Floor;
        const QTemporaryDir folder;
        const std::string message =
            messageOf(oneConvolution(), plan, folder.path().toStdString(), ErrorCode::InvalidConfig);
        QVERIFY2(message.find("layer 'conv': output: rounds down") != std::string::npos, message.c_str());
        QVERIFY(QDir(folder.path()).isEmpty());
    }

    void siteOfAnotherModelIsRefused() {
        QuantPlan plan = plainPlan();
        plan.sites[{LayerId("elsewhere"), SiteKind::Output}] = grid(1, 0, 0, 255);
        const QTemporaryDir folder;
        const std::string message =
            messageOf(oneConvolution(), plan, folder.path().toStdString(), ErrorCode::InvalidConfig);
        QVERIFY2(message.find("'elsewhere'") != std::string::npos, message.c_str());
    }

    void sameInputSameBytes() {
        const QTemporaryDir first;
        const QTemporaryDir second;
        const std::string a =
            OnnxQdqExporter().write(oneConvolution(), plainPlan(), first.path().toStdString()).at(0);
        const std::string b =
            OnnxQdqExporter().write(oneConvolution(), plainPlan(), second.path().toStdString()).at(0);
        QVERIFY(readAll(a).size() > 500);
        QCOMPARE(readAll(a), readAll(b));
        QuantPlan other = plainPlan();
        other.sites[kOutput].scale[0] *= 2;
        const std::string c =
            OnnxQdqExporter().write(oneConvolution(), other, second.path().toStdString()).at(0);
        QVERIFY(readAll(a) != readAll(c));
    }

    void foldersAreMadeAndOldFilesReplaced() {
        const QTemporaryDir root;
        const std::string folder = root.filePath("a/b").toStdString();
        const std::string path = OnnxQdqExporter().write(oneConvolution(), {}, folder).at(0);
        QCOMPARE(QString::fromStdString(path), root.filePath("a/b/one_conv.onnx"));
        const QByteArray before = readAll(path);
        QCOMPARE(OnnxQdqExporter().write(oneConvolution(), plainPlan(), folder).at(0), path);
        QVERIFY(readAll(path) != before);
        QCOMPARE(QDir(root.filePath("a/b")).entryList(QDir::Files), QStringList{"one_conv.onnx"});
    }

    void unwritableFolderIsOneClearError() {
        const QTemporaryDir root;
        QFile blocker(root.filePath("file"));
        QVERIFY(blocker.open(QIODevice::WriteOnly));
        const std::string folder = root.filePath("file/inside").toStdString();
        const std::string message = messageOf(oneConvolution(), {}, folder, ErrorCode::Io);
        QVERIFY2(message.find(folder) != std::string::npos, message.c_str());
    }

    // /dev/full takes every write and answers "no space left".
    void fullDiskLeavesTheOldFileWhole() {
        const QTemporaryDir root;
        const std::string path = root.filePath("kept.onnx").toStdString();
        writeFileAtomically(path, "old");
        const QString partial = root.filePath("kept.onnx." + QString::number(::getpid()) + ".partial");
        QVERIFY(QFile::link("/dev/full", partial));
        try {
            writeFileAtomically(path, "new");
            QFAIL("wrote to a full disk");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::Io);
            QVERIFY2(std::string(error.what()).find("No space left") != std::string::npos, error.what());
            QVERIFY2(std::string(error.what()).find(path) != std::string::npos, error.what());
        }
        QCOMPARE(readAll(path), QByteArray("old"));
        QCOMPARE(QDir(root.path()).entryList(QDir::Files | QDir::System), QStringList{"kept.onnx"});
    }

    void namesInTheModelMayCollideWithOurs() {
        Graph graph;
        graph.name = "..";
        graph.append("input", InputOp{}, {});
        const NodeId first = graph.append("output", ClampOp{0, 1}, {0});
        Conv2dOp op;
        op.weight = tensor({1, 1, 1, 1}, {1});
        const NodeId second = graph.append("input/codes", op, {first});
        graph.output = graph.append("conv", op, {second});
        const PreparedModel model = prepare(graph, {1, 2, 2});
        QuantPlan plan;
        plan.sites[kInput] = grid(0.01F, 0, 0, 255);
        const Written written(model, plan);  // ONNX's checker refuses a name used twice
        QCOMPARE(written.proto().graph().output_size(), 1);
    }
};

QTEST_GUILESS_MAIN(TestOnnxQdqExporter)
#include "test_onnx_qdq_exporter.moc"
