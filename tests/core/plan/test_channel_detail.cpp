#include "core/plan/channel_detail.h"

#include <QtTest>

using namespace bitlathe::core;

class TestChannelDetail : public QObject {
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

    void nothingConfiguredNeedsNothing() { QVERIFY(channelDetailFor({}) == ChannelDetail::Extrema); }
};

QTEST_APPLESS_MAIN(TestChannelDetail)
#include "test_channel_detail.moc"
