#pragma once

#include <string>

#include "ui/document/coding_costs.h"
#include "ui/document/project_file.h"
#include "ui/document/quant_document.h"
#include "ui/document/selection.h"
#include "ui/document/training_request.h"

#include "experiments/jobs/job_runner.h"
#include "experiments/jobs/quantized_model.h"
#include "experiments/jobs/run_recipe_job.h"

#include <QObject>
#include <QString>

#include <memory>
#include <optional>

namespace bitlathe::ui {

/// What the window's actions do, without widgets: opens files into the document, saves, and turns the
/// document into jobs. GUI thread. The document is replaced only when a file was read whole; a failure leaves
/// everything as it was.
class Workbench final : public QObject {
    Q_OBJECT

public:
    Workbench(QuantDocument& document, Selection& selection, experiments::JobRunner& jobs, QString logPath,
              QObject* parent = nullptr);

    QuantDocument& document() noexcept { return m_document; }
    Selection& selection() noexcept { return m_selection; }
    experiments::JobRunner& jobs() noexcept { return m_jobs; }
    CodingCosts& codingCosts() noexcept { return m_codingCosts; }
    const QString& logPath() const noexcept { return m_logPath; }

    /// The devices are read after the first window; until then a document keeps its device's id and gets the
    /// device here.
    void setDevices(std::shared_ptr<const core::DeviceCatalogue> devices);
    const std::shared_ptr<const core::DeviceCatalogue>& devices() const noexcept { return m_devices; }
    /// Threads of recipes that do not come from a file.
    void setThreads(int threads) { m_threads = threads; }

    /// .pt, .json (recipe) or .bitlathe, told apart by suffix. Returns at once: `opened` or `failed` follows.
    void openFile(const QString& path);
    /// The same for a recipe that is in no file (a logged run's).
    void openRecipe(experiments::Recipe recipe);
    bool isOpening() const noexcept { return m_opening.has_value(); }
    /// Writes the project and marks the document clean. False after `failed`.
    bool saveProject(const QString& path);
    /// Writes the document as a recipe for the command line. False after `failed`.
    bool saveRecipe(const QString& path);

    /// Ranges without the data: statistics to a file and back. Loading is one undo step; those of another model
    /// are refused. False after `failed`.
    bool saveStatistics(const QString& path);
    bool loadStatistics(const QString& path);

    /// Collects statistics, or finds them in the log's cache.
    void calibrate();
    /// Measures the active configuration: one run.
    void evaluate();
    /// Every configuration and stage of the document: one run each.
    void runRecipe();
    /// Trains as asked: one run, which keeps the trained model. Remembered as what the next training begins with.
    void train(const TrainingRequest& request);
    /// What the last training of this model was asked for, or what suits the active configuration.
    TrainingRequest trainingRequest() const;
    /// Writes the recipe of a training for the command line. False after `failed`.
    bool saveTrainingRecipe(const TrainingRequest& request, const QString& path);
    /// Runs a recipe as it is, the document aside.
    void runThis(experiments::Recipe recipe);
    /// Goes on with a training that ended before its time. `failed` says why when it cannot.
    void resumeTraining(experiments::RunId run);
    /// Opens what a run trained, with the grids it learned.
    void openTrained(experiments::RunId run);
    /// The active configuration's per-layer error on the test data.
    void measureLayerErrors();
    /// What quantizing each tensor alone at each width does, on training images: what a bit search weighs.
    void measureSensitivity();
    /// Measures a configuration that is not the document's: one run.
    void evaluateConfig(const core::QuantConfig& config, const std::string& name);
    /// Writes the active configuration; who asked follows the job and tells how it ended. No job after `failed`.
    experiments::JobId exportModel(const core::MethodSpec& exporter, const QString& folder);
    /// Runs the active configuration's integer model beside the fake-quantized one on the evaluation images: one run.
    void compareIntegers();

    /// Isolated and accumulated error by layer, of the configuration they were measured on; empty before.
    const std::shared_ptr<const experiments::LayerErrors>& layerErrors() const noexcept {
        return m_layerErrors;
    }
    /// Of the model, with the grids of the configuration it was asked for; empty before.
    const std::shared_ptr<const experiments::MeasuredSensitivity>& sensitivity() const noexcept {
        return m_sensitivity;
    }
    /// Whether the configuration was edited since layerErrors() were asked for.
    bool areLayerErrorsStale() const noexcept { return m_layerErrorConfig != m_document.config(); }

Q_SIGNALS:
    void opened(const QString& path);
    void saved(const QString& path);
    void devicesChanged();
    /// The document has statistics of its data now.
    void calibrated();
    /// what: what was tried, in a few words; text: what is wrong, where, what to do.
    void failed(const QString& what, const QString& text);
    /// Something worth a line in the status bar.
    void message(const QString& text);
    void layerErrorsChanged();
    void sensitivityChanged();
    /// A run asked for by compareIntegers() is in the log.
    void integersCompared(bitlathe::experiments::RunId run);

private:
    struct Opening {
        QString path;  ///< empty: a recipe without a file
        experiments::Recipe recipe;
        std::optional<Project> project;
        experiments::JobId job;
    };

    Opening readFile(const QString& path) const;
    void begin(Opening opening);
    void takeModel(experiments::JobId job, const experiments::OpenedModel& model);
    void takeCalibration(experiments::JobId job, const experiments::Calibration& calibration);
    void takeOutcome(experiments::JobId job, const experiments::JobOutcome& outcome);
    bool writeRecipe(const experiments::Recipe& recipe, const QString& path);
    const std::string& activeName() const;
    experiments::LogTarget logTarget() const;
    experiments::ConfiguredModel configuredModel() const;
    void adoptDevice(const std::string& id);
    /// What was edited of the document's device against the catalogue.
    std::optional<DeviceReserve> editedReserve() const;
    /// Empty (after `failed`) when there is no model or no catalogue yet.
    bool isReady(const QString& what);

    QuantDocument& m_document;
    CodingCosts m_codingCosts;
    Selection& m_selection;
    experiments::JobRunner& m_jobs;
    QString m_logPath;
    std::shared_ptr<const core::DeviceCatalogue> m_devices;
    int m_threads = 1;
    std::optional<Opening> m_opening;
    experiments::JobId m_calibration;       ///< newest; older ones are not taken
    bool m_isCalibrationAutomatic = false;  ///< nobody asked: a failure is a line, not a dialog
    experiments::JobId m_layerErrorJob;
    core::QuantConfig m_layerErrorConfig;
    std::shared_ptr<const experiments::LayerErrors> m_layerErrors;
    std::optional<TrainingRequest> m_lastTraining;  ///< of this model
    std::string m_lastTrainingConfig;               ///< name of the configuration it trained
    experiments::JobId m_sensitivityJob;
    std::shared_ptr<const experiments::MeasuredSensitivity> m_sensitivity;
    experiments::JobId m_integerJob;
    std::optional<DeviceReserve> m_reserve;  ///< of the opened project, for when its device is known
};

}  // namespace bitlathe::ui
