#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "core/util/glob.h"
#include "core/zoo/zoo.h"
#include "experiments/recipes/recipe.h"

#include <QtTest>

using namespace bitlathe;
using namespace bitlathe::experiments;
using core::LayerKind;
using nlohmann::json;

class TestConfigRules : public QObject {
    Q_OBJECT

private:
    core::PreparedModel m_model;  // MobileNetV1-0.25 at 32x32
    core::PreparedModel m_residual;

    core::QuantConfig build(const char* document) const {
        return buildConfig({json::parse(document)}, m_model);
    }
    std::string messageOf(const char* document) const {
        try {
            build(document);
        } catch (const core::Error& error) {
            return error.code() == core::ErrorCode::RecipeError ? error.what() : "other code";
        }
        return "nothing thrown";
    }
    static int bitsOf(const core::SiteQuant& site) { return site.bits ? site.bits->bits() : 0; }

private Q_SLOTS:
    void initTestCase() {
        m_model = core::prepare(core::buildZooModel(
            "mobilenet_v1", {{"width", 0.25}, {"size", 32}, {"channels", 1}, {"classes", 10}}, {1}));
        m_residual = core::prepare(core::buildZooModel("resnet8", {}, {1}));
    }

    void nothingSaidIsFloatEverywhere() {
        const core::QuantConfig config = build("{}");
        QVERIFY(config.input.isFloat());
        QCOMPARE(config.layers.size(), m_model.layers.size());
        for (const auto& [id, quant] : config.layers) {
            QVERIFY(quant.weight.isFloat() && quant.output.isFloat());
        }
    }

    void defaultsReachEveryLayerAndNothingWithoutAGridOfItsOwn() {
        const core::QuantConfig config = build(
            R"({"defaults": {"weight": {"bits": 4, "quantizer": "symmetric"}, "output": {"bits": 8}}})");
        QVERIFY(config.input.isFloat());
        for (const core::Layer& layer : m_model.layers) {
            const core::LayerQuant& quant = config.layers.at(layer.id);
            QCOMPARE(bitsOf(quant.weight), layer.hasWeights() ? 4 : 0);
            QCOMPARE(bitsOf(quant.output), layer.isQuantizable ? 8 : 0);
        }
    }

    void rulesApplyInOrder() {
        const core::QuantConfig config = build(R"({
            "defaults": {"weight": {"bits": 4, "quantizer": "symmetric", "granularity": "channel"}, "output": {"bits": 8}},
            "rules": [
                {"match": {"kind": "depthwise_conv"}, "set": {"weight": {"bits": 6}}},
                {"match": {"kind": ["depthwise_conv", "linear"], "layer": "blocks.1.*"}, "set": {"weight": {"bits": 7}}},
                {"match": {"position": "first"}, "set": {"weight": {"bits": 8}}},
                {"match": {"position": "last"}, "set": {"weight": {"bits": 5}}},
                {"match": {"position": 2}, "set": {"weight": {"bits": 3}}},
                {"match": {"layer": "no_such*"}, "set": {"weight": {"bits": 2}}, "optional": true}]})");
        const auto& layers = m_model.layers;
        QCOMPARE(bitsOf(config.layers.at(layers.front().id).weight), 8);
        QCOMPARE(bitsOf(config.layers.at(layers[2].id).weight), 3);
        int depthwise = 0;
        for (const core::Layer& layer : layers) {
            const core::SiteQuant& weight = config.layers.at(layer.id).weight;
            if (layer.kind == LayerKind::DepthwiseConv) {
                QCOMPARE(bitsOf(weight), layer.id.str().starts_with("blocks.1.") ? 7 : 6);
                QVERIFY(weight.granularity.kind ==
                        core::Granularity::Kind::Channel);  // kept from the defaults
                ++depthwise;
            } else if (layer.kind == LayerKind::Linear) {
                QCOMPARE(bitsOf(weight), 5);
            }
        }
        QCOMPARE(depthwise, 13);
    }

    void namedLayersWinOverRules() {
        const std::string id = m_model.layers[3].id.str();
        json document =
            json::parse(R"({"defaults": {"weight": {"bits": 4}, "output": {"bits": 8, "range": [0, 6]}},
            "rules": [{"match": {"layer": "*"}, "set": {"weight": {"bits": 5}}}]})");
        document["layers"][id] =
            json::parse(R"({"weight": {"bits": 2, "quantizer": {"name": "symmetric", "narrow": 1}},
                                                 "output": {"bits": "float", "range": null}})");
        const core::QuantConfig config = buildConfig({document}, m_model);
        const core::LayerQuant& quant = config.layers.at(core::LayerId(id));
        QCOMPARE(bitsOf(quant.weight), 2);
        QCOMPARE(quant.weight.quantizer.params.at("narrow"), 1.0);
        QVERIFY(quant.output.isFloat());
        QVERIFY(!quant.output.manualRange);
        QCOMPARE(bitsOf(config.layers.at(m_model.layers[4].id).weight), 5);
        QCOMPARE(config.layers.at(m_model.layers[4].id).output.manualRange->upper, 6.0);
    }

    void aResolvedConfigurationIsItsOwnDocument() {
        const core::QuantConfig config = build(R"({
            "input": {"bits": 8, "range": [-0.811111, 2.022222]},
            "defaults": {"weight": {"bits": 4, "quantizer": "symmetric", "granularity": {"group": 4}},
                         "output": {"bits": 8, "observer": {"name": "percentile", "percentile": 99.5}},
                         "batch_norm": "folded"},
            "rules": [{"match": {"kind": "depthwise_conv"}, "set": {"weight": {"bits": "float"}, "batch_norm": "not_folded",
                                 "output": {"ranges": "online"}, "padding": "before_quantization"}}]})");
        const core::LayerQuant& depthwise = config.layers.at(m_model.layers[1].id);
        QVERIFY(depthwise.output.ranges == core::RangeTime::Online);
        QVERIFY(depthwise.padding == core::PaddingOrder::BeforeQuantization);
        const ConfigDocument document = toDocument(config);
        QVERIFY(buildConfig(document, m_model) == config);
        QVERIFY(toDocument(buildConfig(document, m_model)).json == document.json);
        // Through text as well: numbers keep every bit.
        QVERIFY(buildConfig({json::parse(document.json.dump())}, m_model) == config);
    }

    void residualModelsWorkToo() {
        const core::QuantConfig config = buildConfig({json::parse(R"({"defaults": {"output": {"bits": 8}},
                                         "rules": [{"match": {"kind": "add"}, "set": {"output": {"bits": 16}}}]})")},
                                                     m_residual);
        int adds = 0;
        for (const core::Layer& layer : m_residual.layers) {
            if (layer.kind == LayerKind::Add) {
                QCOMPARE(bitsOf(config.layers.at(layer.id).output), 16);
                ++adds;
            }
        }
        QCOMPARE(adds, 3);
    }

    void onlineRangesHaveTheirPlaces() {
        QVERIFY(messageOf(R"({"defaults": {"weight": {"bits": 4, "ranges": "online"}}})")
                    .find("weights do not change") != std::string::npos);
        QVERIFY(messageOf(R"({"input": {"bits": 8, "range": [0, 1], "ranges": "online"}})")
                    .find("needs \"ranges\" \"offline\"") != std::string::npos);
    }

    void aRuleThatMatchesNothingIsAnError() {
        const std::string message =
            messageOf(R"({"rules": [{"match": {"kind": "add"}, "set": {"output": {"bits": 8}}}]})");
        QVERIFY2(message.starts_with("rules[0].match: matches no layer of 'mobilenet_v1'"), message.c_str());
        QVERIFY2(message.find("\"optional\": true") != std::string::npos, message.c_str());
    }

    void anUnknownLayerIsAnError() {
        std::string id = m_model.layers[1].id.str();
        id.pop_back();
        const std::string message = messageOf(("{\"layers\": {\"" + id + "\": {}}}").c_str());
        QVERIFY2(message.find("did you mean '" + m_model.layers[1].id.str() + "'?") != std::string::npos,
                 message.c_str());
    }

    void sitesKeepWhatIsNotNamed() {
        core::SiteQuant base;
        base.bits = core::BitWidth(4);
        base.quantizer = {"symmetric", {{"narrow", 1}}};
        base.observer = {"percentile", {{"percentile", 99.0}}};
        base.granularity = {core::Granularity::Kind::Group, 4};
        QVERIFY(siteFromJson(json::object(), base, "x") == base);
        QVERIFY(siteFromJson(siteToJson(base), {}, "x") == base);
        const core::SiteQuant changed = siteFromJson(json::parse(R"({"bits": 5})"), base, "x");
        QCOMPARE(changed.bits->bits(), 5);
        QVERIFY(changed.observer == base.observer);
        try {
            siteFromJson(json::parse(R"({"bit": 5})"), base, "layers.conv.weight");
            QFAIL("accepted");
        } catch (const core::Error& error) {
            QVERIFY2(QString(error.what()).startsWith("layers.conv.weight.bit: unknown key"), error.what());
        }
    }

    void globs_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("pattern");
        QTest::addColumn<bool>("expected");
        QTest::newRow("whole") << "stem.conv"
                               << "stem.conv" << true;
        QTest::newRow("part is not enough") << "stem.conv"
                                            << "stem" << false;
        QTest::newRow("star") << "blocks.12.pointwise"
                              << "blocks.*.pointwise" << true;
        QTest::newRow("star at the end") << "blocks.1"
                                         << "blocks.1*" << true;
        QTest::newRow("star may be nothing") << "ab"
                                             << "a*b" << true;
        QTest::newRow("stars give back") << "a.b.a.b.c"
                                         << "*a.b.c" << true;
        QTest::newRow("two stars") << "a.b.a.c"
                                   << "a*b*d" << false;
        QTest::newRow("question mark") << "blocks.1.x"
                                       << "blocks.?.x" << true;
        QTest::newRow("question mark is one") << "blocks.12.x"
                                              << "blocks.?.x" << false;
        QTest::newRow("dot is a dot") << "axb"
                                      << "a.b" << false;
        QTest::newRow("all") << ""
                             << "*" << true;
        QTest::newRow("empty") << "a"
                               << "" << false;
    }
    void globs() {
        QFETCH(QString, text);
        QFETCH(QString, pattern);
        QFETCH(bool, expected);
        QCOMPARE(core::matchesGlob(text.toStdString(), pattern.toStdString()), expected);
    }

    void batchNormAndPostTrainingReadBack() {
        const json document = json::parse(R"({
            "defaults": {"weight": {"bits": 4}, "batch_norm": "icn"},
            "rules": [{"match": {"kind": "depthwise_conv"}, "set": {"batch_norm": "fake_bn"}},
                      {"match": {"position": "first"}, "set": {"batch_norm": "not_folded", "post_training": false}}],
            "post_training": ["weight_clipping", {"name": "bias_correction", "form": "batch_norm"}]})");
        const core::QuantConfig config = buildConfig({document}, m_model);
        const core::LayerQuant& first = config.layers.at(m_model.layers.front().id);
        QVERIFY(first.batchNorm == core::BatchNormMode::NotFolded);
        QVERIFY(!first.takesPostTraining);
        QVERIFY(config.layers.at(m_model.layers[1].id).batchNorm == core::BatchNormMode::FakeBn);
        QVERIFY(config.layers.at(m_model.layers[2].id).batchNorm == core::BatchNormMode::Icn);
        // The classifier has none: the default passes over it.
        QVERIFY(config.layers.at(m_model.layers.back().id).batchNorm == core::BatchNormMode::Folded);
        QCOMPARE(config.postTraining.size(), std::size_t{2});
        QCOMPARE(config.postTraining[1].params.at("form"), 2.0);
        QVERIFY(buildConfig(toDocument(config), m_model) == config);
    }

    void impossiblePostTrainingIsRefused() {
        const json document = json::parse(R"({"post_training": ["ada_round", "cross_layer_equalization"]})");
        try {
            buildConfig({document}, m_model);
            QFAIL("an order that cannot work was accepted");
        } catch (const core::Error& error) {
            const QString text = error.what();
            QVERIFY2(text.contains("post_training") && text.contains("put 'cross_layer_equalization' first"),
                     qPrintable(text));
        }
    }
};

QTEST_GUILESS_MAIN(TestConfigRules)
#include "test_config_rules.moc"
