#include "core/plan/plan_json.h"
#include "core/quantizers/level_table.h"
#include "core/types/error.h"

#include <QtTest>

#include <string>

using namespace bitlathe::core;

namespace {

/// input 1x3 -> linear of 4 outputs.
PreparedModel model() {
    PreparedModel model;
    model.graph.name = "tiny";
    model.graph.nodes = {
        {"input", InputOp{}, {}, {1, 3}},
        {"fc", LinearOp{FloatTensor({4, 3}, std::vector<float>(12, 1.0F)), {}}, {0}, {1, 4}},
    };
    model.graph.output = 1;
    Layer layer;
    layer.id = LayerId("fc");
    layer.node = 1;
    layer.outputNode = 1;
    layer.weightShape = {4, 3};
    layer.outputShape = {1, 4};
    layer.weightCount = 12;
    model.layers = {layer};
    model.hash = "0123456789abcdef";
    return model;
}

const SiteId kInput{kInputLayer, SiteKind::Output};
const SiteId kWeight{LayerId("fc"), SiteKind::Weight};
const SiteId kOutput{LayerId("fc"), SiteKind::Output};

QuantPlan plan() {
    QuantPlan plan;
    QParams& input = plan.sites[kInput];
    input.scale = {0.1F};
    input.zeroPoint = {-3};
    input.quantMin = -128;
    input.quantMax = 127;
    QParams& weight = plan.sites[kWeight];
    weight.scale = {1.0F / 3, 0x1p-126F, 3.4e38F, 1e-7F};
    weight.zeroPoint = {0, 1, 2, 3};
    weight.quantMax = 15;
    weight.axis = 0;
    weight.rounding = Rounding::Floor;
    plan.sites[kOutput] = tableGrid({midpointTable({-1.0F / 3, 0, 0.7F})}, std::nullopt);
    return plan;
}

QString failure(const std::string& text) {
    try {
        planFromJson(text, model());
    } catch (const Error& error) {
        return error.code() == ErrorCode::InvalidConfig ? QString(error.what()) : "wrong code";
    }
    return "nothing was thrown";
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const std::size_t at = text.find(what);
    return at == std::string::npos ? "not found: " + what : text.replace(at, what.size(), by);
}

}  // namespace

class TestPlanJson : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsBackBitForBit() {
        QVERIFY(planFromJson(planToJson(plan(), model()), model()).sites == plan().sites);
        QVERIFY(planFromJson(planToJson({}, model()), model()).sites.empty());
    }

    void keepsBatchNormModesAndWeightCorrections() {
        PreparedModel kept = model();
        kept.layers[0].batchNorm = 1;
        QuantPlan full = plan();
        full.batchNorm[LayerId("fc")] = BatchNormMode::Icn;
        full.weightAffine[LayerId("fc")] = {{1.0F / 3, 1, 2, 3}, {0, -0.1F, 1e-30F, 4}};
        const QuantPlan read = planFromJson(planToJson(full, kept), kept);
        QVERIFY(read.batchNorm == full.batchNorm);
        QVERIFY(read.weightAffine == full.weightAffine);
        full.paddedBefore.insert(LayerId("fc"));
        full.channelBits[{LayerId("fc"), SiteKind::Weight}] = {4, 3, 0, 8};
        const QuantPlan more = planFromJson(planToJson(full, kept), kept);
        QVERIFY(more.paddedBefore == full.paddedBefore);
        QVERIFY(more.channelBits == full.channelBits);
        full.channelBits.begin()->second.pop_back();
        QVERIFY_EXCEPTION_THROWN(planFromJson(planToJson(full, kept), kept), Error);
        full.channelBits.clear();
        full.online[{kInputLayer, SiteKind::Output}] = {};
        QVERIFY_EXCEPTION_THROWN(planToJson(full, kept), Error);
        full.online.clear();
        QVERIFY(failure(planToJson(full, kept)).contains("that keeps its batch norm"));
        full.batchNorm.clear();
        full.weightAffine[LayerId("fc")].gain.pop_back();
        QVERIFY(failure(planToJson(full, kept)).contains("each of 4 channels"));
    }

    void anythingElseIsRefused_data() {
        QTest::addColumn<QString>("what");
        QTest::addColumn<QString>("by");
        QTest::addColumn<QString>("message");
        QTest::newRow("format") << "bitlathe-plan"
                                << "other"
                                << "not a plan document";
        QTest::newRow("cut off") << "\"sites\""
                                 << "sites"
                                 << "not a plan document";
        QTest::newRow("version") << "\"version\": 1"
                                 << "\"version\": 2"
                                 << "version 2 was written by another";
        QTest::newRow("model") << "0123"
                               << "3210"
                               << "another model or other weights";
        QTest::newRow("layer") << "\"fc\""
                               << "\"fd\""
                               << "no layer 'fd'";
        QTest::newRow("site") << "\"weight\""
                              << "\"bias\""
                              << "'site' is 'bias'";
        QTest::newRow("twice") << "\"weight\""
                               << "\"output\""
                               << "";
        QTest::newRow("rounding") << "\"floor\""
                                  << "\"ceil\""
                                  << "unknown rounding 'ceil'";
        QTest::newRow("axis") << "\"axis\": 0"
                              << "\"axis\": 1"
                              << "'axis' must be 0";
        QTest::newRow("codes") << "\"quant_max\": 127"
                               << "\"quant_max\": -128"
                               << "are not 2 to 65536 codes";
        QTest::newRow("code type") << "\"quant_max\": 127"
                                   << "\"quant_max\": 1.5"
                                   << "32-bit integer";
        QTest::newRow("missing") << "\"quant_max\": 127,"
                                 << ""
                                 << "'quant_max' is missing";
        QTest::newRow("scale sign") << "0.10000000149011612"
                                    << "-0.1"
                                    << "every scale must be positive";
        QTest::newRow("scale type") << "0.10000000149011612"
                                    << "\"0.1\""
                                    << "finite numbers";
        QTest::newRow("scale size") << "0.10000000149011612"
                                    << "0.1, 0.1"
                                    << "zero points";
    }
    void anythingElseIsRefused() {
        QFETCH(QString, what);
        QFETCH(QString, by);
        QFETCH(QString, message);
        const QString text =
            failure(replaced(planToJson(plan(), model()), what.toStdString(), by.toStdString()));
        QVERIFY2(text.startsWith("quantization plan") && text.contains(message), qPrintable(text));
    }
};

QTEST_APPLESS_MAIN(TestPlanJson)
#include "test_plan_json.moc"
