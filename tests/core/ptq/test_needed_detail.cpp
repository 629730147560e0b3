#include "core/ptq/needed_detail.h"

#include <QtTest>

using namespace bitlathe::core;

class TestNeededDetail : public QObject {
    Q_OBJECT

private Q_SLOTS:
    /// Only activations with a scale per channel or group need their channels' histograms.
    void followsTheActivations_data() {
        QTest::addColumn<bool>("isInput");
        QTest::addColumn<bool>("isWeight");
        QTest::addColumn<bool>("isFloat");
        QTest::addColumn<int>("granularity");
        QTest::addColumn<bool>("isNeeded");
        const auto kind = [](Granularity::Kind k) { return static_cast<int>(k); };
        const int tensor = kind(Granularity::Kind::Tensor);
        const int channel = kind(Granularity::Kind::Channel);
        const int group = kind(Granularity::Kind::Group);
        QTest::newRow("output per tensor") << false << false << false << tensor << false;
        QTest::newRow("output per channel") << false << false << false << channel << true;
        QTest::newRow("output per group") << false << false << false << group << true;
        QTest::newRow("float output per channel") << false << false << true << channel << false;
        QTest::newRow("input per channel") << true << false << false << channel << true;
        QTest::newRow("weight per channel") << false << true << false << channel << false;
    }
    void followsTheActivations() {
        QFETCH(bool, isInput);
        QFETCH(bool, isWeight);
        QFETCH(bool, isFloat);
        QFETCH(int, granularity);
        QFETCH(bool, isNeeded);
        SiteQuant site;
        if (!isFloat) {
            site.bits = BitWidth(8);
        }
        site.granularity = {static_cast<Granularity::Kind>(granularity), 4};
        QuantConfig config;
        LayerQuant& layer = config.layers[LayerId("conv")];
        (isInput ? config.input : isWeight ? layer.weight : layer.output) = site;
        QVERIFY((channelDetailFor(config) == ChannelDetail::Histograms) == isNeeded);
    }

    /// Every registered method is asked; with its parameters, as they decide what it reads.
    void followsTheMethods_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<double>("balance");
        QTest::addColumn<bool>("isNeeded");
        QTest::newRow("equalization by error") << "cross_layer_equalization" << 0.0 << true;
        QTest::newRow("equalization of weights") << "cross_layer_equalization" << 1.0 << false;
        QTest::newRow("learned rounding") << "ada_round" << -1.0 << false;
    }
    void followsTheMethods() {
        QFETCH(QString, name);
        QFETCH(double, balance);
        QFETCH(bool, isNeeded);
        MethodSpec method{name.toStdString(), {}};
        if (balance >= 0) {
            method.params["balance"] = balance;
        }
        QuantConfig config;
        config.postTraining = {method};
        QVERIFY((channelDetailFor(config) == ChannelDetail::Histograms) == isNeeded);
    }

    void anUnknownMethodIsAnError() {
        QuantConfig config;
        config.postTraining = {{"no_such_method", {}}};
        QVERIFY_EXCEPTION_THROWN(channelDetailFor(config), Error);
    }

    void nothingConfiguredNeedsNothing() { QVERIFY(channelDetailFor({}) == ChannelDetail::Extrema); }
};

QTEST_APPLESS_MAIN(TestNeededDetail)
#include "test_needed_detail.moc"
