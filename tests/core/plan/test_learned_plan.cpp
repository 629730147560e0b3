#include "core/graph/prepare.h"
#include "core/plan/learned_plan.h"
#include "core/zoo/zoo.h"

#include <QTest>

using namespace bitlathe::core;

namespace {

const LayerId kStem("stem");
const SiteId kStemWeight{kStem, SiteKind::Weight};
const SiteId kStemOutput{kStem, SiteKind::Output};

QParams gridOf(float scale) {
    QParams grid;
    grid.scale = {scale};
    grid.zeroPoint = {0};
    grid.quantMin = -8;
    grid.quantMax = 7;
    return grid;
}

QuantConfig fourBits() {
    QuantConfig config;
    config.layers[kStem].weight.bits = BitWidth(4);
    config.layers[kStem].output.bits = BitWidth(4);
    return config;
}

LearnedPlan learned() {
    LearnedPlan plan{fourBits(), {}};
    plan.plan.sites = {{kStemWeight, gridOf(0.5F)}, {kStemOutput, gridOf(0.25F)}};
    return plan;
}

QuantPlan observed() {
    QuantPlan plan;
    plan.sites = {{kStemWeight, gridOf(1)}, {kStemOutput, gridOf(2)}};
    return plan;
}

double scaleOf(const QuantPlan& plan, const SiteId& id) {
    return plan.find(id)->scale[0];
}

}  // namespace

/// A site keeps the grid it was trained with for as long as its choices are those of the training.
class TestLearnedPlan : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void unchangedSitesKeepTheirGrids() {
        QuantPlan plan = observed();
        keepLearnedGrids(plan, fourBits(), learned());
        QCOMPARE(scaleOf(plan, kStemWeight), 0.5);
        QCOMPARE(scaleOf(plan, kStemOutput), 0.25);
    }

    void anEditedSiteIsRangedAnew() {
        QuantConfig config = fourBits();
        config.layers[kStem].output.bits = BitWidth(3);
        QuantPlan plan = observed();
        keepLearnedGrids(plan, config, learned());
        QCOMPARE(scaleOf(plan, kStemWeight), 0.5);
        QCOMPARE(scaleOf(plan, kStemOutput), 2.0);
    }

    /// Folding changes the weights a grid is for, and leaves outputs as they are.
    void anotherBatchNormModeDropsTheWeightsGridAlone() {
        QuantConfig config = fourBits();
        config.layers[kStem].batchNorm = BatchNormMode::Icn;
        QuantPlan plan = observed();
        keepLearnedGrids(plan, config, learned());
        QCOMPARE(scaleOf(plan, kStemWeight), 1.0);
        QCOMPARE(scaleOf(plan, kStemOutput), 0.25);
    }

    void postTrainingMethodsDropThemAll() {
        QuantConfig config = fourBits();
        config.postTraining = {{"cross_layer_equalization", {}}};
        QuantPlan plan = observed();
        keepLearnedGrids(plan, config, learned());
        QCOMPARE(scaleOf(plan, kStemWeight), 1.0);
        QCOMPARE(scaleOf(plan, kStemOutput), 2.0);
    }

    /// A site that is float now has no grid, and none is made for it.
    void floatSitesStayFloat() {
        QuantPlan plan;
        keepLearnedGrids(plan, fourBits(), learned());
        QVERIFY(plan.sites.empty());
    }
};

QTEST_APPLESS_MAIN(TestLearnedPlan)
#include "test_learned_plan.moc"
