#pragma once

#include "core/engine/engine.h"
#include "engine/post_training.h"

namespace bitlathe::engine {

/// core::Engine over LibTorch. Every method translates what LibTorch throws to core::Error.
/// Memory allocation and LibTorch's warnings are set up process-wide by the first one made.
class TorchEngine final : public core::Engine {
public:
    TorchEngine();

    core::EngineInfo info() const override;
    void setThreads(int threads) override;

    core::Graph importTorchScript(const std::string& path, const core::Shape& inputShape) override;
    void saveTorchScript(const core::Graph& graph, const std::string& path) override;

    core::Statistics calibrate(const core::PreparedModel& model, const core::BatchSource& data,
                               core::ChannelDetail detail, const core::RunContext& context) override;
    core::EvaluationResult evaluate(const core::PreparedModel& model, const core::QuantPlan& plan,
                                    const core::BatchSource& data, const core::RunContext& context) override;
    std::vector<core::LayerError> layerErrors(const core::PreparedModel& model, const core::QuantPlan& plan,
                                              const core::BatchSource& data,
                                              const core::RunContext& context) override;
    core::PostTrainingEngine* postTraining() override { return &m_postTraining; }
    core::SensitivityTable sensitivity(const core::PreparedModel& model,
                                       std::span<const core::SensitivityProbe> probes,
                                       const core::BatchSource& data,
                                       const core::RunContext& context) override;
    std::vector<core::FloatTensor> layerValues(const core::PreparedModel& model, const core::QuantPlan& plan,
                                               const core::Batch& batch) override;
    core::FloatTensor forward(const core::PreparedModel& model, const core::QuantPlan& plan,
                              const core::Batch& batch) override;
    core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                            const core::TrainObserver& observer) override;

private:
    TorchPostTraining m_postTraining;
};

}  // namespace bitlathe::engine
