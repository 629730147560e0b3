#include "experiments/store/experiment_log.h"

#include <QTemporaryDir>
#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe;
using namespace bitlathe::experiments;

namespace {

core::SensitivityProbe probe(const char* layer, core::SiteKind kind, int bits, float scale) {
    core::SensitivityProbe made;
    made.site = {core::LayerId(layer), kind};
    made.bits = bits;
    made.grid.scale = {scale};
    made.grid.zeroPoint = {0};
    made.grid.quantMax = (1 << bits) - 1;
    return made;
}

}  // namespace

class TestSensitivityCache : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;

private Q_SLOTS:
    void answersComeBackForTheirGridAlone() {
        const auto log = ExperimentLog::open(m_folder.filePath("log.db").toStdString());
        const std::vector<core::SensitivityProbe> probes{probe("a", core::SiteKind::Weight, 4, 0.5F),
                                                         probe("a", core::SiteKind::Output, 4, 0.25F)};
        QVERIFY(log->findSensitivity("model", "data", probes).sites.empty());
        core::SensitivityTable table;
        table.samples = 100;
        table.floatLoss = 0.5;
        table.floatCorrect = 90;
        table.add({probes[0].site, 4, 0.75, 0.125, 20.5, 80});
        table.add({probes[1].site, 4, 0.5, 0.0, std::numeric_limits<double>::infinity(), 90});
        log->storeSensitivity("model", "data", probes, table);

        const core::SensitivityTable found = log->findSensitivity("model", "data", probes);
        QCOMPARE(found.samples, 100);
        QCOMPARE(found.floatLoss, 0.5);
        QCOMPARE(found.floatCorrect, 90);
        const core::Sensitivity* const weights = found.find(probes[0].site, 4);
        QVERIFY(weights != nullptr);
        QCOMPARE(weights->loss, 0.75);
        QCOMPARE(weights->klDivergence, 0.125);
        QCOMPARE(weights->sqnrDb, 20.5);
        QCOMPARE(weights->correct, 80);
        QVERIFY(std::isinf(found.find(probes[1].site, 4)->sqnrDb));

        // Another scale, model or data is another question.
        const std::vector<core::SensitivityProbe> other{probe("a", core::SiteKind::Weight, 4, 0.51F)};
        QVERIFY(log->findSensitivity("model", "data", other).sites.empty());
        QVERIFY(log->findSensitivity("another", "data", probes).sites.empty());
        QVERIFY(log->findSensitivity("model", "more", probes).sites.empty());

        // A second table adds to the set and replaces what it holds again.
        core::SensitivityTable more;
        more.samples = 100;
        more.add({other[0].site, 4, 0.8, 0.2, 10, 70});
        log->storeSensitivity("model", "data", other, more);
        QCOMPARE(log->findSensitivity("model", "data", other).find(other[0].site, 4)->correct, 70);
        QCOMPARE(log->findSensitivity("model", "data", probes).find(probes[0].site, 4)->correct, 80);
    }
};

QTEST_GUILESS_MAIN(TestSensitivityCache)
#include "test_sensitivity_cache.moc"
