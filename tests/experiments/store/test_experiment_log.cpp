#include "core/types/error.h"
#include "experiments/store/experiment_log.h"
#include "experiments/store/run_folder.h"
#include "tests/support/log_fixtures.h"

#include <QTemporaryDir>
#include <QtTest>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace bitlathe;
using namespace bitlathe::experiments;
using bitlathe::tests::sampleRun;

namespace {

std::vector<std::string> namesOf(const std::vector<RunRecord>& runs) {
    std::vector<std::string> names;
    for (const RunRecord& run : runs) {
        names.push_back(run.what.name);
    }
    return names;
}

using Names = std::vector<std::string>;

}  // namespace

class TestExperimentLog : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::unique_ptr<ExperimentLog> m_log;

    std::string path(const char* name) const { return m_folder.filePath(name).toStdString(); }
    RunId add(const std::string& name, std::optional<double> top1 = {},
              const std::string& group = "group-1") {
        const RunId id = m_log->beginRun(sampleRun(name, group));
        if (top1) {
            m_log->addMetric(id, {"top1", *top1, "%", 10000, {}, {}});
        }
        return id;
    }

private Q_SLOTS:
    void init() {
        QFile::remove(m_folder.filePath("log.db"));
        QFile::remove(m_folder.filePath("log.db-wal"));
        QFile::remove(m_folder.filePath("log.db-shm"));
        m_log = ExperimentLog::open(path("log.db"));
    }
    void cleanup() { m_log.reset(); }

    void aRowIsRunningBeforeTheWorkAndWholeAfter() {
        const NewRun given = sampleRun();
        const RunId id = m_log->beginRun(given);
        RunRecord run = m_log->run(id);
        QCOMPARE(run.status, RunStatus::Running);
        QVERIFY(run.finishedAt.empty());
        QCOMPARE(run.startedAt.size(), std::string("2026-01-01T00:00:00.000Z").size());

        m_log->finishRun(id, RunStatus::Failed, "layer conv1: no range");
        run = m_log->run(id);
        QCOMPARE(run.status, RunStatus::Failed);
        QCOMPARE(run.error, std::string("layer conv1: no range"));
        QVERIFY(run.finishedAt >= run.startedAt);
        QVERIFY(run.elapsedMs >= 0 && run.elapsedMs < 60'000);

        QCOMPARE(run.what.name, given.name);
        QCOMPARE(run.what.recipeName, given.recipeName);
        QCOMPARE(run.what.groupId, given.groupId);
        QCOMPARE(run.what.recipeJson, given.recipeJson);
        QCOMPARE(run.what.configJson, given.configJson);
        QCOMPARE(run.what.modelPath, given.modelPath);
        QCOMPARE(run.what.modelHash, given.modelHash);
        QCOMPARE(run.what.dataHash, given.dataHash);
        QCOMPARE(run.what.configHash, given.configHash);
        QCOMPARE(run.what.deviceId, given.deviceId);
        QCOMPARE(run.what.seed.value, given.seed.value);
        QCOMPARE(run.what.threads, given.threads);
        QVERIFY(run.what.environment == given.environment);
    }

    void everythingIsThereAfterReopening() {
        const RunId id = add("kept", 91.25);
        m_log->finishRun(id, RunStatus::Succeeded);
        m_log.reset();
        m_log = ExperimentLog::open(path("log.db"));
        QCOMPARE(m_log->run(id).status, RunStatus::Succeeded);
        QCOMPARE(m_log->run(id).metrics.at("top1").value, 91.25);
    }

    void metricsKeepTheirUncertainty() {
        const RunId id = add("a");
        m_log->addMetric(id, {"top1", 91.0, "%", 10000, 90.4, 91.5});
        m_log->addMetric(id, {"loss", std::numeric_limits<double>::quiet_NaN(), "nats", 0, {}, {}});
        m_log->addMetric(id, {"sqnr", std::numeric_limits<double>::infinity(), "dB", 0, {}, {}});
        m_log->addMetric(id, {"top1", 92.0, "%", 10000, 91.4, 92.5});  // the newest value counts
        const auto metrics = m_log->run(id).metrics;
        QCOMPARE(metrics.size(), std::size_t{3});
        QCOMPARE(metrics.at("top1").value, 92.0);
        QCOMPARE(metrics.at("top1").unit, std::string("%"));
        QCOMPARE(metrics.at("top1").samples, std::int64_t{10000});
        QCOMPARE(metrics.at("top1").lower95.value(), 91.4);
        QCOMPARE(metrics.at("top1").upper95.value(), 92.5);
        QVERIFY(std::isnan(metrics.at("loss").value));
        QVERIFY(!metrics.at("loss").lower95);
        QVERIFY(std::isinf(metrics.at("sqnr").value));
        QVERIFY(m_log->metricNames() == Names({"loss", "sqnr", "top1"}));
    }

    void layerStatisticsKeepTheirOrder() {
        const RunId id = add("a");
        m_log->addLayerStatistics(
            id, {{core::LayerId("z"), "weight", "bits", 4}, {core::LayerId("a"), "output", "bits", 8}});
        m_log->addLayerStatistics(id, {{core::LayerId("m"), "", "rom_bytes", 123}});
        const auto statistics = m_log->layerStatistics(id);
        QCOMPARE(statistics.size(), std::size_t{3});
        QCOMPARE(statistics[0].layer.str(), std::string("z"));
        QCOMPARE(statistics[0].site, std::string("weight"));
        QCOMPARE(statistics[0].name, std::string("bits"));
        QCOMPARE(statistics[0].value, 4.0);
        QCOMPARE(statistics[1].layer.str(), std::string("a"));
        QCOMPARE(statistics[2].name, std::string("rom_bytes"));
    }

    void artefactsAreListed() {
        const RunId id = add("a");
        m_log->addArtefact(id, {"onnx_qdq", "/somewhere/model.onnx", std::string(64, 'f'), 654321});
        const auto artefacts = m_log->artefacts(id);
        QCOMPARE(artefacts.size(), std::size_t{1});
        QCOMPARE(artefacts[0].kind, std::string("onnx_qdq"));
        QCOMPARE(artefacts[0].path, std::string("/somewhere/model.onnx"));
        QCOMPARE(artefacts[0].sha256, std::string(64, 'f'));
        QCOMPARE(artefacts[0].sizeBytes, std::int64_t{654321});
    }

    void aListLeavesTheLargeTextsOut() {
        add("a", 90.0);
        const auto runs = m_log->runs({});
        QCOMPARE(runs.size(), std::size_t{1});
        QVERIFY(runs[0].what.recipeJson.empty());
        QVERIFY(runs[0].what.configJson.empty());
        QVERIFY(runs[0].what.environment.empty());
        QCOMPARE(runs[0].what.modelHash, std::string(64, 'a'));
        QCOMPARE(runs[0].metrics.at("top1").value, 90.0);
    }

    void sortsByMetricWithTheUnmeasuredLast_data() {
        QTest::addColumn<bool>("isFiltered");
        QTest::newRow("all") << false;
        QTest::newRow("filtered") << true;
    }
    void sortsByMetricWithTheUnmeasuredLast() {
        QFETCH(bool, isFiltered);
        add("none 1");
        add("low", 10.0);
        add("high", 90.0);
        add("none 2");
        add("middle", 50.0);
        add("not a number", std::numeric_limits<double>::quiet_NaN());
        RunQuery query;
        query.text = isFiltered ? "demo" : "";
        query.sortBy = "top1";
        QVERIFY(namesOf(m_log->runs(query)) ==
                Names({"high", "middle", "low", "not a number", "none 2", "none 1"}));
        query.isDescending = false;
        QVERIFY(namesOf(m_log->runs(query)) ==
                Names({"low", "middle", "high", "none 1", "none 2", "not a number"}));
        // Pages of every size join to the whole list.
        for (std::int64_t size = 1; size <= 6; ++size) {
            Names all;
            for (std::int64_t offset = 0; offset < 6; offset += size) {
                query.limit = size;
                query.offset = offset;
                for (const std::string& name : namesOf(m_log->runs(query))) {
                    all.push_back(name);
                }
            }
            QVERIFY2(all == Names({"low", "middle", "high", "none 1", "none 2", "not a number"}),
                     qPrintable(QString::number(size)));
        }
    }

    void sortsByColumns_data() {
        QTest::addColumn<QString>("column");
        QTest::addColumn<bool>("isDescending");
        QTest::addColumn<QStringList>("expected");
        QTest::newRow("id up") << "id" << false << QStringList{"b", "A", "c"};
        QTest::newRow("id down") << "id" << true << QStringList{"c", "A", "b"};
        QTest::newRow("name up") << "name" << false << QStringList{"A", "b", "c"};
        QTest::newRow("status up") << "status" << false << QStringList{"A", "b", "c"};
        QTest::newRow("started down") << "started" << true << QStringList{"c", "A", "b"};
        QTest::newRow("a metric nobody has") << "loss" << true << QStringList{"c", "A", "b"};
    }
    void sortsByColumns() {
        QFETCH(QString, column);
        QFETCH(bool, isDescending);
        QFETCH(QStringList, expected);
        const RunId b = add("b");
        const RunId a = add("A");
        const RunId c = add("c");
        m_log->finishRun(a, RunStatus::Cancelled);
        m_log->finishRun(b, RunStatus::Failed, "x");
        m_log->finishRun(c, RunStatus::Succeeded);
        RunQuery query;
        query.sortBy = column.toStdString();
        query.isDescending = isDescending;
        QStringList names;
        for (const std::string& name : namesOf(m_log->runs(query))) {
            names << QString::fromStdString(name);
        }
        QCOMPARE(names, expected);
    }

    void filters_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<int>("expected");
        QTest::newRow("nothing") << "" << 3;
        QTest::newRow("name, other case") << "w4A8" << 2;
        QTest::newRow("recipe") << "dem" << 3;
        QTest::newRow("model path") << "mobilenet" << 3;
        QTest::newRow("per cent is no wildcard") << "100%" << 1;
        QTest::newRow("underscore is no wildcard") << "W_A" << 0;
        QTest::newRow("backslash") << "\\" << 0;
        QTest::newRow("quote") << "'" << 0;
        QTest::newRow("no such") << "resnet" << 0;
    }
    void filters() {
        QFETCH(QString, text);
        QFETCH(int, expected);
        add("W4A8 per tensor");
        add("W4A8 per channel");
        add("100% float");
        RunQuery query;
        query.text = text.toStdString();
        QCOMPARE(m_log->runs(query).size(), static_cast<std::size_t>(expected));
        QCOMPARE(m_log->runCount(query), static_cast<std::int64_t>(expected));
        query.sortBy = "top1";
        QCOMPARE(m_log->runs(query).size(), static_cast<std::size_t>(expected));
    }

    void filtersByStatusAndGroup() {
        m_log->finishRun(add("a", {}, "g1"), RunStatus::Succeeded);
        m_log->finishRun(add("b", {}, "g2"), RunStatus::Succeeded);
        add("c", {}, "g2");
        RunQuery query;
        query.status = RunStatus::Succeeded;
        QVERIFY(namesOf(m_log->runs(query)) == Names({"b", "a"}));
        query.groupId = "g2";
        QVERIFY(namesOf(m_log->runs(query)) == Names({"b"}));
        QCOMPARE(m_log->runCount(query), std::int64_t{1});
        QCOMPARE(m_log->runCount({}), std::int64_t{3});
    }

    void alsoLongListsHaveTheirMetrics() {
        for (int i = 0; i < 2100; ++i) {
            add("run " + std::to_string(i), i);
        }
        const auto runs = m_log->runs({});
        QCOMPARE(runs.size(), std::size_t{2100});
        for (const RunRecord& run : runs) {
            QCOMPARE(run.metrics.at("top1").value, static_cast<double>(run.id.value - runs.back().id.value));
        }
    }

    void keepsSeriesByNameInOrderOfTheStep() {
        const RunId id = add("training");
        m_log->addMetricSteps(id, {{"top1", 2, 85.5}, {"train_loss", 2, 0.5}});
        m_log->addMetricSteps(id, {{"top1", 1, 80.25}, {"top1", 2, 86.0}});
        m_log->addMetricSteps(id, {{"train_loss", 1.5, std::numeric_limits<double>::quiet_NaN()}});
        m_log->addMetricSteps(add("another"), {{"top1", 1, 1.0}});
        const std::vector<MetricStep> steps = m_log->metricSteps(id);
        QCOMPARE(steps.size(), std::size_t{4});
        QVERIFY(steps[0] == (MetricStep{"top1", 1, 80.25}));
        QVERIFY2(steps[1] == (MetricStep{"top1", 2, 86.0}), "a repeated epoch replaces the old point");
        QCOMPARE(steps[2].step, 1.5);
        QVERIFY(std::isnan(steps[2].value));
        QVERIFY(steps[3] == (MetricStep{"train_loss", 2, 0.5}));
        QVERIFY2(m_log->run(id).metrics.empty(), "a series is no metric of the run");
        m_log->removeRun(id);
        QVERIFY(m_log->metricSteps(id).empty());
    }

    void renamesAndRemoves() {
        const RunId id = add("before", 1.0);
        m_log->addLayerStatistics(id, {{core::LayerId("a"), "", "x", 1}});
        m_log->addArtefact(id, {"k", "/p", "", 0});
        m_log->renameRun(id, "after");
        QCOMPARE(m_log->run(id).what.name, std::string("after"));
        m_log->removeRun(id);
        QCOMPARE(m_log->runCount({}), std::int64_t{0});
        QVERIFY(m_log->layerStatistics(id).empty());
        QVERIFY(m_log->artefacts(id).empty());
        QVERIFY(m_log->metricNames().empty());
        const RunId next = add("next");
        QVERIFY2(next > id, "the id of a removed run must not come back");
    }

    void aRunsFilesGoWithIt() {
        const RunId id = add("trained");
        const RunId other = add("other");
        const std::filesystem::path folder = makeRunFolder(*m_log, id);
        const std::filesystem::path kept = makeRunFolder(*m_log, other);
        std::ofstream(folder / "checkpoint.blck") << "state";
        std::ofstream(kept / "checkpoint.blck") << "state";
        const std::filesystem::path exported = path("exported.onnx");
        std::ofstream(exported) << "model";
        m_log->addArtefact(id, {"onnx", exported.string(), "", 5});
        m_log->removeRun(id);
        QVERIFY(!std::filesystem::exists(folder));
        QVERIFY(std::filesystem::exists(kept / "checkpoint.blck"));
        QVERIFY2(std::filesystem::exists(exported), "what was exported is the user's");
    }

    void refusesWhatCannotBe() {
        const RunId id = add("a");
        const RunId absent{id.value + 100};
        m_log->finishRun(id, RunStatus::Succeeded);
        QVERIFY_EXCEPTION_THROWN(m_log->finishRun(id, RunStatus::Failed, ""), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->finishRun(add("b"), RunStatus::Running, ""), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->run(absent), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->addMetric(absent, {"top1", 1, "%", 0, {}, {}}), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->addMetricSteps(absent, {}), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->addLayerStatistics(absent, {}), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->addArtefact(absent, {}), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->removeRun(absent), core::Error);
        QVERIFY_EXCEPTION_THROWN(m_log->renameRun(absent, "x"), core::Error);
        QCOMPARE(m_log->run(id).status, RunStatus::Succeeded);
    }

    void dataVersionTellsOfOthersWriting() {
        const auto other = ExperimentLog::open(path("log.db"));
        const std::int64_t before = m_log->dataVersion();
        QCOMPARE(m_log->dataVersion(), before);
        other->beginRun(sampleRun());
        QVERIFY(m_log->dataVersion() != before);
    }

    void statisticsComeBackByModelAndData() {
        core::Statistics statistics;
        statistics.modelHash = "m";
        statistics.dataHash = "d";
        core::SiteStatistics site;
        const std::vector<float> values{-1.5F, 0.0F, 0.25F, 3.0F};
        site.count = values.size();
        site.samples = 2;
        site.minimum = -1.5;
        site.maximum = 3.0;
        site.sum = 1.75;
        site.histogram.add(values);
        statistics.sites[{core::kInputLayer, core::SiteKind::Output}] = site;
        statistics.sites[{core::LayerId("conv"), core::SiteKind::Weight}] = site;
        m_log->storeStatistics(statistics);
        statistics.sites.erase({core::LayerId("conv"), core::SiteKind::Weight});
        m_log->storeStatistics(statistics);  // replaces

        QVERIFY(!m_log->findStatistics("m", "other"));
        QVERIFY(!m_log->findStatistics("other", "d"));
        const auto found = m_log->findStatistics("m", "d");
        QVERIFY(found.has_value());
        QCOMPARE(found->modelHash, std::string("m"));
        QCOMPARE(found->sites.size(), std::size_t{1});
        const core::SiteStatistics* back = found->find({core::kInputLayer, core::SiteKind::Output});
        QVERIFY(back != nullptr);
        QCOMPARE(back->sum, 1.75);
        QVERIFY(back->histogram.counts() == site.histogram.counts());
    }

    void statusNamesAreStable() {
        for (const char* name : {"running", "succeeded", "failed", "cancelled", "interrupted"}) {
            QCOMPARE(std::string(runStatusName(runStatusFromName(name))), std::string(name));
        }
        QVERIFY_EXCEPTION_THROWN(runStatusFromName("done"), core::Error);
    }

    void theDefaultPathFollowsXdg() {
        qputenv("XDG_DATA_HOME", "/data/home");
        QCOMPARE(defaultLogPath(), std::string("/data/home/bitlathe/experiments.db"));
        qputenv("XDG_DATA_HOME", "relative");
        qputenv("HOME", "/home/user");
        QCOMPARE(defaultLogPath(), std::string("/home/user/.local/share/bitlathe/experiments.db"));
    }
};

QTEST_GUILESS_MAIN(TestExperimentLog)
#include "test_experiment_log.moc"
