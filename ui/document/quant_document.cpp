#include "ui/document/quant_document.h"

#include "core/graph/prepare.h"
#include "ui/document/site_evaluation.h"

#include <QFileInfo>
#include <QMetaObject>

#include <algorithm>
#include <cmath>
#include <set>

namespace bitlathe::ui {

namespace {

/// Weights one edit may read on the GUI thread: about 2 ms at 4 ns a weight, an eighth of a frame.
constexpr std::int64_t kInstantWeights = 500'000;

const SiteState kNoState;

}  // namespace

QuantDocument::QuantDocument(QObject* parent) : QObject(parent), m_variants{{"float", {}}} {
    m_workers.setMaxThreadCount(1);
}

QuantDocument::~QuantDocument() {
    m_workers.clear();
    m_workers.waitForDone();
}

void QuantDocument::open(DocumentContent content) {
    ++m_generation;
    m_generations.clear();
    m_undoStack.clear();
    m_model = std::move(content.model);
    m_weightStatistics = std::move(content.weightStatistics);
    m_unfolded.reset();
    m_unfoldedStatistics.reset();
    m_statistics = std::move(content.statistics);
    m_learned = std::move(content.learned);
    m_recipe = std::move(content.recipe);
    m_recipePath = QString::fromStdString(content.recipePath);
    m_projectPath.clear();
    m_variants = std::move(content.variants);
    m_active = content.activeVariant;
    m_sources.clear();
    for (const experiments::Variant& variant : m_recipe.variants) {
        const auto resolved =
            std::find_if(m_variants.begin(), m_variants.end(),
                         [&](const NamedConfig& config) { return config.name == variant.name; });
        if (resolved != m_variants.end()) {
            m_sources[variant.name] = {variant.config.json, resolved->config};
        }
    }
    recomputeEverything();
    Q_EMIT modelChanged();
    Q_EMIT variantsChanged();
    Q_EMIT dataChanged();
    Q_EMIT statisticsChanged();
    Q_EMIT budgetChanged();
    Q_EMIT nameChanged();
}

void QuantDocument::close() {
    DocumentContent nothing;
    nothing.variants = {{"float", {}}};
    open(std::move(nothing));
}

const core::Layer* QuantDocument::layer(const core::LayerId& id) const {
    return m_model ? m_model->findLayer(id) : nullptr;
}

void QuantDocument::setProjectPath(const QString& path) {
    if (path != m_projectPath) {
        m_projectPath = path;
        Q_EMIT nameChanged();
    }
}

QString QuantDocument::displayName() const {
    if (!m_projectPath.isEmpty()) {
        return QFileInfo(m_projectPath).fileName();
    }
    if (!m_recipePath.isEmpty()) {
        return QFileInfo(m_recipePath).fileName();
    }
    if (!m_recipe.model.file.empty()) {
        return QFileInfo(QString::fromStdString(m_recipe.model.file)).fileName();
    }
    return QString::fromStdString(m_recipe.name);
}

const core::QuantConfig& QuantDocument::config() const {
    return m_variants[static_cast<std::size_t>(m_active)].config;
}

core::LayerQuant QuantDocument::layerConfig(const core::LayerId& id) const {
    if (id == core::kInputLayer) {
        core::LayerQuant quant;
        quant.output = config().input;
        return quant;
    }
    const auto found = config().layers.find(id);
    return found == config().layers.end() ? core::LayerQuant() : found->second;
}

void QuantDocument::setLayerConfig(const std::vector<LayerChange>& changes) {
    std::vector<core::SiteId> sites;
    for (const LayerChange& change : changes) {
        const core::LayerQuant before = layerConfig(change.layer);
        if (before.output != change.quant.output) {
            sites.push_back({change.layer, core::SiteKind::Output});
        }
        const bool isOtherWeight =
            before.weight != change.quant.weight || before.batchNorm != change.quant.batchNorm;
        if (isOtherWeight && change.layer != core::kInputLayer) {
            sites.push_back({change.layer, core::SiteKind::Weight});
        }
        if (change.layer == core::kInputLayer) {
            activeConfig().input = change.quant.output;
        } else {
            activeConfig().layers[change.layer] = change.quant;
        }
    }
    unfoldWhereNeeded();
    recompute(sites);
    recomputeBudget();
    for (const LayerChange& change : changes) {
        Q_EMIT layerConfigChanged(change.layer);
    }
    Q_EMIT budgetChanged();
}

void QuantDocument::setPostTraining(std::vector<core::MethodSpec> methods) {
    activeConfig().postTraining = std::move(methods);
    Q_EMIT postTrainingChanged();
}

bool QuantDocument::keepsBatchNorm(const core::LayerId& id) const {
    const auto found = config().layers.find(id);
    if (found == config().layers.end()) {
        return false;
    }
    // Fake batch norm quantizes the folded weights.
    const core::BatchNormMode mode = found->second.batchNorm;
    return mode == core::BatchNormMode::NotFolded || mode == core::BatchNormMode::Icn;
}

void QuantDocument::unfoldWhereNeeded() {
    if (!m_model || m_unfolded || !m_model->imported) {
        return;
    }
    std::set<core::LayerId> keep;
    bool isNeeded = false;
    for (const core::Layer& layer : m_model->layers) {
        if (layer.hasBatchNorm) {
            keep.insert(layer.id);
            isNeeded = isNeeded || keepsBatchNorm(layer.id);
        }
    }
    if (!isNeeded) {
        return;
    }
    m_unfolded = std::make_shared<const core::PreparedModel>(
        core::prepare(*m_model->imported, m_model->graph.inputShape(), keep));
    auto statistics = std::make_shared<core::Statistics>();
    statistics->modelHash = m_unfolded->hash;
    for (const core::Layer& layer : m_unfolded->layers) {
        if (layer.hasWeights()) {
            statistics->sites[{layer.id, core::SiteKind::Weight}] =
                core::weightStatistics(core::layerWeights(*m_unfolded, layer));
        }
    }
    m_unfoldedStatistics = std::move(statistics);
}

void QuantDocument::setVariants(std::vector<NamedConfig> variants, int active) {
    m_variants = std::move(variants);
    m_active = active;
    recomputeEverything();
    Q_EMIT variantsChanged();
    Q_EMIT postTrainingChanged();
    Q_EMIT layerConfigChanged(core::kInputLayer);
    if (m_model) {
        for (const core::Layer& layer : m_model->layers) {
            Q_EMIT layerConfigChanged(layer.id);
        }
    }
    Q_EMIT budgetChanged();
}

void QuantDocument::setData(const core::DataSpec& data, const experiments::CalibrateStage& stage) {
    m_recipe.data = data;
    bool hasStage = false;
    for (experiments::Stage& each : m_recipe.stages) {
        if (auto* const calibrate = std::get_if<experiments::CalibrateStage>(&each)) {
            *calibrate = stage;
            hasStage = true;
        }
    }
    if (!hasStage) {
        m_recipe.stages.insert(m_recipe.stages.begin(), stage);
    }
    Q_EMIT dataChanged();
}

experiments::CalibrateStage QuantDocument::calibration() const {
    for (const experiments::Stage& stage : m_recipe.stages) {
        if (const auto* const calibrate = std::get_if<experiments::CalibrateStage>(&stage)) {
            return *calibrate;
        }
    }
    return {};
}

bool QuantDocument::setStatistics(std::shared_ptr<const core::Statistics> statistics) {
    if (statistics && (!m_model || statistics->modelHash != m_model->hash)) {
        return false;
    }
    m_statistics = std::move(statistics);
    recomputeEverything();
    Q_EMIT statisticsChanged();
    return true;
}

const core::SiteStatistics* QuantDocument::siteStatistics(const core::SiteId& id) const {
    const std::shared_ptr<const core::Statistics> source = question(id).statistics;
    return source ? source->find(id) : nullptr;
}

SiteQuestion QuantDocument::question(const core::SiteId& id) const {
    SiteQuestion result{m_model, id, config().site(id), m_statistics, {}};
    if (id.kind == core::SiteKind::Weight) {
        const bool isUnfolded = m_unfolded && keepsBatchNorm(id.layer);
        result.model = isUnfolded ? m_unfolded : m_model;
        result.statistics = isUnfolded ? m_unfoldedStatistics : m_weightStatistics;
    }
    if (const core::QParams* const grid = m_learned ? m_learned->find(config(), id) : nullptr) {
        result.learned = *grid;
    }
    return result;
}

void QuantDocument::setDevice(std::optional<core::Device> device) {
    m_device = std::move(device);
    Q_EMIT deviceChanged();
    Q_EMIT budgetChanged();
}

const SiteState& QuantDocument::siteState(const core::SiteId& id) const {
    const auto found = m_states.find(id);
    return found == m_states.end() ? kNoState : found->second;
}

std::vector<core::LayerId> QuantDocument::layersByError() const {
    std::vector<std::pair<double, core::LayerId>> ranked;
    if (m_model) {
        for (const core::Layer& each : m_model->layers) {
            const SiteState& state = siteState({each.id, core::SiteKind::Output});
            if (state.error && std::isfinite(state.error->sqnrDb)) {
                ranked.emplace_back(state.error->sqnrDb, each.id);
            }
        }
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<core::LayerId> layers;
    layers.reserve(ranked.size());
    for (auto& [sqnrDb, id] : ranked) {
        layers.push_back(std::move(id));
    }
    return layers;
}

experiments::Recipe QuantDocument::toRecipe() const {
    experiments::Recipe recipe = m_recipe;
    recipe.device = m_device ? m_device->id : std::string();
    recipe.variants.clear();
    for (const NamedConfig& variant : m_variants) {
        const auto source = m_sources.find(variant.name);
        const bool isAsOpened = source != m_sources.end() && source->second.config == variant.config;
        recipe.variants.push_back({variant.name, isAsOpened
                                                     ? experiments::ConfigDocument{source->second.rules}
                                                     : experiments::toDocument(variant.config)});
    }
    return recipe;
}

experiments::Recipe QuantDocument::toActiveRecipe() const {
    experiments::Recipe recipe = toRecipe();
    recipe.variants = {recipe.variants[static_cast<std::size_t>(m_active)]};
    return recipe;
}

std::vector<core::SiteId> QuantDocument::allSites() const {
    std::vector<core::SiteId> sites;
    if (m_model) {
        sites.push_back({core::kInputLayer, core::SiteKind::Output});
        for (const core::Layer& each : m_model->layers) {
            sites.push_back({each.id, core::SiteKind::Output});
            if (each.hasWeights()) {
                sites.push_back({each.id, core::SiteKind::Weight});
            }
        }
    }
    return sites;
}

void QuantDocument::recomputeEverything() {
    m_states.clear();
    unfoldWhereNeeded();
    recompute(allSites());
    recomputeBudget();
}

void QuantDocument::recompute(const std::vector<core::SiteId>& sites) {
    if (!m_model) {
        return;
    }
    std::int64_t instantWeights = kInstantWeights;
    for (const core::SiteId& id : sites) {
        SiteQuestion question = this->question(id);
        const quint64 generation = ++m_generation;
        m_generations[id] = generation;
        const std::int64_t cost = weightsToRead(question);
        if (cost <= instantWeights) {
            instantWeights -= cost;
            m_states[id] = evaluateSite(question);
            continue;
        }
        // The old figures would be lies, so they go; the worker's answer is dropped if a newer edit came
        // meanwhile.
        m_states[id] = SiteState();
        m_states[id].isPending = true;
        m_workers.start([this, question = std::move(question), generation] {
            SiteState state = evaluateSite(question);
            QMetaObject::invokeMethod(
                this,
                [this, id = question.id, state = std::move(state), generation] {
                    const auto newest = m_generations.find(id);
                    if (newest != m_generations.end() && newest->second == generation) {
                        m_states[id] = state;
                        Q_EMIT layerConfigChanged(id.layer);
                    }
                },
                Qt::QueuedConnection);
        });
    }
}

void QuantDocument::recomputeBudget() {
    m_budget = m_model ? core::computeBudget(*m_model, config()) : core::Budget();
}

}  // namespace bitlathe::ui
