#include "core/search/sensitivity.h"

#include "core/plan/quant_plan.h"
#include "core/types/error.h"
#include "core/util/named_values.h"
#include "core/util/sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr NamedValues<SensitivityMeasure, 3> kNames{{{SensitivityMeasure::KlDivergence, "kl"},
                                                     {SensitivityMeasure::Loss, "loss"},
                                                     {SensitivityMeasure::Sqnr, "sqnr"}}};

std::string siteText(const SiteId& site) {
    return site.layer.str() + (site.kind == SiteKind::Weight ? " weights" : " output");
}

template <typename Value>
void feed(std::string& text, const std::vector<Value>& values) {
    text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value));
    text += ';';
}

}  // namespace

std::string_view sensitivityMeasureName(SensitivityMeasure measure) noexcept {
    return nameOf(kNames, measure);
}

SensitivityMeasure sensitivityMeasureFromName(std::string_view name) {
    return valueNamed(kNames, name, "sensitivity measure");
}

const Sensitivity* SensitivityTable::find(const SiteId& site, int bits) const {
    const auto entries = sites.find(site);
    if (entries == sites.end()) {
        return nullptr;
    }
    const auto entry = entries->second.find(bits);
    return entry == entries->second.end() ? nullptr : &entry->second;
}

double SensitivityTable::cost(const SiteId& site, int bits, SensitivityMeasure measure) const {
    const Sensitivity* const entry = find(site, bits);
    if (entry == nullptr) {
        throw Error(ErrorCode::NotCalibrated,
                    fmt::format("the sensitivity table has nothing on {} at {} bits; measure it first",
                                siteText(site), bits));
    }
    switch (measure) {
    case SensitivityMeasure::KlDivergence:
        return std::max(0.0, entry->klDivergence);
    case SensitivityMeasure::Loss:
        return std::max(0.0, entry->loss - floatLoss);
    case SensitivityMeasure::Sqnr:
        break;
    }
    return std::pow(10.0, -entry->sqnrDb / 10.0);  // 0 for an infinite ratio
}

std::vector<SensitivityProbe> sensitivityProbes(const PreparedModel& model, const QuantConfig& config,
                                                const Statistics& statistics, std::span<const int> weightBits,
                                                std::span<const int> activationBits) {
    std::vector<SensitivityProbe> probes;
    const auto ask = [&](const Layer* layer, const FloatTensor& weights, const SiteId& id, SiteQuant quant,
                         std::span<const int> widths) {
        if (quant.isFloat()) {
            return;
        }
        for (const int bits : widths) {
            quant.bits = BitWidth(bits);
            probes.push_back({id, bits, resolveSite(layer, weights, id, quant, statistics.find(id))});
        }
    };
    ask(nullptr, {}, {kInputLayer, SiteKind::Output}, config.input, activationBits);
    for (const Layer& layer : model.layers) {
        const auto found = config.layers.find(layer.id);
        if (found == config.layers.end()) {
            continue;
        }
        if (layer.hasWeights()) {
            ask(&layer, layerWeights(model, layer), {layer.id, SiteKind::Weight}, found->second.weight,
                weightBits);
        }
        if (layer.isQuantizable) {
            ask(&layer, {}, {layer.id, SiteKind::Output}, found->second.output, activationBits);
        }
    }
    return probes;
}

std::string gridHash(const QParams& grid) {
    std::string text;
    feed(text, grid.scale);
    feed(text, grid.zeroPoint);
    for (const LevelTable& table : grid.tables) {
        feed(text, table.levels);
        feed(text, table.thresholds);
    }
    text += fmt::format("{};{};{};{}", grid.quantMin, grid.quantMax, grid.axis.value_or(-1),
                        static_cast<int>(grid.rounding));
    return sha256Hex(text);
}

}  // namespace bitlathe::core
