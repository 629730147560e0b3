#pragma once

#include <string>

#include "ui/document/document_content.h"

#include "core/analysis/quantization_error.h"
#include "core/device/budget.h"
#include "core/device/device.h"
#include "core/plan/quant_plan.h"

#include <QObject>
#include <QString>
#include <QThreadPool>
#include <QUndoStack>

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace bitlathe::ui {

struct SiteQuestion;

/// What follows from one site's choices. Computed by core; the document only keeps it.
struct SiteState {
    std::optional<core::QParams> qparams;  ///< empty: float, not calibrated, or still being computed
    std::optional<core::QuantizationError> error;
    std::optional<core::QParams>
        observerQparams;  ///< without the manual range; equals qparams where there is none
    std::optional<core::QuantizationError> observerError;
    bool isLearned = false;  ///< qparams come from the training of the model
    bool isPending = false;  ///< a worker is at it
    QString problem;         ///< why there is no error; empty when there is
};

/// One layer and what it shall become.
struct LayerChange {
    core::LayerId layer;
    core::LayerQuant quant;
    bool operator==(const LayerChange&) const = default;
};

/// The experiment being edited: a model, its configurations, its statistics, a device, and what follows from
/// them (ranges, errors, budget). Holds no tensor and calls no engine: statistics come in from jobs.
///
/// GUI thread only. Edits go through commands on undoStack(); the set... members are what the commands call.
/// An edit recomputes the changed sites and the budget. Sites whose error needs a pass over many weights (per
/// channel) are computed on a worker, latest wins; everything else is done before the edit returns.
class QuantDocument final : public QObject {
    Q_OBJECT

public:
    explicit QuantDocument(QObject* parent = nullptr);
    ~QuantDocument() override;

    /// Starts a new document; clears the undo stack.
    void open(DocumentContent content);
    void close();
    bool hasModel() const noexcept { return m_model != nullptr; }

    const std::shared_ptr<const core::PreparedModel>& model() const noexcept { return m_model; }
    /// Null for the graph input and for unknown names.
    const core::Layer* layer(const core::LayerId& id) const;
    /// What a recipe needs beyond configurations and device: name, model, data, stages, seed, threads.
    const experiments::Recipe& recipe() const noexcept { return m_recipe; }
    const QString& recipePath() const noexcept { return m_recipePath; }
    const QString& projectPath() const noexcept { return m_projectPath; }
    void setProjectPath(const QString& path);
    /// Name for the title: the project, the recipe or the model file.
    QString displayName() const;

    // Configurations.
    const std::vector<NamedConfig>& variants() const noexcept { return m_variants; }
    int activeVariant() const noexcept { return m_active; }
    const core::QuantConfig& config() const;
    /// The layer's choices; for kInputLayer `output` is the input quantizer. Float for layers without an
    /// entry.
    core::LayerQuant layerConfig(const core::LayerId& id) const;
    /// The one mutator of a configuration's layers; commands call it.
    void setLayerConfig(const std::vector<LayerChange>& changes);
    /// Replaces the active configuration's post-training methods; commands call it.
    void setPostTraining(std::vector<core::MethodSpec> methods);
    /// Replaces the list of configurations; commands call it.
    void setVariants(std::vector<NamedConfig> variants, int active);

    // Data and statistics.
    void setData(const core::DataSpec& data, const experiments::CalibrateStage& calibration);
    experiments::CalibrateStage calibration() const;
    const std::shared_ptr<const core::Statistics>& statistics() const noexcept { return m_statistics; }
    /// Grids of the trained model this is, which sites keep until their choices are edited; null: none.
    const std::shared_ptr<const core::LearnedPlan>& learned() const noexcept { return m_learned; }
    /// Null: none. Refused (false) when they are of another model.
    bool setStatistics(std::shared_ptr<const core::Statistics> statistics);
    /// Statistics of one site, weights included; null where nothing was measured.
    const core::SiteStatistics* siteStatistics(const core::SiteId& id) const;

    /// Everything that can be computed of a site needs this and no more; shares the statistics.
    SiteQuestion question(const core::SiteId& id) const;

    // Device and budget.
    const std::optional<core::Device>& device() const noexcept { return m_device; }
    void setDevice(std::optional<core::Device> device);
    const core::Budget& budget() const noexcept { return m_budget; }

    // Derived.
    const SiteState& siteState(const core::SiteId& id) const;
    /// Layers by the SQNR of their output, worst first; layers without one are left out.
    std::vector<core::LayerId> layersByError() const;

    /// The document as a recipe: every configuration explicit, except those still as the opened recipe's
    /// rules made them.
    experiments::Recipe toRecipe() const;
    /// The same with the active configuration alone.
    experiments::Recipe toActiveRecipe() const;

    QUndoStack* undoStack() noexcept { return &m_undoStack; }
    /// A new number for each drag, key burst or other gesture whose edits shall be one undo step.
    quint64 nextGesture() noexcept { return ++m_gesture; }

Q_SIGNALS:
    void modelChanged();
    /// Choices or derived values of this layer changed.
    void layerConfigChanged(const bitlathe::core::LayerId& layer);
    void variantsChanged();
    /// The active configuration has other post-training methods.
    void postTrainingChanged();
    void statisticsChanged();
    void dataChanged();
    void deviceChanged();
    void budgetChanged();
    void nameChanged();

private:
    struct SourceVariant {
        nlohmann::json rules;
        core::QuantConfig config;
    };

    /// Whether the layer's weights are quantized without the batch norm in them.
    bool keepsBatchNorm(const core::LayerId& id) const;
    core::QuantConfig& activeConfig() { return m_variants[static_cast<std::size_t>(m_active)].config; }
    std::vector<core::SiteId> allSites() const;
    void recomputeEverything();
    /// Recomputes sites; those that need a long pass over weights go to the worker.
    void recompute(const std::vector<core::SiteId>& sites);
    void recomputeBudget();
    void unfoldWhereNeeded();

    std::shared_ptr<const core::PreparedModel> m_model;
    std::shared_ptr<const core::Statistics> m_weightStatistics;
    /// The model with every batch norm kept, and its weights: made when a layer first asks for it.
    std::shared_ptr<const core::PreparedModel> m_unfolded;
    std::shared_ptr<const core::Statistics> m_unfoldedStatistics;
    std::shared_ptr<const core::Statistics> m_statistics;
    std::shared_ptr<const core::LearnedPlan> m_learned;
    experiments::Recipe m_recipe;
    std::map<std::string, SourceVariant> m_sources;  ///< what the opened recipe said, by variant name
    QString m_recipePath;
    QString m_projectPath;
    std::vector<NamedConfig> m_variants;
    int m_active = 0;
    std::optional<core::Device> m_device;
    core::Budget m_budget;
    std::map<core::SiteId, SiteState> m_states;
    std::map<core::SiteId, quint64> m_generations;  ///< of the newest computation of a site
    quint64 m_generation = 0;
    quint64 m_gesture = 0;
    QUndoStack m_undoStack;
    QThreadPool m_workers;  ///< last member: waits for its work before the rest goes
};

}  // namespace bitlathe::ui
