#include "engine/training/learned_site.h"

#include "core/types/error.h"
#include "engine/training/quantize_functions.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <span>
#include <utility>

namespace bitlathe::engine {

namespace {

at::Tensor leafOf(const core::LearnedParameter& parameter) {
    at::Tensor leaf = at::empty({static_cast<std::int64_t>(parameter.start.size())}, at::kFloat);
    std::copy(parameter.start.begin(), parameter.start.end(), leaf.data_ptr<float>());
    return leaf.requires_grad_(parameter.isLearnedByGradient);
}

std::span<float> valuesOf(const at::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

LearnedSite::LearnedSite(core::SiteId id, Start start, Fit fit)
    : SiteTrainer(std::move(id)), m_fit(std::move(fit)) {
    reset(start);
}

void LearnedSite::reset(const Start& start) {
    const at::NoGradGuard noGrad;
    m_start = start;
    const std::vector<core::LearnedParameter>& parameters = m_start.quantizer->parameters();
    if (m_parameters.empty()) {
        for (const core::LearnedParameter& parameter : parameters) {
            m_parameters.push_back(leafOf(parameter));
        }
        return;
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        // The leaf stays: the optimizer and checkpoints hold it.
        std::copy(parameters[i].start.begin(), parameters[i].start.end(), m_parameters[i].data_ptr<float>());
    }
}

void LearnedSite::refit(const at::Tensor& weight) {
    if (const std::optional<Start> start = m_fit(weight)) {
        reset(*start);
    }
}

std::vector<at::Tensor> LearnedSite::values() const {
    if (!isRangeFrozen()) {
        return m_parameters;
    }
    std::vector<at::Tensor> constants;
    for (const at::Tensor& parameter : m_parameters) {
        constants.push_back(parameter.detach());
    }
    return constants;
}

at::Tensor LearnedSite::apply(const at::Tensor& value) {
    if (!isQuantizing()) {
        return value;
    }
    const core::SliceLayout layout = sliceLayout(value.sizes(), m_start.axis, m_start.slices);
    const at::Tensor x = inSliceOrder(value.cpu().to(at::kFloat), layout, m_start.axis.value_or(0));
    try {
        at::Tensor quantized = quantizeLearned(x, m_start.quantizer, values(), layout);
        if (!isRangeFrozen()) {
            std::vector<std::span<float>> views;
            for (const at::Tensor& parameter : m_parameters) {
                views.push_back(valuesOf(parameter));
            }
            m_start.quantizer->update({x.data_ptr<float>(), static_cast<std::size_t>(x.numel())}, layout,
                                      views);
        }
        return quantized.to(value.device());
    } catch (const core::Error& error) {
        throw core::Error(error.code(), "'" + name() + "': " + error.what());
    }
}

core::QParams LearnedSite::grid(const at::Tensor& weight) const {
    std::vector<std::span<const float>> views;
    for (const at::Tensor& parameter : m_parameters) {
        views.push_back(valuesOf(parameter));
    }
    core::SliceLayout layout{1, m_start.slices, 0};
    at::Tensor x;
    std::span<const float> values;
    if (weight.defined()) {
        layout = sliceLayout(weight.sizes(), m_start.axis, m_start.slices);
        x = inSliceOrder(weight.detach(), layout, 0);
        values = {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())};
    }
    core::QParams grid = m_start.quantizer->grid(values, layout, views, m_start.axis);
    core::expandGroups(grid, m_start.channelsPerSlice);
    return grid;
}

std::vector<Parameter> LearnedSite::parameters(const core::TrainOptions& options) {
    std::vector<Parameter> result;
    const std::vector<core::LearnedParameter>& described = m_start.quantizer->parameters();
    for (std::size_t i = 0; i < described.size(); ++i) {
        if (described[i].isLearnedByGradient) {
            const std::string full = name() + "." + described[i].name;
            result.push_back(
                {full, core::ParameterKind::Range, m_parameters[i],
                 core::parameterSettings(options, full, core::ParameterKind::Range, m_parameters[i].numel(),
                                         described[i].isDecayed ? options.weightDecay : 0.0)});
        }
    }
    return result;
}

void LearnedSite::endStep() {
    const at::NoGradGuard noGrad;
    const std::vector<core::LearnedParameter>& described = m_start.quantizer->parameters();
    for (std::size_t i = 0; i < described.size(); ++i) {
        for (float& value : valuesOf(m_parameters[i])) {
            value = std::clamp(value, described[i].minimum, described[i].maximum);
        }
    }
}

void LearnedSite::addState(NamedTensors& state) {
    const std::vector<core::LearnedParameter>& described = m_start.quantizer->parameters();
    for (std::size_t i = 0; i < described.size(); ++i) {
        state[name() + "." + described[i].name] = m_parameters[i];
    }
}

}  // namespace bitlathe::engine
