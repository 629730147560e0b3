#include "ui/document/workbench.h"

#include "core/types/error.h"
#include "experiments/jobs/calibrate_job.h"
#include "experiments/jobs/export_job.h"
#include "experiments/jobs/layer_errors_job.h"
#include "experiments/jobs/open_model_job.h"
#include "experiments/jobs/run_recipe_job.h"
#include "experiments/jobs/sensitivity_job.h"
#include "experiments/recipes/resume_run.h"
#include "experiments/resources/resource_folder.h"
#include "experiments/store/statistics_file.h"
#include "ui/commands/set_statistics_command.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QStandardPaths>

#include <algorithm>

namespace bitlathe::ui {

namespace {

/// Absolute path of the recipe's model file; empty for a network of the zoo.
std::string modelPath(const experiments::Recipe& recipe) {
    return recipe.model.file.empty() ? std::string()
                                     : experiments::findInput(recipe.model.file, recipe.folder).string();
}

template <typename Stage>
const Stage* findStage(const experiments::Recipe& recipe) {
    for (const experiments::Stage& stage : recipe.stages) {
        if (const auto* const found = std::get_if<Stage>(&stage)) {
            return found;
        }
    }
    return nullptr;
}

}  // namespace

Workbench::Workbench(QuantDocument& document, Selection& selection, experiments::JobRunner& jobs,
                     QString logPath, QObject* parent)
    : QObject(parent), m_document(document), m_codingCosts(document), m_selection(selection), m_jobs(jobs),
      m_logPath(std::move(logPath)) {
    using experiments::JobRunner;
    connect(&jobs, &JobRunner::modelOpened, this,
            [this](auto job, const auto& model) { takeModel(job, *model); });
    connect(&jobs, &JobRunner::calibrated, this,
            [this](auto job, const auto& calibration) { takeCalibration(job, *calibration); });
    connect(&jobs, &JobRunner::layerErrorsMeasured, this, [this](auto job, const auto& errors) {
        if (job == m_layerErrorJob) {
            m_layerErrors = errors;
            Q_EMIT layerErrorsChanged();
        }
    });
    connect(&jobs, &JobRunner::sensitivityMeasured, this, [this](auto job, const auto& sensitivity) {
        if (job == m_sensitivityJob) {
            m_sensitivity = sensitivity;
            Q_EMIT sensitivityChanged();
        }
    });
    connect(&jobs, &JobRunner::variantFinished, this, [this](auto job, const auto& result) {
        if (job == m_integerJob && result->integer) {
            Q_EMIT integersCompared(result->run);
        }
    });
    connect(&jobs, &JobRunner::exported, this, [this](auto, const auto& files) {
        Q_EMIT message(tr("Exported %1 files to %2")
                           .arg(files->files.size())
                           .arg(QString::fromStdString(files->folder)));
    });
    connect(&jobs, &JobRunner::jobFinished, this, &Workbench::takeOutcome);
    connect(&document, &QuantDocument::modelChanged, this, [this] {
        m_lastTraining.reset();
        m_layerErrors.reset();
        m_layerErrorJob = {};
        Q_EMIT layerErrorsChanged();
        m_sensitivity.reset();
        m_sensitivityJob = {};
        Q_EMIT sensitivityChanged();
    });
}

void Workbench::setDevices(std::shared_ptr<const core::DeviceCatalogue> devices) {
    m_devices = std::move(devices);
    Q_EMIT devicesChanged();
    if (m_document.hasModel() && !m_document.device()) {
        adoptDevice(m_document.recipe().device);
    }
}

void Workbench::adoptDevice(const std::string& id) {
    if (id.empty() || !m_devices) {
        return;
    }
    try {
        core::Device device = m_devices->find(id);
        if (m_reserve) {
            device.reservedRomBytes = m_reserve->romBytes;
            device.reservedRamBytes = m_reserve->ramBytes;
        }
        m_document.setDevice(std::move(device));
    } catch (const core::Error& error) {
        Q_EMIT message(QString::fromUtf8(error.what()));
    }
}

std::optional<DeviceReserve> Workbench::editedReserve() const {
    const std::optional<core::Device>& device = m_document.device();
    if (!device || !m_devices) {
        return std::nullopt;
    }
    const auto& known = m_devices->devices();
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const core::Device& entry) { return entry.id == device->id; });
    const DeviceReserve now{device->reservedRomBytes, device->reservedRamBytes};
    const bool isEdited =
        found == known.end() || now != DeviceReserve{found->reservedRomBytes, found->reservedRamBytes};
    return isEdited ? std::optional(now) : std::nullopt;
}

Workbench::Opening Workbench::readFile(const QString& path) const {
    const QString suffix = QFileInfo(path).suffix().toLower();
    const std::string file = QFileInfo(path).absoluteFilePath().toStdString();
    Opening opening;
    opening.path = QString::fromStdString(file);
    if (!QFileInfo::exists(path)) {
        throw core::Error(core::ErrorCode::Io, "'" + file + "' does not exist; was it moved or renamed?");
    }
    if (suffix == QLatin1String("bitlathe")) {
        opening.project = Project::load(file);
        opening.recipe = opening.project->recipe;
    } else if (suffix == QLatin1String("json")) {
        opening.recipe = experiments::Recipe::load(file);
    } else if (suffix == QLatin1String("pt") || suffix == QLatin1String("pth") ||
               suffix == QLatin1String("ts")) {
        opening.recipe = recipeForModelFile(file);
        opening.recipe.threads = m_threads;
    } else if (suffix == QLatin1String("onnx")) {
        throw core::Error(
            core::ErrorCode::ModelFormat,
            "'" + file +
                "' is an ONNX model, which this version writes but does not read; save the model from "
                "PyTorch with torch.jit.save(torch.jit.trace(model, example), \"model.pt\") and open that");
    } else {
        throw core::Error(
            core::ErrorCode::ModelFormat,
            "'" + file +
                "' is of no known kind; Bitlathe opens models (.pt), recipes (.json) and projects "
                "(.bitlathe)");
    }
    opening.recipe.model.file = modelPath(opening.recipe);
    return opening;
}

void Workbench::openFile(const QString& path) {
    try {
        begin(readFile(path));
    } catch (const std::exception& error) {
        Q_EMIT failed(tr("%1 was not opened").arg(QFileInfo(path).fileName()),
                      QString::fromUtf8(error.what()));
    }
}

void Workbench::openRecipe(experiments::Recipe recipe) {
    try {
        Opening opening;
        recipe.model.file = modelPath(recipe);
        opening.recipe = std::move(recipe);
        begin(std::move(opening));
    } catch (const std::exception& error) {
        Q_EMIT failed(tr("The recipe was not opened"), QString::fromUtf8(error.what()));
    }
}

void Workbench::begin(Opening opening) {
    if (m_opening) {
        m_jobs.cancel(m_opening->job);  // the newest wish wins
    }
    opening.job = m_jobs.enqueue(std::make_unique<experiments::OpenModelJob>(
        opening.recipe.model, opening.recipe.seed, m_logPath.toStdString()));
    m_opening = std::move(opening);
}

void Workbench::takeModel(experiments::JobId job, const experiments::OpenedModel& model) {
    if (!m_opening || m_opening->job != job) {
        return;
    }
    const Opening opening = std::move(*m_opening);
    m_opening.reset();
    DocumentContent content;
    content.model = model.model;
    content.weightStatistics = model.weightStatistics;
    content.learned = model.learned;
    content.recipe = opening.recipe;
    const bool isRecipe =
        opening.path.isEmpty() || opening.path.endsWith(QLatin1String(".json"), Qt::CaseInsensitive);
    content.recipePath = isRecipe ? opening.path.toStdString() : std::string();
    try {
        content.variants = resolveVariants(opening.recipe, *model.model);
    } catch (const core::Error& error) {
        Q_EMIT failed(tr("%1 was not opened").arg(QFileInfo(opening.path).fileName()),
                      QString::fromUtf8(error.what()));
        return;
    }
    if (opening.project) {
        for (std::size_t i = 0; i < content.variants.size(); ++i) {
            if (content.variants[i].name == opening.project->activeConfiguration) {
                content.activeVariant = static_cast<int>(i);
            }
        }
    } else {
        // A float reference comes first in most recipes; what a person edits is the first quantized
        // configuration.
        const auto quantized =
            std::find_if(content.variants.begin(), content.variants.end(), [](const auto& variant) {
                return std::any_of(
                    variant.config.layers.begin(), variant.config.layers.end(), [](const auto& layer) {
                        return !layer.second.weight.isFloat() || !layer.second.output.isFloat();
                    });
            });
        content.activeVariant =
            quantized == content.variants.end() ? 0 : static_cast<int>(quantized - content.variants.begin());
    }
    m_selection.clear();
    m_document.open(std::move(content));
    m_document.setDevice(std::nullopt);
    m_reserve = opening.project ? opening.project->reserve : std::nullopt;
    adoptDevice(opening.recipe.device);
    if (opening.project) {
        m_document.setProjectPath(opening.path);
        m_selection.setSite(opening.project->site);
        std::vector<core::LayerId> known;
        std::copy_if(opening.project->selectedLayers.begin(), opening.project->selectedLayers.end(),
                     std::back_inserter(known), [&](const core::LayerId& id) {
                         return id == core::kInputLayer || m_document.layer(id) != nullptr;
                     });
        m_selection.select(std::move(known));
    } else if (!m_document.model()->layers.empty()) {
        m_selection.selectOnly(m_document.model()->layers.front().id);
    }
    if (!opening.path.isEmpty()) {
        Q_EMIT opened(opening.path);
    }
    // A recipe or project says which data; a bare model does not, so there the user is asked first.
    if (findStage<experiments::CalibrateStage>(opening.recipe) != nullptr && (isRecipe || opening.project)) {
        calibrate();
        m_isCalibrationAutomatic = true;
    }
}

bool Workbench::saveProject(const QString& path) {
    Project project;
    project.recipe = m_document.toRecipe();
    project.activeConfiguration =
        m_document.variants()[static_cast<std::size_t>(m_document.activeVariant())].name;
    project.selectedLayers = m_selection.layers();
    project.site = m_selection.site();
    project.reserve = editedReserve();
    try {
        project.save(path.toStdString());
    } catch (const core::Error& error) {
        Q_EMIT failed(tr("%1 was not saved").arg(QFileInfo(path).fileName()),
                      QString::fromUtf8(error.what()));
        return false;
    }
    m_document.setProjectPath(QFileInfo(path).absoluteFilePath());
    m_document.undoStack()->setClean();
    Q_EMIT saved(path);
    return true;
}

bool Workbench::saveRecipe(const QString& path) {
    return writeRecipe(m_document.toRecipe(), path);
}

bool Workbench::saveTrainingRecipe(const TrainingRequest& request, const QString& path) {
    return writeRecipe(trainingRecipe(m_document, request), path);
}

bool Workbench::writeRecipe(const experiments::Recipe& recipe, const QString& path) {
    try {
        recipe.save(path.toStdString());
    } catch (const core::Error& error) {
        Q_EMIT failed(tr("%1 was not saved").arg(QFileInfo(path).fileName()),
                      QString::fromUtf8(error.what()));
        return false;
    }
    Q_EMIT saved(path);
    return true;
}

bool Workbench::saveStatistics(const QString& path) {
    try {
        experiments::saveStatistics(*m_document.statistics(), path.toStdString());
    } catch (const core::Error& error) {
        Q_EMIT failed(tr("%1 was not saved").arg(QFileInfo(path).fileName()),
                      QString::fromUtf8(error.what()));
        return false;
    }
    Q_EMIT message(tr("Saved statistics to %1").arg(path));
    return true;
}

bool Workbench::loadStatistics(const QString& path) {
    const QString what = tr("%1 was not loaded").arg(QFileInfo(path).fileName());
    if (!isReady(what)) {
        return false;
    }
    try {
        auto statistics =
            std::make_shared<const core::Statistics>(experiments::loadStatistics(path.toStdString()));
        if (statistics->modelHash != m_document.model()->hash) {
            Q_EMIT failed(
                what,
                tr("'%1' holds statistics of another model, or of other weights. Calibrate this one, or "
                   "open the model they were collected on.")
                    .arg(path));
            return false;
        }
        m_document.undoStack()->push(new SetStatisticsCommand(m_document, std::move(statistics)));
    } catch (const core::Error& error) {
        Q_EMIT failed(what, QString::fromUtf8(error.what()));
        return false;
    }
    Q_EMIT message(tr("Loaded statistics from %1").arg(path));
    return true;
}

experiments::LogTarget Workbench::logTarget() const {
    return {m_logPath.toStdString(), m_devices ? m_devices : std::make_shared<const core::DeviceCatalogue>()};
}

experiments::ConfiguredModel Workbench::configuredModel() const {
    experiments::ConfiguredModel configured;
    configured.model = m_document.model();
    configured.statistics = m_document.statistics();
    configured.config = m_document.config();
    configured.data = m_document.recipe().data;
    configured.calibration = m_document.calibration();
    configured.seed = m_document.recipe().seed;
    configured.threads = m_document.recipe().threads;
    configured.learned = m_document.learned();
    return configured;
}

bool Workbench::isReady(const QString& what) {
    if (m_document.hasModel()) {
        return true;
    }
    Q_EMIT failed(
        what, tr("No model is open. Open a model (.pt), a recipe (.json) or a project (.bitlathe) first."));
    return false;
}

void Workbench::calibrate() {
    if (!isReady(tr("Nothing to calibrate"))) {
        return;
    }
    experiments::CalibrateJob::Input input;
    input.model = m_document.model();
    input.data = m_document.recipe().data;
    input.stage = m_document.calibration();
    input.seed = m_document.recipe().seed;
    input.threads = m_document.recipe().threads;
    input.logPath = m_logPath.toStdString();
    m_isCalibrationAutomatic = false;
    m_calibration = m_jobs.enqueue(std::make_unique<experiments::CalibrateJob>(std::move(input)));
}

void Workbench::takeCalibration(experiments::JobId job, const experiments::Calibration& calibration) {
    if (job != m_calibration || !m_document.setStatistics(calibration.statistics)) {
        return;
    }
    Q_EMIT calibrated();
    Q_EMIT message(calibration.isFromCache ? tr("Calibration found in the log") : tr("Calibrated"));
}

void Workbench::evaluate() {
    if (!isReady(tr("Nothing to evaluate"))) {
        return;
    }
    experiments::Recipe recipe = m_document.toActiveRecipe();
    const experiments::EvaluateStage* const stage = findStage<experiments::EvaluateStage>(recipe);
    recipe.stages = {m_document.calibration(), stage != nullptr ? *stage : experiments::EvaluateStage()};
    m_jobs.enqueue(std::make_unique<experiments::RunRecipeJob>(std::move(recipe), logTarget()));
}

void Workbench::compareIntegers() {
    const QString what = tr("Nothing to compare");
    if (!isReady(what)) {
        return;
    }
    experiments::Recipe recipe = m_document.toActiveRecipe();
    const bool isQuantized = !m_document.config().input.isFloat();
    if (!isQuantized) {
        Q_EMIT failed(what,
                      tr("The configuration leaves the input in float, so there is no integer model of it. "
                         "Choose a quantized configuration, or give the input bits."));
        return;
    }
    const experiments::EvaluateStage* const stage = findStage<experiments::EvaluateStage>(recipe);
    experiments::EvaluateStage evaluate = stage != nullptr ? *stage : experiments::EvaluateStage();
    evaluate.layerErrors = false;
    evaluate.integer = true;
    recipe.stages = {m_document.calibration(), evaluate};
    m_integerJob =
        m_jobs.enqueue(std::make_unique<experiments::RunRecipeJob>(std::move(recipe), logTarget()));
}

void Workbench::runRecipe() {
    if (!isReady(tr("Nothing to run"))) {
        return;
    }
    m_jobs.enqueue(std::make_unique<experiments::RunRecipeJob>(m_document.toRecipe(), logTarget()));
}

const std::string& Workbench::activeName() const {
    return m_document.variants()[static_cast<std::size_t>(m_document.activeVariant())].name;
}

TrainingRequest Workbench::trainingRequest() const {
    if (m_lastTraining && m_lastTrainingConfig == activeName()) {
        return *m_lastTraining;
    }
    return suggestedTraining(m_document);
}

void Workbench::train(const TrainingRequest& request) {
    if (!isReady(tr("Nothing to train"))) {
        return;
    }
    m_lastTraining = request;
    m_lastTrainingConfig = activeName();
    experiments::RunRecipeJob::Options options;
    options.workers = request.workers;
    if (request.workers > 1) {
        const QString program = QStandardPaths::findExecutable(QStringLiteral("bitlathe-cli"),
                                                               {QCoreApplication::applicationDirPath()});
        if (program.isEmpty()) {
            Q_EMIT failed(
                tr("The training was not started"),
                tr("The other workers are bitlathe-cli processes, and there is no bitlathe-cli beside this "
                   "program in %1. Install it, or train with one worker.")
                    .arg(QCoreApplication::applicationDirPath()));
            return;
        }
        options.workerProgram = program.toStdString();
    }
    m_jobs.enqueue(std::make_unique<experiments::RunRecipeJob>(trainingRecipe(m_document, request),
                                                               logTarget(), std::move(options)));
}

void Workbench::resumeTraining(experiments::RunId run) {
    try {
        experiments::RunRecipeJob::Options options;
        options.resumed = run;
        const auto log = experiments::ExperimentLog::open(m_logPath.toStdString());
        m_jobs.enqueue(std::make_unique<experiments::RunRecipeJob>(experiments::recipeToResume(*log, run),
                                                                   logTarget(), std::move(options)));
    } catch (const std::exception& error) {
        Q_EMIT failed(tr("Run %1 was not resumed").arg(run.value), QString::fromUtf8(error.what()));
    }
}

void Workbench::openTrained(experiments::RunId run) {
    try {
        const auto log = experiments::ExperimentLog::open(m_logPath.toStdString());
        const experiments::RunRecord record = log->run(run);
        experiments::Recipe recipe =
            experiments::Recipe::parse(nlohmann::json::parse(record.what.recipeJson));
        recipe.model = {{}, {}, {}, recipe.model.inputShape, run.value};
        // What it was trained by is done; running the document measures the result.
        std::erase_if(recipe.stages, [](const experiments::Stage& stage) {
            return std::holds_alternative<experiments::QatStage>(stage) ||
                   std::holds_alternative<experiments::TrainStage>(stage);
        });
        openRecipe(std::move(recipe));
    } catch (const std::exception& error) {
        Q_EMIT failed(tr("The model of run %1 was not opened").arg(run.value),
                      QString::fromUtf8(error.what()));
    }
}

void Workbench::runThis(experiments::Recipe recipe) {
    m_jobs.enqueue(std::make_unique<experiments::RunRecipeJob>(std::move(recipe), logTarget()));
}

void Workbench::measureLayerErrors() {
    if (!isReady(tr("Nothing to measure"))) {
        return;
    }
    if (!m_document.statistics()) {
        Q_EMIT failed(tr("Layer errors were not measured"),
                      tr("The model is not calibrated, so the ranges are not known. Press Calibrate first."));
        return;
    }
    experiments::LayerErrorsJob::Input input;
    input.source = configuredModel();
    input.stage.samples = 512;  // enough for SQNR to settle to 0.1 dB, quick enough to ask for while editing
    m_layerErrorConfig = input.source.config;
    m_layerErrorJob = m_jobs.enqueue(std::make_unique<experiments::LayerErrorsJob>(std::move(input)));
}

void Workbench::measureSensitivity() {
    if (!isReady(tr("Nothing to measure"))) {
        return;
    }
    if (!m_document.statistics()) {
        Q_EMIT failed(tr("Sensitivity was not measured"),
                      tr("The model is not calibrated, so the ranges are not known. Press Calibrate first."));
        return;
    }
    experiments::SensitivityJob::Input input;
    input.source = configuredModel();
    // Bits chosen on the images a result is measured on would flatter it. 512: the answers rank sites, and their
    // order settles with few images.
    input.stage.split = core::DataSplit::Train;
    input.stage.samples = 512;
    m_sensitivityJob = m_jobs.enqueue(std::make_unique<experiments::SensitivityJob>(std::move(input)));
}

void Workbench::evaluateConfig(const core::QuantConfig& config, const std::string& name) {
    if (!isReady(tr("Nothing to evaluate"))) {
        return;
    }
    experiments::Recipe recipe = m_document.toActiveRecipe();
    recipe.variants = {{name, experiments::toDocument(config)}};
    const experiments::EvaluateStage* const stage = findStage<experiments::EvaluateStage>(recipe);
    recipe.stages = {m_document.calibration(), stage != nullptr ? *stage : experiments::EvaluateStage()};
    m_jobs.enqueue(std::make_unique<experiments::RunRecipeJob>(std::move(recipe), logTarget()));
}

experiments::JobId Workbench::exportModel(const core::MethodSpec& exporter, const QString& folder) {
    if (!isReady(tr("Nothing to export"))) {
        return {};
    }
    if (!m_document.statistics()) {
        Q_EMIT failed(tr("The model was not exported"),
                      tr("The model is not calibrated, so the ranges are not known. Press Calibrate first."));
        return {};
    }
    experiments::ExportJob::Input input;
    input.source = configuredModel();
    input.exporter = exporter;
    input.folder = folder.toStdString();
    return m_jobs.enqueue(std::make_unique<experiments::ExportJob>(std::move(input)));
}

void Workbench::takeOutcome(experiments::JobId job, const experiments::JobOutcome& outcome) {
    const bool isOpening = m_opening && m_opening->job == job;
    const QString path = isOpening ? m_opening->path : QString();
    if (isOpening) {
        m_opening.reset();
    }
    if (outcome.kind != experiments::JobOutcome::Kind::Failed) {
        return;
    }
    const QString text = QString::fromStdString(outcome.text);
    if (isOpening) {
        Q_EMIT failed(tr("%1 was not opened").arg(QFileInfo(path).fileName()), text);
        return;
    }
    if (job == m_calibration && m_isCalibrationAutomatic) {
        Q_EMIT message(tr("Not calibrated: %1").arg(text));
        return;
    }
    const experiments::JobInfo* const info = m_jobs.find(job);
    const std::string kind = info != nullptr ? info->kind : std::string();
    if (kind == "export") {
        return;  // its dialog is there and tells
    }
    Q_EMIT failed(kind == "calibrate"                          ? tr("Calibration failed")
                  : kind == "sensitivity"                      ? tr("Sensitivity was not measured")
                  : kind == "layer_errors"                     ? tr("Layer errors were not measured")
                  : info != nullptr && info->plannedEpochs > 0 ? tr("The training failed")
                                                               : tr("The run failed"),
                  text);
}

}  // namespace bitlathe::ui
