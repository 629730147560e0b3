#include "core/zoo/zoo.h"
#include "experiments/jobs/calibrate_job.h"
#include "experiments/jobs/evaluate_job.h"
#include "experiments/jobs/export_job.h"
#include "experiments/jobs/job_runner.h"
#include "experiments/jobs/layer_errors_job.h"
#include "experiments/jobs/open_model_job.h"
#include "tests/support/fake_engine.h"
#include "tests/support/patience.h"

#include <QDir>
#include <QSemaphore>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>

#include <stdexcept>

using namespace bitlathe;
using namespace bitlathe::experiments;

namespace {

constexpr const char* kZooName = "mobilenet_v1";
const core::ParamValues kZooParams{
    {"width", 0.25}, {"size", 32}, {"channels", 1}, {"classes", 10}, {"stem_stride", 1}};

core::DataSpec paddedFashionMnist() {
    core::DataSpec data;
    data.pad = 2;
    data.mean = {73};
    data.scale = {90};
    return data;
}

/// A runner over a fake engine, a log in a folder of its own, and what its jobs handed out.
struct Fixture {
    QTemporaryDir folder;
    std::string logPath = folder.filePath("log.db").toStdString();
    std::shared_ptr<tests::FakeEngine> engine = std::make_shared<tests::FakeEngine>();
    EngineHost host{[this] { return engine; }};
    JobRunner runner{host};
    QSignalSpy idle{&runner, &JobRunner::idle};
    LogTarget target{logPath, std::make_shared<const core::DeviceCatalogue>(
                                  core::DeviceCatalogue::load(BITLATHE_SOURCE_DIR "/resources/devices"))};

    std::shared_ptr<const OpenedModel> opened;
    std::shared_ptr<const Calibration> calibration;
    std::shared_ptr<const LayerErrors> errors;
    std::shared_ptr<const ExportedFiles> exported;
    std::vector<std::shared_ptr<const VariantResult>> variants;
    std::vector<std::shared_ptr<const core::EpochReport>> epochs;

    Fixture() {
        engine->graph = core::buildZooModel(kZooName, kZooParams, {1});
        QObject::connect(&runner, &JobRunner::modelOpened,
                         [this](JobId, const auto& value) { opened = value; });
        QObject::connect(&runner, &JobRunner::calibrated,
                         [this](JobId, const auto& value) { calibration = value; });
        QObject::connect(&runner, &JobRunner::layerErrorsMeasured,
                         [this](JobId, const auto& value) { errors = value; });
        QObject::connect(&runner, &JobRunner::exported,
                         [this](JobId, const auto& value) { exported = value; });
        QObject::connect(&runner, &JobRunner::variantFinished,
                         [this](JobId, const auto& value) { variants.push_back(value); });
        QObject::connect(&runner, &JobRunner::epochFinished,
                         [this](JobId, const auto& value) { epochs.push_back(value); });
    }

    /// Runs a job to its end; returns its outcome.
    JobOutcome run(std::unique_ptr<Job> job) {
        const JobId id = runner.enqueue(std::move(job));
        if (runner.isBusy() && !idle.wait(tests::kPatienceMs)) {
            throw std::runtime_error("the job does not end");
        }
        return runner.find(id)->outcome;
    }
    std::shared_ptr<const core::PreparedModel> model() {
        if (!opened) {
            run(std::make_unique<OpenModelJob>(zoo(), core::Seed{5}));
        }
        return opened->model;
    }
    static ModelSource zoo() {
        ModelSource source;
        source.zoo = kZooName;
        source.zooParams = kZooParams;
        return source;
    }
    std::unique_ptr<Job> calibrateJob() {
        return std::make_unique<CalibrateJob>(CalibrateJob::Input{
            model(), paddedFashionMnist(), {core::DataSplit::Train, 64, 32}, {5}, 1, logPath});
    }
    Bench bench() const {
        Bench bench;
        bench.model = zoo();
        bench.data = paddedFashionMnist();
        bench.device = "stm32f411re";
        bench.seed = {5};
        bench.calibration = {core::DataSplit::Train, 64, 32};
        bench.evaluation = {core::DataSplit::Test, 200, 50};
        return bench;
    }
    core::QuantConfig config(int weightBits) {
        core::SiteQuant output;
        output.bits = core::BitWidth(8);
        core::SiteQuant weight = output;
        weight.bits = core::BitWidth(weightBits);
        weight.quantizer = {"symmetric", {}};
        core::QuantConfig config;
        config.input = output;
        for (const core::Layer& layer : model()->layers) {
            if (layer.isQuantizable) {
                config.layers[layer.id] = {layer.hasWeights() ? weight : core::SiteQuant{}, output,
                                           core::BatchNormMode::Folded};
            }
        }
        return config;
    }
};

}  // namespace

class TestJobKinds : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void openingMeasuresTheWeights() {
        Fixture f;
        ModelSource source;
        source.file = "folder/net.pt";
        QCOMPARE(f.run(std::make_unique<OpenModelJob>(source)).kind, JobOutcome::Kind::Succeeded);
        QVERIFY(f.opened);
        QCOMPARE(f.runner.find(JobId{1})->name, std::string("net.pt"));
        std::size_t layersWithWeights = 0;
        for (const core::Layer& layer : f.opened->model->layers) {
            const core::SiteStatistics* const site =
                f.opened->weightStatistics->find({layer.id, core::SiteKind::Weight});
            QCOMPARE(site != nullptr, layer.hasWeights());
            if (site != nullptr) {
                QCOMPARE(static_cast<std::int64_t>(site->count), layer.weightCount);
                ++layersWithWeights;
            }
        }
        QVERIFY(layersWithWeights > 20);
        QCOMPARE(f.opened->weightStatistics->modelHash, f.opened->model->hash);
    }

    // A network of the zoo opens although the engine is missing.
    void zooModelsNeedNoEngine() {
        EngineHost host([]() -> std::shared_ptr<core::Engine> {
            throw core::Error(core::ErrorCode::EngineUnavailable, "no LibTorch");
        });
        JobRunner runner(host);
        QSignalSpy opened(&runner, &JobRunner::modelOpened);
        runner.enqueue(std::make_unique<OpenModelJob>(Fixture::zoo()));
        QVERIFY(opened.wait(tests::kPatienceMs));
    }

    void aForeignFileFailsWithItsReason() {
        Fixture f;
        f.engine->graph = {};
        ModelSource source;
        source.file = "picture.png";
        const JobOutcome outcome = f.run(std::make_unique<OpenModelJob>(source));
        QCOMPARE(outcome.kind, JobOutcome::Kind::Failed);
        QCOMPARE(*outcome.code, core::ErrorCode::ModelFormat);
        QVERIFY(outcome.text.find("picture.png") != std::string::npos);
        QVERIFY(!f.opened);
    }

    void calibrationIsCachedInTheLog() {
        Fixture f;
        QCOMPARE(f.run(f.calibrateJob()).kind, JobOutcome::Kind::Succeeded);
        QVERIFY(!f.calibration->isFromCache);
        QVERIFY(f.calibration->statistics->find({core::kInputLayer, core::SiteKind::Output}) != nullptr);
        QCOMPARE(f.run(f.calibrateJob()).kind, JobOutcome::Kind::Succeeded);
        QVERIFY(f.calibration->isFromCache);
        QCOMPARE(f.engine->calibrations, 1);
    }

    void evaluationIsARunOfTheLogAndSharesTheCalibration() {
        Fixture f;
        f.run(f.calibrateJob());
        const JobOutcome outcome =
            f.run(std::make_unique<EvaluateJob>(f.bench(), f.config(4), "W4A8", f.target));
        QVERIFY2(outcome.kind == JobOutcome::Kind::Succeeded, outcome.text.c_str());
        QCOMPARE(f.engine->calibrations, 1);
        QCOMPARE(f.variants.size(), std::size_t{1});
        QCOMPARE(f.variants.front()->evaluation.samples, std::int64_t{200});
        const auto log = ExperimentLog::open(f.logPath);
        const RunRecord row = log->run(f.variants.front()->run);
        QCOMPARE(row.what.name, std::string("W4A8"));
        QCOMPARE(row.status, RunStatus::Succeeded);
        QCOMPARE(row.metrics.at("mean_weight_bits").value, 4.0);
    }

    // Cancelled in the middle of the evaluation: the row is closed as cancelled.
    void cancellingAnEvaluationClosesItsRow() {
        Fixture f;
        QSemaphore reached;
        QSemaphore gate;
        const core::QuantConfig config = f.config(8);
        f.engine->onStep = [&](const std::string& method, std::int64_t index) {
            if (method == "evaluate" && index == 1) {
                reached.release();
                gate.acquire();
            }
        };
        const JobId id = f.runner.enqueue(std::make_unique<EvaluateJob>(f.bench(), config, "W8A8", f.target));
        reached.acquire();
        f.runner.cancel(id);
        QCOMPARE(f.runner.find(id)->state, JobState::Cancelling);
        gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(f.runner.find(id)->state, JobState::Cancelled);
        QVERIFY(f.variants.empty());
        const auto runs = ExperimentLog::open(f.logPath)->runs();
        QCOMPARE(runs.size(), std::size_t{1});
        QCOMPARE(runs.front().status, RunStatus::Cancelled);
    }

    void trainingReportsItsEpochsAsTheyCome() {
        Fixture f;
        Recipe recipe = recipeOf(f.bench(), f.config(8), "W8A8");
        TrainStage train;
        train.options.epochs = 3;
        recipe.stages.insert(recipe.stages.begin(), train);
        const JobOutcome outcome = f.run(std::make_unique<RunRecipeJob>(recipe, f.target));
        QVERIFY2(outcome.kind == JobOutcome::Kind::Succeeded, outcome.text.c_str());
        QCOMPARE(f.epochs.size(), std::size_t{3});
        QCOMPARE(f.epochs.back()->epoch, std::int64_t{3});
        const JobInfo* const job = f.runner.find(f.runner.jobs().back());
        QCOMPARE(job->epochs.size(), std::size_t{3});
    }

    void layerErrorsCoverEveryLayer() {
        Fixture f;
        f.run(f.calibrateJob());
        LayerErrorsJob::Input input{
            {f.model(), f.calibration->statistics, f.config(4), paddedFashionMnist(), {}, {}, 1},
            {core::DataSplit::Test, 100, 50}};
        QCOMPARE(f.run(std::make_unique<LayerErrorsJob>(input)).kind, JobOutcome::Kind::Succeeded);
        QCOMPARE(f.errors->layers.size(), f.model()->layers.size());
        QCOMPARE(f.errors->samples, std::int64_t{100});
    }

    void exportWritesFilesAndRefusesWithoutCalibration() {
        Fixture f;
        f.run(f.calibrateJob());
        const std::string folder = f.folder.filePath("out").toStdString();
        ExportJob::Input input{
            {f.model(), f.calibration->statistics, f.config(8), {}, {}, {}, 1}, {"onnx_qdq", {}}, folder};
        const JobOutcome outcome = f.run(std::make_unique<ExportJob>(input));
        QVERIFY2(outcome.kind == JobOutcome::Kind::Succeeded, outcome.text.c_str());
        QVERIFY(!f.exported->files.empty());
        for (const std::string& file : f.exported->files) {
            QVERIFY2(QFile::exists(QString::fromStdString(file)), file.c_str());
        }
        input.source.statistics = std::make_shared<const core::Statistics>();
        const JobOutcome refused = f.run(std::make_unique<ExportJob>(input));
        QCOMPARE(refused.kind, JobOutcome::Kind::Failed);
        QCOMPARE(*refused.code, core::ErrorCode::NotCalibrated);
    }

    // The engine's methods are called by one thread only, however many jobs there are.
    void theEngineHasOneThread() {
        Fixture f;
        f.run(f.calibrateJob());
        f.run(std::make_unique<EvaluateJob>(f.bench(), f.config(8), "W8A8", f.target));
        QVERIFY(f.engine->callers.size() > 2);
        for (const std::thread::id caller : f.engine->callers) {
            QVERIFY(caller == f.engine->callers.front());
            QVERIFY(caller != std::this_thread::get_id());
        }
    }

    void logThatCannotBeOpenedFailsTheJob() {
        Fixture f;
        f.target.logPath = "/proc/no/log.db";
        const JobOutcome outcome =
            f.run(std::make_unique<EvaluateJob>(f.bench(), f.config(8), "W8A8", f.target));
        QCOMPARE(*outcome.code, core::ErrorCode::LogError);
        QVERIFY(outcome.text.find("/proc/no") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestJobKinds)
#include "test_job_kinds.moc"
