#pragma once

#include "core/engine/post_training_engine.h"

namespace bitlathe::engine {

/// core::PostTrainingEngine over LibTorch; what LibTorch throws becomes core::Error.
class TorchPostTraining final : public core::PostTrainingEngine {
public:
    std::map<core::NodeId, core::ChannelMoments> channelMoments(const core::PreparedModel& model,
                                                                const core::QuantPlan& plan,
                                                                const std::vector<core::NodeId>& nodes,
                                                                const core::BatchSource& data,
                                                                const core::RunContext& context) override;
    std::map<core::LayerId, std::vector<double>>
    adjustBiases(const core::PreparedModel& model, const core::QuantPlan& plan,
                 const std::vector<core::LayerId>& layers, const core::BiasAdjustment& options,
                 const core::BatchSource& data, const core::RunContext& context) override;
    core::FloatTensor learnRounding(const core::PreparedModel& model, const core::QuantPlan& plan,
                                    const core::Layer& layer, const core::RoundingOptions& options,
                                    const core::BatchSource& data, const core::RunContext& context) override;
};

}  // namespace bitlathe::engine
