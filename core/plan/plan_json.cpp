#include "core/plan/plan_json.h"

#include "core/quantizers/level_table.h"
#include "core/types/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace bitlathe::core {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "bitlathe-plan";
constexpr int kVersion = 1;
/// In the order of the enumerators.
constexpr std::array<const char*, 4> kRoundings{"half_even", "half_away", "half_up", "floor"};

[[noreturn]] void fail(const std::string& where, const std::string& what) {
    throw Error(ErrorCode::InvalidConfig,
                "quantization plan" + (where.empty() ? "" : ", " + where) + ": " + what);
}

/// In the order of the enumerators.
constexpr std::array<const char*, 4> kBatchNormModes{"folded", "not_folded", "icn", "fake_bn"};

/// One site's object, with its place for messages.
class SiteReader {
public:
    SiteReader(const Json& json, std::string where) : m_json(json), m_where(std::move(where)) {
        if (!json.is_object()) {
            fail(m_where, "must be an object");
        }
    }
    [[noreturn]] void refuse(const std::string& what) const { fail(m_where, what); }
    bool has(const char* key) const { return m_json.contains(key); }
    const Json& at(const char* key) const {
        const auto found = m_json.find(key);
        if (found == m_json.end()) {
            refuse(std::string("'") + key + "' is missing");
        }
        return *found;
    }
    std::string text(const char* key) const {
        const Json& value = at(key);
        if (!value.is_string()) {
            refuse(std::string("'") + key + "' must be a text");
        }
        return value.get<std::string>();
    }
    std::int32_t integer(const char* key) const { return integerOf(at(key), key); }
    std::vector<std::int32_t> integers(const char* key) const {
        std::vector<std::int32_t> result;
        for (const Json& value : array(key)) {
            result.push_back(integerOf(value, key));
        }
        return result;
    }
    std::vector<float> floats(const char* key) const {
        std::vector<float> result;
        for (const Json& value : array(key)) {
            const double number = value.is_number() ? value.get<double>() : std::nan("");
            if (!(std::fabs(number) <= static_cast<double>(std::numeric_limits<float>::max()))) {
                refuse(std::string("'") + key + "' must hold finite numbers");
            }
            result.push_back(static_cast<float>(number));
        }
        return result;
    }
    const Json& array(const char* key) const {
        const Json& value = at(key);
        if (!value.is_array()) {
            refuse(std::string("'") + key + "' must be a list");
        }
        return value;
    }

private:
    std::int32_t integerOf(const Json& value, const char* key) const {
        // A code has 16 bits; a zero point of a range far from zero may be larger, but stays an int32.
        // As a double: an unsigned number beyond int64 would wrap round to a small one.
        if (!value.is_number_integer() ||
            value.get<double>() < static_cast<double>(std::numeric_limits<std::int32_t>::min()) ||
            value.get<double>() > static_cast<double>(std::numeric_limits<std::int32_t>::max())) {
            refuse(std::string("'") + key + "' must be a 32-bit integer");
        }
        return value.get<std::int32_t>();
    }

    const Json& m_json;
    std::string m_where;
};

const char* siteWord(SiteKind kind) {
    return kind == SiteKind::Weight ? "weight" : "output";
}

Json siteJson(const SiteId& site, const QParams& grid) {
    Json json;
    json["layer"] = site.layer.str();
    json["site"] = siteWord(site.kind);
    json["quant_min"] = grid.quantMin;
    json["quant_max"] = grid.quantMax;
    if (grid.axis) {
        json["axis"] = *grid.axis;
    }
    json["rounding"] = kRoundings[static_cast<std::size_t>(grid.rounding)];
    if (grid.isUniform()) {
        json["scale"] = grid.scale;
        json["zero_point"] = grid.zeroPoint;
        return json;
    }
    Json tables = Json::array();
    for (const LevelTable& table : grid.tables) {
        tables.push_back({{"levels", table.levels}, {"thresholds", table.thresholds}});
    }
    json["tables"] = std::move(tables);
    return json;
}

/// Values along `axis`; 0 when the model does not say.
std::int64_t slicesOf(const PreparedModel& model, const SiteId& id) {
    if (id.layer == kInputLayer) {
        return model.graph.inputShape().size() > 1 ? model.graph.inputShape()[1] : 0;
    }
    const Layer* layer = model.findLayer(id.layer);
    const Shape& shape = id.kind == SiteKind::Weight ? layer->weightShape : layer->outputShape;
    if (id.kind == SiteKind::Weight) {
        return shape.empty() ? 0 : shape.front();
    }
    return shape.size() > 1 ? shape[1] : 0;
}

SiteId readSiteId(const SiteReader& reader, const PreparedModel& model) {
    SiteId id{LayerId(reader.text("layer")), SiteKind::Output};
    const std::string kind = reader.text("site");
    if (kind != "weight" && kind != "output") {
        reader.refuse("'site' is '" + kind + "'; it must be 'weight' or 'output'");
    }
    id.kind = kind == "weight" ? SiteKind::Weight : SiteKind::Output;
    const Layer* layer = model.findLayer(id.layer);
    if (layer == nullptr && (id.layer != kInputLayer || id.kind == SiteKind::Weight)) {
        reader.refuse("the model '" + model.graph.name + "' has no layer '" + id.layer.str() + "'");
    }
    if (layer != nullptr && id.kind == SiteKind::Weight && !layer->hasWeights()) {
        reader.refuse("layer '" + id.layer.str() + "' has no weights");
    }
    return id;
}

std::vector<LevelTable> readTables(const SiteReader& reader, const std::string& where) {
    std::vector<LevelTable> tables;
    for (const Json& item : reader.array("tables")) {
        const SiteReader table(item, where + "/tables/" + std::to_string(tables.size()));
        tables.push_back({table.floats("levels"), table.floats("thresholds")});
    }
    return tables;
}

QParams readGrid(const SiteReader& reader, const std::string& where) {
    std::optional<int> axis;
    if (reader.has("axis")) {
        axis = reader.integer("axis");
    }
    QParams grid;
    if (reader.has("tables")) {
        try {
            grid = tableGrid(readTables(reader, where), axis);
        } catch (const Error& error) {
            if (std::string_view(error.what()).starts_with("quantization plan")) {
                throw;
            }
            reader.refuse(error.what());
        }
    } else {
        grid.scale = reader.floats("scale");
        grid.zeroPoint = reader.integers("zero_point");
        grid.axis = axis;
    }
    grid.quantMin = reader.integer("quant_min");
    grid.quantMax = reader.integer("quant_max");
    const std::string rounding = reader.text("rounding");
    const auto found = std::find(kRoundings.begin(), kRoundings.end(), rounding);
    if (found == kRoundings.end()) {
        reader.refuse("unknown rounding '" + rounding + "'");
    }
    grid.rounding = static_cast<Rounding>(found - kRoundings.begin());
    return grid;
}

void requireGrid(const SiteReader& reader, const QParams& grid, const SiteId& id, std::int64_t slices) {
    constexpr std::int64_t kMostCodes = std::int64_t{1} << BitWidth::kMax;
    const std::int64_t codes = static_cast<std::int64_t>(grid.quantMax) - grid.quantMin + 1;
    if (codes < 2 || codes > kMostCodes) {
        reader.refuse("codes " + std::to_string(grid.quantMin) + ".." + std::to_string(grid.quantMax) +
                      " are not 2 to 65536 codes");
    }
    if (!grid.isUniform() &&
        (grid.quantMin != 0 || codes != static_cast<std::int64_t>(grid.tables[0].levels.size()))) {
        reader.refuse("the codes' limits do not fit the tables");
    }
    if (std::any_of(grid.scale.begin(), grid.scale.end(),
                    [](float s) { return !std::isnormal(s) || s < 0; })) {
        reader.refuse("every scale must be positive");
    }
    if (grid.zeroPoint.size() != grid.scale.size()) {
        reader.refuse("as many zero points as scales are needed");
    }
    // So far that a code less the zero point is still an int32.
    constexpr std::int32_t kFarthest = std::int32_t{1} << 30;
    if (std::any_of(grid.zeroPoint.begin(), grid.zeroPoint.end(),
                    [](std::int32_t zero) { return zero < -kFarthest || zero > kFarthest; })) {
        reader.refuse("every zero point must lie within 2^30 of zero");
    }
    const int expectedAxis = id.kind == SiteKind::Weight ? 0 : 1;
    if (grid.axis && *grid.axis != expectedAxis) {
        reader.refuse("'axis' must be " + std::to_string(expectedAxis) + " for this site");
    }
    const std::int64_t expected = grid.axis ? slices : 1;
    if (static_cast<std::int64_t>(grid.scale.size()) != expected) {
        reader.refuse(std::to_string(grid.scale.size()) + " slices where the tensor has " +
                      std::to_string(expected));
    }
}

/// The weighted layer an entry names.
const Layer& readLayer(const SiteReader& reader, const PreparedModel& model) {
    const Layer* const layer = model.findLayer(LayerId(reader.text("layer")));
    if (layer == nullptr || !layer->hasWeights()) {
        reader.refuse("the model '" + model.graph.name + "' has no layer with weights called '" +
                      reader.text("layer") + "'");
    }
    return *layer;
}

void readBatchNorm(const SiteReader& root, const PreparedModel& model, QuantPlan& plan) {
    if (!root.has("batch_norm")) {
        return;
    }
    std::size_t i = 0;
    for (const Json& item : root.array("batch_norm")) {
        const SiteReader reader(item, "/batch_norm/" + std::to_string(i++));
        const Layer& layer = readLayer(reader, model);
        const auto found = std::find(kBatchNormModes.begin(), kBatchNormModes.end(), reader.text("mode"));
        if (found == kBatchNormModes.end() || found == kBatchNormModes.begin() || layer.batchNorm < 0) {
            reader.refuse("'mode' must be not_folded, icn or fake_bn, of a layer that keeps its batch norm");
        }
        plan.batchNorm.emplace(layer.id, static_cast<BatchNormMode>(found - kBatchNormModes.begin()));
    }
}

void readWeightAffine(const SiteReader& root, const PreparedModel& model, QuantPlan& plan) {
    if (!root.has("weight_affine")) {
        return;
    }
    std::size_t i = 0;
    for (const Json& item : root.array("weight_affine")) {
        const SiteReader reader(item, "/weight_affine/" + std::to_string(i++));
        const Layer& layer = readLayer(reader, model);
        WeightAffine affine{reader.floats("gain"), reader.floats("shift")};
        const auto channels = static_cast<std::size_t>(layer.weightShape.front());
        if (affine.gain.size() != channels || affine.shift.size() != channels) {
            reader.refuse("needs one gain and one shift for each of " + std::to_string(channels) +
                          " channels");
        }
        plan.weightAffine.emplace(layer.id, std::move(affine));
    }
}

void readPaddedBefore(const SiteReader& root, const PreparedModel& model, QuantPlan& plan) {
    if (!root.has("padded_before_quantization")) {
        return;
    }
    std::size_t i = 0;
    for (const Json& item : root.array("padded_before_quantization")) {
        const SiteReader reader(item, "/padded_before_quantization/" + std::to_string(i++));
        plan.paddedBefore.insert(readLayer(reader, model).id);
    }
}

void readChannelBits(const SiteReader& root, const PreparedModel& model, QuantPlan& plan) {
    if (!root.has("channel_bits")) {
        return;
    }
    std::size_t i = 0;
    for (const Json& item : root.array("channel_bits")) {
        const SiteReader reader(item, "/channel_bits/" + std::to_string(i++));
        const SiteId id = readSiteId(reader, model);
        std::vector<int> bits = reader.integers("bits");
        if (static_cast<std::int64_t>(bits.size()) != slicesOf(model, id)) {
            reader.refuse("needs bits for each of " + std::to_string(slicesOf(model, id)) + " channels");
        }
        if (std::any_of(bits.begin(), bits.end(), [](int b) { return b < 0 || b > BitWidth::kMax; })) {
            reader.refuse("'bits' must be 0 to " + std::to_string(BitWidth::kMax));
        }
        plan.channelBits.emplace(id, std::move(bits));
    }
}

}  // namespace

std::string planToJson(const QuantPlan& plan, const PreparedModel& model) {
    if (!plan.online.empty()) {
        fail("", "the ranges of '" + plan.online.begin()->first.layer.str() +
                     "' are found anew for each batch; there is nothing to keep");
    }
    Json json;
    json["format"] = kFormat;
    json["version"] = kVersion;
    json["model"] = model.hash;
    json["sites"] = Json::array();
    for (const auto& [site, grid] : plan.sites) {
        json["sites"].push_back(siteJson(site, grid));
    }
    for (const auto& [layer, mode] : plan.batchNorm) {
        json["batch_norm"].push_back(
            {{"layer", layer.str()}, {"mode", kBatchNormModes[static_cast<std::size_t>(mode)]}});
    }
    for (const auto& [layer, affine] : plan.weightAffine) {
        json["weight_affine"].push_back(
            {{"layer", layer.str()}, {"gain", affine.gain}, {"shift", affine.shift}});
    }
    for (const LayerId& layer : plan.paddedBefore) {
        json["padded_before_quantization"].push_back({{"layer", layer.str()}});
    }
    for (const auto& [site, bits] : plan.channelBits) {
        json["channel_bits"].push_back(
            {{"layer", site.layer.str()}, {"site", siteWord(site.kind)}, {"bits", bits}});
    }
    return json.dump(1);
}

QuantPlan planFromJson(std::string_view text, const PreparedModel& model) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || json.value("format", Json()) != kFormat) {
        fail("", "not a plan document (its 'format' must be \"" + std::string(kFormat) + "\")");
    }
    const SiteReader root(json, "");
    if (root.integer("version") != kVersion) {
        fail("", fmt::format("version {} was written by another Bitlathe; this one reads version {}",
                             root.integer("version"), kVersion));
    }
    if (root.text("model") != model.hash) {
        fail("", "was made for another model or other weights than '" + model.graph.name + "' (hash " +
                     root.text("model").substr(0, 12) + ", not " + model.hash.substr(0, 12) + ")");
    }
    QuantPlan plan;
    const Json& sites = root.array("sites");
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const std::string where = "/sites/" + std::to_string(i);
        const SiteReader reader(sites[i], where);
        const SiteId id = readSiteId(reader, model);
        QParams grid = readGrid(reader, where);
        requireGrid(reader, grid, id, slicesOf(model, id));
        if (!plan.sites.emplace(id, std::move(grid)).second) {
            reader.refuse("the site stands twice");
        }
    }
    readBatchNorm(root, model, plan);
    readWeightAffine(root, model, plan);
    readPaddedBefore(root, model, plan);
    readChannelBits(root, model, plan);
    return plan;
}

}  // namespace bitlathe::core
