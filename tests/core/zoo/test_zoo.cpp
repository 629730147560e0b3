#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"

#include <QtTest>

#include <cmath>

using namespace bitlathe::core;

class TestZoo : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // Published parameter counts (torchvision's model table; MLPerf Tiny), and those of the digest for the
    // bundled nets.
    void parameterCounts_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QVariantMap>("params");
        QTest::addColumn<qint64>("count");
        QTest::addColumn<int>("layers");
        QTest::newRow("mobilenet_v1 0.25 fmnist") << "mobilenet_v1"
                                                  << QVariantMap{{"width", 0.25},
                                                                 {"classes", 10},
                                                                 {"channels", 1},
                                                                 {"size", 32},
                                                                 {"stem_stride", 1}}
                                                  << qint64{215498} << 29;
        QTest::newRow("resnet8 fmnist") << "resnet8" << QVariantMap{{"channels", 1}} << qint64{77754} << 14;
        QTest::newRow("mobilenet_v1") << "mobilenet_v1" << QVariantMap{} << qint64{4231976} << 29;
        QTest::newRow("mobilenet_v2") << "mobilenet_v2" << QVariantMap{} << qint64{3504872} << 64;
        QTest::newRow("resnet18") << "resnet18" << QVariantMap{} << qint64{11689512} << 31;
        QTest::newRow("resnet50") << "resnet50" << QVariantMap{} << qint64{25557032} << 72;
    }
    void parameterCounts() {
        QFETCH(QString, name);
        QFETCH(QVariantMap, params);
        QFETCH(qint64, count);
        QFETCH(int, layers);
        ParamValues values;
        for (auto it = params.begin(); it != params.end(); ++it) {
            values[it.key().toStdString()] = it.value().toDouble();
        }
        const Graph graph = buildZooModel(name.toStdString(), values, Seed{1});
        QCOMPARE(graph.parameterCount(), count);
        QCOMPARE(static_cast<int>(prepare(graph).layers.size()), layers);
    }

    void theSameSeedGivesTheSameWeights() {
        const ParamValues small{{"channels", 1}};
        QCOMPARE(graphHash(buildZooModel("resnet8", small, Seed{7})),
                 graphHash(buildZooModel("resnet8", small, Seed{7})));
        QVERIFY(graphHash(buildZooModel("resnet8", small, Seed{7})) !=
                graphHash(buildZooModel("resnet8", small, Seed{8})));
    }

    void initialWeightsAreHeNormal() {
        const Graph graph = buildZooModel("resnet18", {}, Seed{3});
        const auto& conv = std::get<Conv2dOp>(graph.node(graph.nodes.size() > 5 ? 5 : 1).op);
        double sum = 0;
        double squares = 0;
        for (const float w : conv.weight.values()) {
            sum += w;
            squares += static_cast<double>(w) * w;
        }
        const auto n = static_cast<double>(conv.weight.size());
        const Shape& shape = conv.weight.shape();
        const double expected = 2.0 / static_cast<double>(shape[0] * shape[2] * shape[3]);
        // 36,864 draws: the sample variance of a normal deviates by sqrt(2/n) = 0.7 %, four of those are 3 %.
        QVERIFY(std::abs(squares / n / expected - 1.0) < 0.03);
        QVERIFY(std::abs(sum / n) < 4 * std::sqrt(expected / n));
    }

    void unknownNamesListTheKnown() {
        try {
            buildZooModel("mobilnet", {}, Seed{});
            QFAIL("no error");
        } catch (const Error& error) {
            QVERIFY(QString::fromUtf8(error.what()).contains("mobilenet_v1"));
        }
    }
};

QTEST_APPLESS_MAIN(TestZoo)
#include "test_zoo.moc"
