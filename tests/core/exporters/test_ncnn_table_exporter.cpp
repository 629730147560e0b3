#include "core/exporters/ncnn_table_exporter.h"
#include "core/graph/prepare.h"
#include "core/types/error.h"

#include <QtTest>

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

#include <algorithm>

using namespace bitlathe::core;

namespace {

const SiteId kInput{kInputLayer, SiteKind::Output};
const SiteId kStem{LayerId("stem"), SiteKind::Output};
const SiteId kStemWeight{LayerId("stem"), SiteKind::Weight};
const SiteId kGroupedWeight{LayerId("dw/1"), SiteKind::Weight};

/// input 1x4x4 -> stem: 3x3, 2 channels -> dw/1: 3x3 in 2 groups of 2 channels each.
PreparedModel twoConvolutions() {
    Graph graph;
    graph.name = "two convs";
    graph.append("input", InputOp{}, {});
    Conv2dOp stem;
    stem.weight = FloatTensor({2, 1, 3, 3}, std::vector<float>(18, 0.5F));
    stem.padding = {1, 1, 1, 1};
    const NodeId first = graph.append("stem", stem, {0});
    Conv2dOp grouped;
    std::vector<float> weights(36, 0.25F);
    std::fill_n(weights.begin() + 18, 18, 0.0F);  // the second group has no weights
    grouped.weight = FloatTensor({4, 1, 3, 3}, weights);
    grouped.padding = {1, 1, 1, 1};
    grouped.groups = 2;
    graph.output = graph.append("dw/1", grouped, {first});
    return prepare(graph, {1, 4, 4});
}

QParams grid(std::vector<float> scale, std::int32_t zeroPoint, std::int32_t quantMin, std::int32_t quantMax) {
    QParams result;
    result.zeroPoint.assign(scale.size(), zeroPoint);
    result.quantMin = quantMin;
    result.quantMax = quantMax;
    if (scale.size() > 1) {
        result.axis = 0;
    }
    result.scale = std::move(scale);
    return result;
}

QuantPlan signedPlan() {
    QuantPlan plan;
    plan.sites[kInput] = grid({0.5F}, 0, -127, 127);
    plan.sites[kStem] = grid({0.25F}, 0, -128, 127);
    plan.sites[kStemWeight] = grid({0.125F, 0.0625F}, 0, -127, 127);
    plan.sites[kGroupedWeight] = grid({0.5F, 1.0F, 1.0F, 1.0F}, 0, -128, 127);
    return plan;
}

QByteArray tableOf(const PreparedModel& model, const QuantPlan& plan, const ParamValues& params = {}) {
    const QTemporaryDir folder;
    const std::string path = exporterRegistry()
                                 .create({"ncnn_table", params})
                                 ->write(model, plan, folder.path().toStdString())
                                 .at(0);
    QFile file(QString::fromStdString(path));
    return path.ends_with("/two_convs.table") && file.open(QIODevice::ReadOnly) ? file.readAll()
                                                                                : QByteArray();
}

std::vector<ExportCheck> checksOf(const QuantPlan& plan) {
    return exporterRegistry().create({"ncnn_table", {}})->check(twoConvolutions(), plan);
}

}  // namespace

class TestNcnnTableExporter : public QObject {
    Q_OBJECT

private Q_SLOTS:
    /// Steps of powers of two, so their reciprocals are exact: 1/0.125, 1/0.0625; of the first group the coarser step.
    void scalesAreTheReciprocalsOfSteps() {
        QCOMPARE(tableOf(twoConvolutions(), signedPlan()), QByteArray("stem_param_0 8 16\n"
                                                                      "dw/1_param_0 1 0\n"
                                                                      "stem 2\n"
                                                                      "dw/1 4\n"));
        QVERIFY(checksOf(signedPlan()).empty());
    }

    void oneScaleOfTheTensorIsEveryChannels() {
        QuantPlan plan = signedPlan();
        plan.sites[kStemWeight] = grid({0.125F}, 0, -127, 127);
        QVERIFY(tableOf(twoConvolutions(), plan).startsWith("stem_param_0 8 8\n"));
    }

    /// 31 / (127 * 0.125): the stem alone, for ncnn has no Winograd of groups.
    void winogradHasSixBits() {
        QCOMPARE(tableOf(twoConvolutions(), signedPlan(), {{"winograd_headroom", 1}}).split('\n').at(0),
                 QByteArray("stem_param_0 1.95275591 3.90551181"));
        QCOMPARE(tableOf(twoConvolutions(), signedPlan(), {{"winograd_headroom", 1}}).split('\n').at(1),
                 QByteArray("dw/1_param_0 1 0"));
    }

    /// Codes 0..255 of step 1 reach 255, which ncnn spreads over 127 codes; a remark says so.
    void anUnsignedInputKeepsItsReach() {
        QuantPlan plan = signedPlan();
        plan.sites[kInput] = grid({1.0F}, 0, 0, 255);
        QVERIFY(tableOf(twoConvolutions(), plan).contains("\nstem 0.498039216\n"));
        const std::vector<ExportCheck> checks = checksOf(plan);
        QCOMPARE(checks.size(), std::size_t{1});
        QVERIFY(!checks[0].isBlocking);
        QVERIFY2(checks[0].message.find("0..255") != std::string::npos, checks[0].message.c_str());
    }

    void aLayerWithAFloatSideStaysFloat() {
        QuantPlan plan = signedPlan();
        plan.sites.erase(kStemWeight);
        QCOMPARE(tableOf(twoConvolutions(), plan), QByteArray("dw/1_param_0 1 0\ndw/1 4\n"));
        QVERIFY(checksOf(plan).at(0).message.starts_with("left float: its weights are float"));
    }

    void whatNcnnHasNotIsRefused_data() {
        QTest::addColumn<int>("which");
        QTest::addColumn<QString>("words");
        QTest::newRow("weights of 4 bits") << 0 << "weights: ncnn has symmetric 8-bit codes";
        QTest::newRow("weights with a zero point") << 1 << "weights: ncnn has symmetric 8-bit codes";
        QTest::newRow("input of 16 bits") << 2 << "input: ncnn has one scale";
        QTest::newRow("input with a scale per channel") << 3 << "input: ncnn has one scale";
        QTest::newRow("corrected weights") << 4 << "its corrected weights lie on no grid";
        QTest::newRow("nothing quantized") << 5 << "the table would be empty";
    }
    void whatNcnnHasNotIsRefused() {
        QFETCH(int, which);
        QFETCH(QString, words);
        QuantPlan plan = signedPlan();
        switch (which) {
        case 0:
            plan.sites[kStemWeight] = grid({0.125F}, 0, -7, 7);
            break;
        case 1:
            plan.sites[kStemWeight] = grid({0.125F}, 3, -128, 127);
            break;
        case 2:
            plan.sites[kInput] = grid({0.5F}, 0, -32767, 32767);
            break;
        case 3:
            plan.sites[kStem] = grid({0.5F, 0.25F}, 0, -127, 127);
            break;
        case 4:
            plan.weightAffine[LayerId("stem")] = {{1, 1}, {0, 0}};
            break;
        default:
            plan.sites.clear();
        }
        const QTemporaryDir folder;
        const QString out = folder.filePath("out");
        try {
            NcnnTableExporter(false).write(twoConvolutions(), plan, out.toStdString());
            QFAIL("written");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidConfig);
            QVERIFY2(QString::fromStdString(error.what()).contains(words), error.what());
        }
        QVERIFY(!QDir(out).exists());
    }
};

QTEST_GUILESS_MAIN(TestNcnnTableExporter)
#include "test_ncnn_table_exporter.moc"
