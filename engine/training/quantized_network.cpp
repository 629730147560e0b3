#include "engine/training/quantized_network.h"

#include "core/plan/trainable_config.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/operators.h"
#include "engine/quantized_executor.h"
#include "engine/tensor_bridge.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <set>
#include <utility>

namespace bitlathe::engine {

namespace {

/// The model with every batch norm kept as a node.
core::PreparedModel prepareKept(const core::Graph& graph) {
    std::set<core::LayerId> all;
    for (const core::Layer& layer : core::prepare(graph).layers) {
        all.insert(layer.id);
    }
    return core::prepare(graph, {}, all);
}

const core::LayerQuant* configOf(const core::QuantConfig& config, const core::LayerId& id) {
    const auto found = config.layers.find(id);
    return found == config.layers.end() ? nullptr : &found->second;
}

core::SiteRange rangeOf(const core::SiteId& id, const core::QParams& grid) {
    core::SiteRange range{id, grid.representableLower(0), grid.representableUpper(0)};
    for (std::size_t s = 1; s < grid.slices(); ++s) {
        range.lower = std::min(range.lower, grid.representableLower(s));
        range.upper = std::max(range.upper, grid.representableUpper(s));
    }
    return range;
}

}  // namespace

QuantizedNetwork::QuantizedNetwork(const core::TrainTask& task, std::shared_ptr<const Workers> workers)
    : QuantizedNetwork(task, prepareKept(*task.graph), std::move(workers)) {}

QuantizedNetwork::QuantizedNetwork(const core::TrainTask& task, core::PreparedModel kept,
                                   std::shared_ptr<const Workers> workers)
    : Network(kept.graph, task.options, std::move(workers)), m_kept(std::move(kept)),
      m_config(*task.quantization->config), m_options(task.quantization->options),
      m_isDelayedFoldDone(at::zeros({1}, at::kDouble)) {
    core::requireTrainable(m_config);
    if (!m_config.input.isFloat()) {
        setHook(0, addOutput(nullptr, {core::kInputLayer, core::SiteKind::Output}, m_config.input, task));
    }
    for (const core::Layer& layer : m_kept.layers) {
        addLayer(layer, task);
    }
}

void QuantizedNetwork::addLayer(const core::Layer& layer, const core::TrainTask& task) {
    const core::LayerQuant* const quant = configOf(m_config, layer.id);
    SiteTrainer* output = nullptr;
    if (quant != nullptr && layer.isQuantizable && !quant->output.isFloat()) {
        output = addOutput(&layer, {layer.id, core::SiteKind::Output}, quant->output, task);
    }
    if (layer.hasWeights()) {
        auto trained = std::make_unique<QuantizedLayer>();
        trained->layer = &layer;
        trained->mode = quant == nullptr ? core::BatchNormMode::Folded : quant->batchNorm;
        trained->pair.workers = workers();
        trained->pair.precision = precision();
        trained->pair.node = &m_kept.graph.node(layer.node);
        trained->pair.tensors = &m_executor.tensors(layer.node);
        if (layer.batchNorm >= 0) {
            trained->pair.norm = &m_kept.graph.node(layer.batchNorm);
            trained->pair.statistics = &m_executor.tensors(layer.batchNorm);
        }
        if (quant != nullptr && !quant->weight.isFloat()) {
            const bool startsFolded = foldOf(*trained) != Fold::None;
            trained->weight = makeWeightTrainer(layer, quant->weight, weightForm(*trained, startsFolded));
            trained->learnsWeightRange = !trained->weight->parameters(task.options).empty();
        }
        QuantizedLayer* const target = trained.get();
        m_executor.setOperator(layer.node, [this, target](std::vector<at::Tensor> inputs) {
            return compute(*target, inputs[0]);
        });
        if (layer.batchNorm >= 0) {
            addNorm(*target, output);
        }
        m_layers.push_back(std::move(trained));
        output = target->output == nullptr ? output : nullptr;
    }
    if (output != nullptr) {
        setHook(layer.outputNode, output);
    }
}

void QuantizedNetwork::addNorm(QuantizedLayer& layer, SiteTrainer* output) {
    const core::NodeId norm = layer.layer->batchNorm;
    const core::NodeId last = layer.layer->outputNode;
    if (const core::NodeId clamp = m_executor.soleClampBehind(norm); clamp == last) {
        layer.clamp = clamp;
        m_executor.bypass(clamp);
    }
    if (last == norm || last == layer.clamp) {
        layer.output = output;
    }
    m_executor.setOperator(
        norm, [this, target = &layer](std::vector<at::Tensor> inputs) { return end(*target, inputs[0]); });
}

void QuantizedNetwork::setHook(core::NodeId node, SiteTrainer* site) {
    m_executor.setHook(node, [site](at::Tensor value) { return site->apply(value); });
}

SiteTrainer* QuantizedNetwork::addOutput(const core::Layer* layer, const core::SiteId& id,
                                         const core::SiteQuant& quant, const core::TrainTask& task) {
    const core::QuantizedTraining& training = *task.quantization;
    const core::SiteStatistics* const statistics =
        training.statistics == nullptr ? nullptr : training.statistics->find(id);
    const core::QParams* const start = training.start == nullptr ? nullptr : training.start->find(id);
    auto site = makeActivationTrainer(layer, id, quant, statistics, start);
    site->setWorkers(workers());
    return m_outputs.emplace(id, std::move(site)).first->second.get();
}

QuantizedNetwork::Fold QuantizedNetwork::foldOf(const QuantizedLayer& layer) const {
    if (layer.pair.norm == nullptr || !isFoldedWhenDeployed(layer)) {
        return Fold::None;
    }
    const bool isFake = layer.mode == core::BatchNormMode::FakeBn;
    if (!isFake && m_options.batchNorm == core::BatchNormTraining::DelayedFold) {
        return m_isDelayedFoldDone.data_ptr<double>()[0] != 0 ? Fold::Frozen : Fold::None;
    }
    if (m_isBatchNormFrozen) {
        return Fold::Frozen;
    }
    if (isFake || m_options.batchNorm == core::BatchNormTraining::BatchFold) {
        return Fold::BatchFold;
    }
    return m_options.batchNorm == core::BatchNormTraining::ScaledWeights ? Fold::ScaledWeights
                                                                         : Fold::RunningMerge;
}

bool QuantizedNetwork::isFoldedWhenDeployed(const QuantizedLayer& layer) const {
    return layer.mode == core::BatchNormMode::Folded || layer.mode == core::BatchNormMode::FakeBn;
}

at::Tensor QuantizedNetwork::quantized(const QuantizedLayer& layer, const at::Tensor& weight) const {
    return layer.weight == nullptr ? weight : layer.weight->apply(weight);
}

at::Tensor QuantizedNetwork::compute(QuantizedLayer& layer, const at::Tensor& x) const {
    const FoldablePair& pair = layer.pair;
    layer.scale = at::Tensor();
    switch (foldOf(layer)) {
    case Fold::None:
        return pair.compute(x, quantized(layer, pair.tensors->weight), pair.tensors->bias);
    case Fold::Frozen:
        return computeFolded(layer, x, runningFactor(pair));
    case Fold::BatchFold:
        return computeFolded(layer, x,
                             batchFactor(pair, pair.compute(x, pair.tensors->weight, pair.tensors->bias)));
    case Fold::RunningMerge:
        return computeMerged(layer, x);
    case Fold::ScaledWeights:
        return computeScaled(layer, x);
    }
    return {};
}

at::Tensor QuantizedNetwork::end(QuantizedLayer& layer, const at::Tensor& x) const {
    const at::Tensor scale = std::exchange(layer.scale, at::Tensor());
    const Fold fold = foldOf(layer);
    const bool isNormalised = fold == Fold::ScaledWeights || (fold == Fold::None && !m_isBatchNormFrozen);
    const bool isOnePass = isNormalised && canEndInOnePass(layer.pair, x);
    bool isQuantized = layer.output == nullptr;
    at::Tensor value;
    if (isOnePass) {
        NormEnding ending;
        if (layer.clamp >= 0) {
            ending.clamp = std::get<core::ClampOp>(structure().node(layer.clamp).op);
        }
        if (!isQuantized && layer.output->followsExtrema()) {
            ending.grid = [&](const core::Range& extrema) { return layer.output->follow(extrema); };
            isQuantized = true;
        }
        try {
            value = normaliseAndEnd(layer.pair, x, scale, ending);
        } catch (const core::Error& error) {
            throw core::Error(error.code(), "'" + layer.layer->id.str() + "': " + error.what());
        }
    } else {
        value = scale.defined() ? unscaled(x, scale) : x;
        if (isNormalised || fold == Fold::None) {
            value = normalise(layer.pair, value, m_isBatchNormFrozen);
        }
        if (layer.clamp >= 0) {
            value =
                applyOperator(structure().node(layer.clamp), {}, {std::move(value)}, ExecutionMode::Training);
        }
    }
    return isQuantized ? value : layer.output->apply(value);
}

at::Tensor QuantizedNetwork::computeFolded(const QuantizedLayer& layer, const at::Tensor& x,
                                           const ChannelFactor& factor) const {
    const at::Tensor weight = quantized(layer, foldedWeight(layer.pair.tensors->weight, factor));
    return layer.pair.compute(x, weight, foldedBias(layer.pair, factor));
}

at::Tensor QuantizedNetwork::computeMerged(const QuantizedLayer& layer, const at::Tensor& x) const {
    const FoldablePair& pair = layer.pair;
    if (layer.learnsWeightRange) {
        // The ranges learn through the quantized weights, so the gradient has to take that way.
        const ChannelFactor factor = runningFactor(pair);
        at::Tensor output = computeFolded(layer, x, factor);
        followFoldedOutput(pair, factor, output);
        return output;
    }
    const at::Tensor path = normalise(pair, pair.compute(x, pair.tensors->weight, pair.tensors->bias), false);
    const at::NoGradGuard noGrad;
    const at::Tensor value = computeFolded(layer, x, runningFactor(pair));
    const at::AutoGradMode gradients(true);
    return withGradientOf(value, path);
}

at::Tensor QuantizedNetwork::computeScaled(QuantizedLayer& layer, const at::Tensor& x) const {
    const FoldablePair& pair = layer.pair;
    const ChannelFactor factor{divisible(runningFactor(pair).factor), {}};
    layer.scale = factor.factor;
    const at::Tensor& bias = pair.tensors->bias;
    return pair.compute(x, quantized(layer, foldedWeight(pair.tensors->weight, factor)),
                        bias.defined() ? bias.mul(factor.factor) : bias);
}

std::vector<Parameter> QuantizedNetwork::parameters(const core::TrainOptions& options) {
    std::vector<Parameter> all = Network::parameters(options);
    const auto add = [&](SiteTrainer& site) {
        for (Parameter& parameter : site.parameters(options)) {
            all.push_back(std::move(parameter));
        }
    };
    for (const auto& layer : m_layers) {
        if (layer->weight != nullptr) {
            add(*layer->weight);
        }
    }
    for (const auto& [id, site] : m_outputs) {
        add(*site);
    }
    return all;
}

std::vector<std::string> QuantizedNetwork::beginStep(double epoch) {
    m_isBatchNormFrozen = m_options.freezeBatchNormAtEpoch && epoch >= *m_options.freezeBatchNormAtEpoch;
    const bool areRangesFrozen = m_options.freezeRangesAtEpoch && epoch >= *m_options.freezeRangesAtEpoch;
    for (const auto& [id, site] : m_outputs) {
        site->setRangeFrozen(areRangesFrozen);
        site->setQuantizing(epoch >= m_options.quantizeActivationsFromEpoch);
    }
    std::vector<std::string> restarted;
    const bool foldsNow = m_options.batchNorm == core::BatchNormTraining::DelayedFold &&
                          epoch >= m_options.foldDelayEpochs &&
                          m_isDelayedFoldDone.data_ptr<double>()[0] == 0;
    if (foldsNow) {
        m_isDelayedFoldDone.data_ptr<double>()[0] = 1;
    }
    for (const auto& layer : m_layers) {
        if (layer->weight == nullptr) {
            continue;
        }
        layer->weight->setRangeFrozen(areRangesFrozen);
        if (foldsNow && foldOf(*layer) == Fold::Frozen) {
            layer->weight->refit(weightForm(*layer, true));
            restarted.push_back(layer->weight->name());
        }
    }
    return restarted;
}

void QuantizedNetwork::endStep() {
    for (const auto& layer : m_layers) {
        if (layer->weight != nullptr) {
            layer->weight->endStep();
        }
    }
    for (const auto& [id, site] : m_outputs) {
        site->endStep();
    }
}

at::Tensor QuantizedNetwork::weightForm(const QuantizedLayer& layer, bool isFolded) const {
    const at::NoGradGuard noGrad;
    const at::Tensor weight = layer.pair.tensors->weight.detach();
    return isFolded && layer.pair.norm != nullptr ? foldedWeight(weight, runningFactor(layer.pair)) : weight;
}

core::PreparedModel QuantizedNetwork::deployed() const {
    return core::prepare(graph(), {}, core::layersKeepingBatchNorm(m_config));
}

core::QuantPlan QuantizedNetwork::plan() const {
    core::QuantPlan plan;
    for (const auto& [id, site] : m_outputs) {
        plan.sites.emplace(id, site->grid({}));
    }
    for (const auto& layer : m_layers) {
        if (layer->pair.norm != nullptr && layer->mode != core::BatchNormMode::Folded) {
            plan.batchNorm.emplace(layer->layer->id, layer->mode);
        }
        if (layer->weight == nullptr) {
            continue;
        }
        const at::Tensor weight = weightForm(*layer, isFoldedWhenDeployed(*layer));
        const bool isAnotherForm =
            isFoldedWhenDeployed(*layer) && layer->pair.norm != nullptr && foldOf(*layer) == Fold::None;
        // Before a delayed fold the trainer knows the unfolded weights alone; the deployed ones get the grid
        // they would start with.
        plan.sites.emplace(layer->weight->id(),
                           isAnotherForm
                               ? core::resolveSite(layer->layer, unwrap(weight), layer->weight->id(),
                                                   m_config.layers.at(layer->layer->id).weight, nullptr)
                               : layer->weight->grid(weight));
    }
    return plan;
}

std::vector<core::SiteRange> QuantizedNetwork::ranges() const {
    std::vector<core::SiteRange> all;
    for (const auto& [id, grid] : plan().sites) {
        all.push_back(rangeOf(id, grid));
    }
    return all;
}

core::EvaluationResult QuantizedNetwork::evaluate(const core::BatchSource& data,
                                                  const core::RunContext& context) const {
    return evaluateClassifier(makeQuantizedExecutor(deployed(), plan()), data, context);
}

NamedTensors QuantizedNetwork::state() {
    NamedTensors all = Network::state();
    for (const auto& layer : m_layers) {
        if (layer->weight != nullptr) {
            layer->weight->addState(all);
        }
    }
    for (const auto& [id, site] : m_outputs) {
        site->addState(all);
    }
    all["batch_norm.is_delayed_fold_done"] = m_isDelayedFoldDone;
    return all;
}

}  // namespace bitlathe::engine
