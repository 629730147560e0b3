#include "core/deploy/deployment_report.h"

#include "core/deploy/exact_value.h"
#include "core/deploy/lower.h"
#include "core/engine/classification_score.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>
#include <utility>

namespace bitlathe::core {

namespace {

Shape sampleOf(const Shape& shape) {
    return shape.empty() ? shape : Shape(shape.begin() + 1, shape.end());
}

void requireImages(const IntegerGraph& graph, const Shape& batchShape) {
    const IntegerTensor& input = graph.inputTensor();
    const Shape expected{input.channels, input.rows, input.columns};
    if (sampleOf(batchShape) != expected) {
        throw Error(ErrorCode::ShapeMismatch, "model '" + graph.name + "' takes images of " +
                                                  shapeText(expected) + " but the data has " +
                                                  shapeText(sampleOf(batchShape)) +
                                                  "; change the data's padding or the model's input shape");
    }
}

/// N,C,H,W values on a tensor's grid to codes N,H,W,C.
Codes codesOf(std::span<const float> values, const IntegerTensor& tensor) {
    Codes codes(values.size());
    const auto channels = static_cast<std::size_t>(tensor.channels);
    const auto area = static_cast<std::size_t>(tensor.rows) * static_cast<std::size_t>(tensor.columns);
    const auto images = values.size() / (channels * area);
    const float scale = static_cast<float>(tensor.scale);
    const float* value = values.data();
    for (std::size_t n = 0; n < images; ++n) {
        for (std::size_t c = 0; c < channels; ++c) {
            std::int32_t* target = codes.data() + n * channels * area + c;
            for (std::size_t i = 0; i < area; ++i, target += channels) {
                *target = static_cast<std::int32_t>(std::nearbyint(*value++ / scale)) + tensor.zeroPoint;
            }
        }
    }
    return codes;
}

/// The comparison of both models, batch by batch.
class Comparison {
public:
    Comparison(Engine& engine, const PreparedModel& model, const QuantPlan& plan, IntegerEngine& integer)
        : m_engine(engine), m_model(model), m_plan(plan), m_integer(integer), m_graph(integer.graph()) {
        for (const IntegerLayer& layer : m_graph.layers) {
            m_agreements.emplace_back();
            m_agreements.back().layer = layer.id;
            m_agreements.back().isExact = isFloatExact(m_graph, layer);
        }
    }

    void add(const Batch& batch, std::int64_t images) {
        const std::vector<FloatTensor> simulated = m_engine.layerValues(m_model, m_plan, batch);
        const auto values = [&](std::size_t index, const IntegerTensor& tensor) {
            const auto size = static_cast<std::size_t>(images * tensor.elements());
            return codesOf(simulated[index].values().first(size), tensor);
        };
        m_codes.assign(m_graph.tensors.size(), {});
        m_codes[static_cast<std::size_t>(m_graph.input)] = values(0, m_graph.inputTensor());
        const auto onItsOwn = m_integer.runAllLayers(m_codes[static_cast<std::size_t>(m_graph.input)]);
        for (std::size_t k = 0; k < m_graph.layers.size(); ++k) {
            const IntegerLayer& layer = m_graph.layers[k];
            const IntegerTensor& tensor = m_graph.tensor(layer.output);
            if (tensor.bits == 32) {
                continue;  // raw accumulators are nobody's codes
            }
            std::vector<Codes> inputs;
            for (const int index : layer.inputs) {
                inputs.push_back(m_codes[static_cast<std::size_t>(index)]);
            }
            Codes made = m_integer.runLayer(k, inputs);
            const Layer* const source = m_model.findLayer(layer.id);
            if (source != nullptr) {
                const Codes expected = values(static_cast<std::size_t>(source->index) + 1, tensor);
                compare(m_agreements[k], layer, inputs, made, expected);
                m_agreements[k].accumulated += count(onItsOwn[k], expected);
                made = expected;
            }
            m_codes[static_cast<std::size_t>(layer.output)] = std::move(made);
        }
    }

    /// Layers that were compared.
    std::vector<LayerAgreement> take() {
        std::erase_if(m_agreements, [](const LayerAgreement& agreement) { return agreement.compared == 0; });
        return std::move(m_agreements);
    }

private:
    static std::int64_t count(const Codes& a, const Codes& b) {
        std::int64_t different = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            different += a[i] != b[i] ? 1 : 0;
        }
        return different;
    }

    void compare(LayerAgreement& agreement, const IntegerLayer& layer, std::span<const Codes> inputs,
                 const Codes& made, const Codes& expected) const {
        const auto size = static_cast<std::size_t>(m_graph.tensor(layer.output).elements());
        agreement.compared += static_cast<std::int64_t>(made.size());
        for (std::size_t i = 0; i < made.size(); ++i) {
            if (made[i] != expected[i]) {
                explain(agreement, layer, imageOf(layer, inputs, i / size), i % size,
                        std::abs(made[i] - expected[i]));
            }
        }
    }

    std::vector<Codes> imageOf(const IntegerLayer& layer, std::span<const Codes> inputs,
                               std::size_t image) const {
        std::vector<Codes> one;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            const auto size = m_graph.tensor(layer.inputs[k]).elements();
            const auto first = inputs[k].begin() + static_cast<std::ptrdiff_t>(image) * size;
            one.emplace_back(first, first + size);
        }
        return one;
    }

    void explain(LayerAgreement& agreement, const IntegerLayer& layer, const std::vector<Codes>& inputs,
                 std::size_t element, std::int64_t difference) const {
        ExactValue exact = exactValue(m_graph, layer, inputs, element);
        exact.bound += normalisationBound(layer, element);
        ++agreement.differing;
        agreement.largestDifference = std::max(agreement.largestDifference, difference);
        agreement.largestMargin = std::max(agreement.largestMargin, exact.margin);
        agreement.largestBound = std::max(agreement.largestBound, exact.bound);
        agreement.explained += difference == 1 && exact.margin <= exact.bound ? 1 : 0;
    }

    /// A batch norm that the simulation keeps in float has its shift rounded to the accumulator's grid here.
    double normalisationBound(const IntegerLayer& layer, std::size_t element) const {
        const auto* const conv = std::get_if<IntegerConv>(&layer.op);
        if (conv == nullptr || conv->output.factors.empty() ||
            m_plan.batchNormMode(layer.id) != BatchNormMode::NotFolded) {
            return 0;
        }
        const auto channels = static_cast<std::size_t>(m_graph.tensor(layer.output).channels);
        return 0.5 * std::fabs(value(conv->output.factor(element % channels)));
    }

    Engine& m_engine;
    const PreparedModel& m_model;
    const QuantPlan& m_plan;
    IntegerEngine& m_integer;
    const IntegerGraph& m_graph;
    std::vector<LayerAgreement> m_agreements;
    std::vector<Codes> m_codes;  ///< of the fake-quantized model, by tensor
};

std::string scientific(double number) {
    return fmt::format("{:.1e}", number);
}

}  // namespace

std::string LayerAgreement::reason() const {
    if (differing == 0) {
        return isExact ? "equal, as it must be: every step is a power of two" : "equal";
    }
    const std::string all = std::to_string(differing) + " of " + std::to_string(compared) + " codes differ";
    const std::string where = "exact values up to " + scientific(largestMargin) +
                              " of a step from a rounding boundary, where float32 may be off by " +
                              scientific(largestBound);
    if (explained == differing) {
        return all + ": " + where;
    }
    return all + ", " + std::to_string(differing - explained) + " of them not by float32 rounding: " + where;
}

std::int64_t DeploymentReport::compared() const noexcept {
    std::int64_t sum = 0;
    for (const LayerAgreement& layer : layers) {
        sum += layer.compared;
    }
    return sum;
}

std::int64_t DeploymentReport::differing() const noexcept {
    std::int64_t sum = 0;
    for (const LayerAgreement& layer : layers) {
        sum += layer.differing;
    }
    return sum;
}

std::int64_t DeploymentReport::unexplained() const noexcept {
    std::int64_t sum = 0;
    for (const LayerAgreement& layer : layers) {
        sum += layer.differing - layer.explained;
    }
    return sum;
}

EvaluationResult evaluateInteger(IntegerEngine& engine, const BatchSource& data, const RunContext& context) {
    ClassificationScore score(engine.graph().name, false);
    const auto classes = static_cast<std::size_t>(engine.graph().outputTensor().elements());
    const std::int64_t batches = data.batchCount();
    Batch batch;
    const auto begin = std::chrono::steady_clock::now();
    for (std::int64_t i = 0; i < batches; ++i) {
        context.checkpoint(i, batches, "batch " + std::to_string(i + 1) + " of " + std::to_string(batches));
        data.read(i, batch);
        requireImages(engine.graph(), batch.shape);
        const std::vector<float> outputs = engine.run(batch.images);
        for (std::size_t n = 0; n < batch.labels.size(); ++n) {
            score.add(std::span(outputs).subspan(n * classes, classes), batch.labels[n]);
        }
    }
    context.checkpoint(batches, batches);
    EvaluationResult result = score.result();
    result.elapsedMs =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    return result;
}

DeploymentReport deploymentReport(Engine& engine, const PreparedModel& model, const QuantPlan& plan,
                                  const BatchSource& data, const DeploymentOptions& options,
                                  const RunContext& context) {
    const IntegerGraph graph = lower(model, plan);
    IntegerEngine integer(graph, {.threads = options.threads});
    DeploymentReport report;
    report.kernels = integer.kernelName();
    report.arenaBytes = integer.arenaBytes();
    report.integer = evaluateInteger(integer, data, context);

    Comparison comparison(engine, model, plan, integer);
    const std::int64_t wanted =
        options.compareImages == 0 ? data.sampleCount() : std::min(options.compareImages, data.sampleCount());
    Batch batch;
    for (std::int64_t i = 0; report.comparedImages < wanted; ++i) {
        context.checkpoint(report.comparedImages, wanted, "comparing codes");
        data.read(i, batch);
        const std::int64_t images =
            std::min(static_cast<std::int64_t>(batch.labels.size()), wanted - report.comparedImages);
        comparison.add(batch, images);
        report.comparedImages += images;
    }
    context.checkpoint(wanted, wanted);
    report.layers = comparison.take();
    return report;
}

}  // namespace bitlathe::core
