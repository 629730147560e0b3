#include "engine/sensitivity_meter.h"

#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/fake_quantize_op.h"
#include "engine/quantized_executor.h"
#include "engine/tensor_bridge.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::engine {

namespace {

/// Answers of a model to one batch: the output's values and the classes' log probabilities, row by row.
struct Answers {
    std::int64_t classes = 0;
    std::vector<float> outputs;
    std::vector<double> logProbabilities;
};

/// Sums over the images seen so far.
struct Sums {
    double loss = 0;
    double divergence = 0;
    double signal = 0;
    double noise = 0;
    std::int64_t correct = 0;
};

void appendLogProbabilities(const float* row, std::int64_t classes, bool areProbabilities,
                            std::vector<double>& all) {
    constexpr double kFloor = 1e-12;
    if (areProbabilities) {
        for (std::int64_t i = 0; i < classes; ++i) {
            all.push_back(std::log(std::max(static_cast<double>(row[i]), kFloor)));
        }
        return;
    }
    const double top = static_cast<double>(*std::max_element(row, row + classes));
    double sum = 0;
    for (std::int64_t i = 0; i < classes; ++i) {
        sum += std::exp(static_cast<double>(row[i]) - top);
    }
    for (std::int64_t i = 0; i < classes; ++i) {
        all.push_back(static_cast<double>(row[i]) - top - std::log(sum));
    }
}

/// One model with its float values of one batch, and what single changes do to its answers.
class Meter {
public:
    explicit Meter(const core::PreparedModel& model)
        : m_model(model), m_executor(model.graph, ExecutionMode::Inference),
          m_consumers(model.graph.consumers()), m_areProbabilities(std::holds_alternative<core::SoftmaxOp>(
                                                    model.graph.node(model.graph.output).op)) {}

    /// The float model's values and answers for a batch, which must stay alive.
    void load(const core::Batch& batch) {
        requireInputShape(m_model.graph, batch.shape);
        m_values.assign(m_model.graph.nodes.size(), {});
        m_values[0] = m_executor.compute(0, {toChannelsLast(wrapImages(batch))});
        for (core::NodeId id = 1; id <= m_model.graph.output; ++id) {
            // Values are held here, so no operator overwrites them.
            m_values[static_cast<std::size_t>(id)] = m_executor.compute(id, inputs(id, m_values));
        }
        m_labels = &batch.labels;
        m_float = answersOf(m_values[static_cast<std::size_t>(m_model.graph.output)]);
        for (const std::int64_t label : batch.labels) {
            requireLabel(label, m_float.classes, m_model.graph);
        }
    }

    Answers probe(const core::SensitivityProbe& probe) {
        if (probe.site.layer == core::kInputLayer) {
            return after(0, fakeQuantize(m_values[0].clone(), probe.grid));
        }
        const core::Layer* const layer = m_model.findLayer(probe.site.layer);
        if (layer == nullptr) {
            throw core::Error(core::ErrorCode::InvalidConfig,
                              "sensitivity of layer '" + probe.site.layer.str() +
                                  "' was asked for, which model '" + m_model.graph.name + "' does not have");
        }
        if (probe.site.kind == core::SiteKind::Output) {
            const at::Tensor& value = m_values[static_cast<std::size_t>(layer->outputNode)];
            return after(layer->outputNode, fakeQuantize(value.clone(), probe.grid));
        }
        const NodeTensors unchanged = m_executor.tensors(layer->node);
        core::QuantPlan plan;
        plan.sites.emplace(probe.site, probe.grid);
        quantizeWeights(m_executor, m_model, *layer, plan);
        at::Tensor value = m_executor.compute(layer->node, inputs(layer->node, m_values));
        m_executor.tensors(layer->node) = unchanged;
        return after(layer->node, std::move(value));
    }

    const Answers& floatAnswers() const noexcept { return m_float; }
    const std::vector<std::int64_t>& labels() const noexcept { return *m_labels; }

private:
    std::vector<at::Tensor> inputs(core::NodeId id, const std::vector<at::Tensor>& values) const {
        std::vector<at::Tensor> tensors;
        for (const core::NodeId input : m_model.graph.node(id).inputs) {
            tensors.push_back(values[static_cast<std::size_t>(input)]);
        }
        return tensors;
    }

    /// The answers when node `from` has this value: what it does not reach keeps the float values.
    Answers after(core::NodeId from, at::Tensor value) const {
        const std::size_t nodes = m_model.graph.nodes.size();
        std::vector<at::Tensor> changed(nodes);
        std::vector<std::size_t> readersLeft(nodes, 0);
        const auto put = [&](core::NodeId id, at::Tensor tensor) {
            changed[static_cast<std::size_t>(id)] = std::move(tensor);
            readersLeft[static_cast<std::size_t>(id)] = m_consumers[static_cast<std::size_t>(id)].size();
        };
        put(from, std::move(value));
        for (core::NodeId id = from + 1; id <= m_model.graph.output; ++id) {
            const std::vector<core::NodeId>& sources = m_model.graph.node(id).inputs;
            const bool isReached = std::any_of(sources.begin(), sources.end(), [&](core::NodeId source) {
                return changed[static_cast<std::size_t>(source)].defined();
            });
            if (!isReached) {
                continue;
            }
            std::vector<at::Tensor> tensors;
            for (const core::NodeId source : sources) {
                const auto i = static_cast<std::size_t>(source);
                if (!changed[i].defined()) {
                    tensors.push_back(m_values[i]);
                } else {
                    tensors.push_back(changed[i]);
                    --readersLeft[i];
                }
            }
            for (const core::NodeId source : sources) {
                const auto i = static_cast<std::size_t>(source);
                // The last reader gets the only handle and may write over the value.
                if (changed[i].defined() && readersLeft[i] == 0) {
                    changed[i].reset();
                }
            }
            put(id, m_executor.compute(id, std::move(tensors)));
        }
        const auto output = static_cast<std::size_t>(m_model.graph.output);
        return answersOf(changed[output].defined() ? changed[output] : m_values[output]);
    }

    Answers answersOf(const at::Tensor& output) const {
        const at::Tensor flat = output.flatten(1).contiguous();
        Answers answers;
        answers.classes = flat.size(1);
        const float* const data = flat.data_ptr<float>();
        answers.outputs.assign(data, data + flat.numel());
        answers.logProbabilities.reserve(answers.outputs.size());
        for (std::int64_t row = 0; row < flat.size(0); ++row) {
            appendLogProbabilities(data + row * answers.classes, answers.classes, m_areProbabilities,
                                   answers.logProbabilities);
        }
        return answers;
    }

    const core::PreparedModel& m_model;
    GraphExecutor m_executor;
    std::vector<std::vector<core::NodeId>> m_consumers;
    bool m_areProbabilities;
    std::vector<at::Tensor> m_values;  ///< of the float model, by node
    const std::vector<std::int64_t>* m_labels = nullptr;
    Answers m_float;
};

void addBatch(const Answers& reference, const Answers& answers, const std::vector<std::int64_t>& labels,
              Sums& sums) {
    const auto classes = static_cast<std::size_t>(reference.classes);
    for (std::size_t row = 0; row < labels.size(); ++row) {
        std::size_t best = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            const std::size_t i = row * classes + c;
            const double expected = reference.logProbabilities[i];
            sums.divergence += std::exp(expected) * (expected - answers.logProbabilities[i]);
            const double value = static_cast<double>(reference.outputs[i]);
            const double difference = value - static_cast<double>(answers.outputs[i]);
            sums.signal += value * value;
            sums.noise += difference * difference;
            best = answers.outputs[i] > answers.outputs[row * classes + best] ? c : best;
        }
        const auto label = static_cast<std::size_t>(labels[row]);
        sums.loss -= answers.logProbabilities[row * classes + label];
        sums.correct += best == label ? 1 : 0;
    }
}

core::Sensitivity entryOf(const core::SensitivityProbe& probe, const Sums& sums, double samples) {
    const double sqnr =
        sums.noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(sums.signal / sums.noise);
    return {probe.site, probe.bits, sums.loss / samples, sums.divergence / samples, sqnr, sums.correct};
}

}  // namespace

core::SensitivityTable measureSensitivity(const core::PreparedModel& model,
                                          std::span<const core::SensitivityProbe> probes,
                                          const core::BatchSource& data, const core::RunContext& context) {
    const c10::InferenceMode inference;
    Meter meter(model);
    std::vector<Sums> sums(probes.size());
    Sums floatSums;
    core::Batch batch;
    const std::int64_t batches = data.batchCount();
    const auto questions = static_cast<std::int64_t>(probes.size());
    for (std::int64_t i = 0; i < batches; ++i) {
        data.read(i, batch);
        meter.load(batch);
        addBatch(meter.floatAnswers(), meter.floatAnswers(), meter.labels(), floatSums);
        for (std::size_t p = 0; p < probes.size(); ++p) {
            context.checkpoint(i * questions + static_cast<std::int64_t>(p), batches * questions,
                               probes[p].site.layer.str() + " at " + std::to_string(probes[p].bits) +
                                   " bits");
            addBatch(meter.floatAnswers(), meter.probe(probes[p]), meter.labels(), sums[p]);
        }
    }
    context.checkpoint(batches * questions, batches * questions);
    core::SensitivityTable table;
    table.samples = data.sampleCount();
    const auto samples = static_cast<double>(std::max<std::int64_t>(1, table.samples));
    table.floatLoss = floatSums.loss / samples;
    table.floatCorrect = floatSums.correct;
    for (std::size_t p = 0; p < probes.size(); ++p) {
        table.add(entryOf(probes[p], sums[p], samples));
    }
    return table;
}

}  // namespace bitlathe::engine
