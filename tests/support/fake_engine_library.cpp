// A library that BITLATHE_ENGINE can point at: programs under test get the fake engine with a small
// MobileNet, so that they are tested without LibTorch. A model file whose name begins with "bad" cannot be
// read; one that begins with "slow" takes a while for each batch.

#include "core/zoo/zoo.h"
#include "tests/support/fake_engine.h"

#include <chrono>
#include <filesystem>
#include <thread>

namespace {

using namespace bitlathe;

class ProgramEngine final : public core::Engine {
public:
    ProgramEngine() {
        m_fake.graph = core::buildZooModel(
            "mobilenet_v1",
            {{"width", 0.25}, {"size", 32}, {"channels", 1}, {"classes", 10}, {"stem_stride", 1}}, {1});
    }
    core::EngineInfo info() const override { return m_fake.info(); }
    void setThreads(int threads) override { m_fake.setThreads(threads); }
    core::Graph importTorchScript(const std::string& path, const core::Shape& shape) override {
        const std::string name = std::filesystem::path(path).filename().string();
        if (name.starts_with("bad")) {
            throw core::Error(core::ErrorCode::ModelFormat, "'" + path + "' is no TorchScript file");
        }
        if (name.starts_with("slow")) {
            m_fake.onStep = [](const std::string&, std::int64_t) {
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
            };
        }
        return m_fake.importTorchScript(path, shape);
    }
    void saveTorchScript(const core::Graph& graph, const std::string& path) override {
        m_fake.saveTorchScript(graph, path);
    }
    core::Statistics calibrate(const core::PreparedModel& model, const core::BatchSource& data,
                               core::ChannelDetail detail, const core::RunContext& context) override {
        return m_fake.calibrate(model, data, detail, context);
    }
    core::EvaluationResult evaluate(const core::PreparedModel& model, const core::QuantPlan& plan,
                                    const core::BatchSource& data, const core::RunContext& context) override {
        return m_fake.evaluate(model, plan, data, context);
    }
    std::vector<core::LayerError> layerErrors(const core::PreparedModel& model, const core::QuantPlan& plan,
                                              const core::BatchSource& data,
                                              const core::RunContext& context) override {
        return m_fake.layerErrors(model, plan, data, context);
    }
    core::SensitivityTable sensitivity(const core::PreparedModel& model,
                                       std::span<const core::SensitivityProbe> probes,
                                       const core::BatchSource& data,
                                       const core::RunContext& context) override {
        return m_fake.sensitivity(model, probes, data, context);
    }
    std::vector<core::FloatTensor> layerValues(const core::PreparedModel& model, const core::QuantPlan& plan,
                                               const core::Batch& batch) override {
        return m_fake.layerValues(model, plan, batch);
    }
    core::FloatTensor forward(const core::PreparedModel& model, const core::QuantPlan& plan,
                              const core::Batch& batch) override {
        return m_fake.forward(model, plan, batch);
    }
    core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                            const core::TrainObserver& observer) override {
        return m_fake.train(task, context, observer);
    }

private:
    tests::FakeEngine m_fake;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) bitlathe::core::Engine* bitlathe_create_engine() {
    return new ProgramEngine;
}
