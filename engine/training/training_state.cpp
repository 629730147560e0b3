#include "engine/training/training_state.h"

#include "core/types/error.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <cstring>
#include <vector>

namespace bitlathe::engine {

namespace {

// Fronts of the names of a checkpoint's tensors.
constexpr const char* kNetwork = "network/";
constexpr const char* kBest = "best/";

nlohmann::json measuredToJson(const core::EvaluationResult& measured) {
    return {{"samples", measured.samples},
            {"correct", measured.correct},
            {"mean_loss", measured.meanLoss},
            {"elapsed_ms", measured.elapsedMs}};
}

core::EvaluationResult measuredFromJson(const nlohmann::json& json) {
    core::EvaluationResult measured;
    measured.samples = json.at("samples");
    measured.correct = json.at("correct");
    measured.meanLoss = json.at("mean_loss");
    measured.elapsedMs = json.at("elapsed_ms");
    return measured;
}

std::string slotName(std::size_t slot, const Parameter& parameter) {
    return "optimizer/" + std::to_string(slot) + "/" + parameter.name;
}

void restoreOptimizer(const Checkpoint& from, Optimizer& optimizer) {
    const at::NoGradGuard noGrad;
    optimizer.steps() = from.numbers.at("optimizer_steps").get<std::vector<std::int64_t>>();
    auto& slots = optimizer.state();
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        for (std::size_t i = 0; i < slots[slot].size(); ++i) {
            const Parameter& parameter = optimizer.parameters()[i];
            const auto found = from.tensors.find(slotName(slot, parameter));
            if (found != from.tensors.end()) {
                slots[slot][i] = at::empty_like(parameter.value).copy_(found->second);
            }
        }
    }
}

}  // namespace

void TrainingState::closeEpoch() {
    ++epoch;
    batch = 0;
    lossSum = 0;
    samples = 0;
    correct = 0;
}

nlohmann::json fingerprintOf(const core::TrainTask& task) {
    return {{"model", core::graphHash(*task.graph)},
            {"data", task.trainData->hash()},
            {"validation", task.validationData == nullptr ? "" : task.validationData->hash()},
            {"epochs", task.options.epochs},
            {"batch_size", task.options.batchSize},
            {"optimizer", task.options.optimizer.name},
            {"learning_rate", task.options.learningRate}};
}

Checkpoint packed(const core::TrainTask& task, const TrainingState& state, Network& network,
                  Optimizer& optimizer) {
    Checkpoint result;
    result.numbers = {{"fingerprint", fingerprintOf(task)},
                      {"epoch", state.epoch},
                      {"batch", state.batch},
                      {"step", state.step},
                      {"loss_sum", state.lossSum},
                      {"samples", state.samples},
                      {"correct", state.correct},
                      {"optimizer_steps", optimizer.steps()},
                      {"best_epoch", state.bestEpoch},
                      {"best_measured", measuredToJson(state.bestMeasured)},
                      {"last_measured", measuredToJson(state.lastMeasured)}};
    const auto& slots = optimizer.state();
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        for (std::size_t i = 0; i < slots[slot].size(); ++i) {
            if (slots[slot][i].defined()) {
                result.tensors[slotName(slot, optimizer.parameters()[i])] = slots[slot][i];
            }
        }
    }
    for (const auto& [name, tensor] : network.state()) {
        result.tensors[kNetwork + name] = tensor;
    }
    for (const auto& [name, tensor] : state.bestNetwork) {
        result.tensors[kBest + name] = tensor;
    }
    return result;
}

TrainingState unpacked(const Checkpoint& checkpoint, const std::string& path, const core::TrainTask& task,
                       Network& network, Optimizer& optimizer) {
    const nlohmann::json& numbers = checkpoint.numbers;
    if (numbers.at("fingerprint") != fingerprintOf(task)) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "the checkpoint " + path +
                              " was made with another model, other data or other options; resume with the "
                              "recipe it was made by");
    }
    TrainingState state;
    state.epoch = numbers.at("epoch");
    state.batch = numbers.at("batch");
    state.step = numbers.at("step");
    state.lossSum = numbers.at("loss_sum");
    state.samples = numbers.at("samples");
    state.correct = numbers.at("correct");
    state.lastMeasured = measuredFromJson(numbers.at("last_measured"));
    state.bestMeasured = measuredFromJson(numbers.at("best_measured"));
    state.bestEpoch = numbers.at("best_epoch");
    restoreTensors(checkpoint.tensors, kNetwork, network.state());
    restoreOptimizer(checkpoint, optimizer);
    for (const auto& [name, tensor] : checkpoint.tensors) {
        if (name.starts_with(kBest)) {
            state.bestNetwork[name.substr(std::strlen(kBest))] = tensor;
        }
    }
    return state;
}

}  // namespace bitlathe::engine
