#pragma once

#include "core/graph/prepare.h"
#include "engine/training/batch_norm_training.h"
#include "engine/training/network.h"
#include "engine/training/site_trainer.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bitlathe::engine {

/// A network that computes with quantized weights and outputs while it trains. Every layer keeps its own batch
/// norm in here, whatever it is deployed as: how it is folded in a step, QatOptions and the layer's
/// BatchNormMode say. Biases stay float in training: their grid is that of the accumulator.
class QuantizedNetwork final : public Network {
public:
    /// Errors  InvalidConfig naming the site: a quantizer or granularity that cannot be trained.
    QuantizedNetwork(const core::TrainTask& task, std::shared_ptr<const Workers> workers);

    std::vector<Parameter> parameters(const core::TrainOptions& options) override;
    std::vector<std::string> beginStep(double epoch) override;
    void endStep() override;
    core::QuantPlan plan() const override;
    std::vector<core::SiteRange> ranges() const override;
    core::EvaluationResult evaluate(const core::BatchSource& data,
                                    const core::RunContext& context) const override;
    NamedTensors state() override;

private:
    struct QuantizedLayer {
        const core::Layer* layer = nullptr;
        core::BatchNormMode mode = core::BatchNormMode::Folded;
        FoldablePair pair;
        std::unique_ptr<SiteTrainer> weight;  ///< null: float
        bool learnsWeightRange = false;
        core::NodeId clamp = -1;        ///< activation that the batch norm's node applies; -1: none
        SiteTrainer* output = nullptr;  ///< the output's quantizer where the batch norm's node applies it
        at::Tensor
            scale;  ///< what the convolution just computed is multiplied by (ScaledWeights); else undefined
    };
    enum class Fold { None, RunningMerge, BatchFold, ScaledWeights, Frozen };

    QuantizedNetwork(const core::TrainTask& task, core::PreparedModel kept,
                     std::shared_ptr<const Workers> workers);

    void addLayer(const core::Layer& layer, const core::TrainTask& task);
    /// Lets the node of a layer's batch norm do what is behind it in the layer.
    void addNorm(QuantizedLayer& layer, SiteTrainer* output);
    /// Makes the quantizer of a tensor; its hook is the caller's.
    SiteTrainer* addOutput(const core::Layer* layer, const core::SiteId& id, const core::SiteQuant& quant,
                           const core::TrainTask& task);
    void setHook(core::NodeId node, SiteTrainer* site);
    Fold foldOf(const QuantizedLayer& layer) const;
    at::Tensor compute(QuantizedLayer& layer, const at::Tensor& x) const;
    /// What the layer makes of its convolution's result: batch norm as it is trained, activation, quantizer.
    at::Tensor end(QuantizedLayer& layer, const at::Tensor& x) const;
    at::Tensor computeFolded(const QuantizedLayer& layer, const at::Tensor& x,
                             const ChannelFactor& factor) const;
    at::Tensor computeMerged(const QuantizedLayer& layer, const at::Tensor& x) const;
    at::Tensor computeScaled(QuantizedLayer& layer, const at::Tensor& x) const;
    at::Tensor quantized(const QuantizedLayer& layer, const at::Tensor& weight) const;
    /// The weight as its grid sees it.
    at::Tensor weightForm(const QuantizedLayer& layer, bool isFolded) const;
    bool isFoldedWhenDeployed(const QuantizedLayer& layer) const;
    core::PreparedModel deployed() const;

    core::PreparedModel m_kept;  ///< every batch norm a node of its own
    core::QuantConfig m_config;
    core::QatOptions m_options;
    std::vector<std::unique_ptr<QuantizedLayer>> m_layers;  ///< with weights
    std::map<core::SiteId, std::unique_ptr<SiteTrainer>> m_outputs;
    bool m_isBatchNormFrozen = false;
    at::Tensor m_isDelayedFoldDone;  ///< one number, 0 or 1: part of the state
};

}  // namespace bitlathe::engine
