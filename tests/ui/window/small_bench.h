#pragma once

#include "core/graph/prepare.h"
#include "core/plan/quant_plan.h"
#include "core/zoo/zoo.h"
#include "ui/document/quant_document.h"

#include <cmath>
#include <memory>
#include <random>
#include <vector>

namespace bitlathe::tests {

/// A zoo model folded and ready.
inline std::shared_ptr<const core::PreparedModel>
smallModel(const std::string& name = "mobilenet_v1",
           core::ParamValues params = {{"width", 0.25}, {"classes", 10}, {"channels", 1}, {"size", 32}}) {
    return std::make_shared<const core::PreparedModel>(
        core::prepare(core::buildZooModel(name, params, core::Seed{7})));
}

inline std::shared_ptr<const core::Statistics> weightStatisticsOf(const core::PreparedModel& model) {
    auto statistics = std::make_shared<core::Statistics>();
    statistics->modelHash = model.hash;
    for (const core::Layer& layer : model.layers) {
        if (layer.hasWeights()) {
            statistics->sites[{layer.id, core::SiteKind::Weight}] =
                core::weightStatistics(core::layerWeights(model, layer));
        }
    }
    return statistics;
}

/// Rectified normal outputs (as after a ReLU) for every layer, a few outliers at 8; fixed seed.
inline std::shared_ptr<const core::Statistics> madeUpStatistics(const core::PreparedModel& model) {
    std::mt19937 generator(11);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    auto statistics = std::make_shared<core::Statistics>();
    statistics->modelHash = model.hash;
    statistics->dataHash = "made up";
    const auto fill = [&](const core::SiteId& id, float spread) {
        std::vector<float> values(4096);
        for (float& value : values) {
            value = std::max(0.0F, spread * normal(generator));
        }
        values[0] = 8.0F * spread;
        core::SiteStatistics site;
        site.samples = 64;
        site.count = values.size();
        for (const float value : values) {
            site.maximum = std::max(site.maximum, static_cast<double>(value));
            site.sum += value;
            site.sumOfSquares += static_cast<double>(value) * value;
            site.sumOfMagnitudes += std::abs(value);
        }
        site.batchRanges = {{0.0, site.maximum}};
        site.channelRanges = {{0.0, site.maximum}, {0.0, site.maximum / 4}};
        site.histogram.add(values);
        statistics->sites[id] = std::move(site);
    };
    fill({core::kInputLayer, core::SiteKind::Output}, 1.0F);
    for (const core::Layer& layer : model.layers) {
        fill({layer.id, core::SiteKind::Output}, 1.0F + 0.1F * static_cast<float>(layer.index));
    }
    return statistics;
}

/// W8A8 on `model`, calibrated on made-up statistics.
inline ui::DocumentContent smallContent(const std::shared_ptr<const core::PreparedModel>& model) {
    ui::DocumentContent content;
    content.model = model;
    content.weightStatistics = weightStatisticsOf(*model);
    content.statistics = madeUpStatistics(*model);
    content.recipe.name = "small";
    content.recipe.model.zoo = "mobilenet_v1";
    content.recipe.stages = {experiments::CalibrateStage(), experiments::EvaluateStage()};
    content.variants = {{"W8A8", ui::startingConfig(*model)}, {"float", {}}};
    return content;
}

inline core::Device smallDevice(std::int64_t romBytes = 512 * 1024, std::int64_t ramBytes = 128 * 1024) {
    core::Device device;
    device.id = "small";
    device.name = "Small";
    device.rom = {{"flash", romBytes, true, {}}};
    device.ram = {{"SRAM", ramBytes, true, {}}};
    return device;
}

}  // namespace bitlathe::tests
