#include "experiments/recipes/site_json.h"

#include <algorithm>

namespace bitlathe::experiments {

namespace {

std::vector<std::string> namesOf(const std::vector<core::MethodInfo>& infos) {
    std::vector<std::string> names;
    for (const core::MethodInfo& info : infos) {
        names.push_back(info.name);
    }
    return names;
}

const core::MethodInfo& findMethod(const JsonReader& name, const std::vector<core::MethodInfo>& known) {
    const std::string given = name.choice(namesOf(known));
    return *std::find_if(known.begin(), known.end(), [&](const auto& info) { return info.name == given; });
}

double readParam(const JsonReader& value, const core::ParamSpec& spec) {
    switch (spec.kind) {
    case core::ParamSpec::Kind::Switch:
        if (value.json().is_boolean()) {
            return value.boolean() ? 1 : 0;
        }
        return static_cast<double>(value.integer(0, 1));
    case core::ParamSpec::Kind::Choice:
        if (value.json().is_string()) {
            const auto found =
                std::find(spec.choices.begin(), spec.choices.end(), value.choice(spec.choices));
            return static_cast<double>(found - spec.choices.begin());
        }
        return static_cast<double>(value.integer(0, static_cast<std::int64_t>(spec.choices.size()) - 1));
    case core::ParamSpec::Kind::Integer:
        return static_cast<double>(
            value.integer(static_cast<std::int64_t>(spec.minimum), static_cast<std::int64_t>(spec.maximum)));
    case core::ParamSpec::Kind::Real:
        break;
    }
    return value.number(spec.minimum, spec.maximum);
}

std::optional<core::BitWidth> readBits(const JsonReader& reader) {
    if (reader.json().is_string() && reader.json() == "float") {
        return std::nullopt;
    }
    if (!reader.json().is_number()) {
        throw reader.notA("a number of bits from 1 to 16, or \"float\"");
    }
    return core::BitWidth(static_cast<int>(reader.integer(core::BitWidth::kMin, core::BitWidth::kMax)));
}

core::Granularity readGranularity(const JsonReader& reader) {
    using Kind = core::Granularity::Kind;
    if (reader.json().is_object()) {
        reader.requireObject({"group"});
        return {Kind::Group, static_cast<int>(reader.at("group").integer(1, 1 << 20))};
    }
    const std::string name = reader.choice({"tensor", "channel"});
    return {name == "tensor" ? Kind::Tensor : Kind::Channel, 0};
}

nlohmann::json granularityToJson(const core::Granularity& granularity) {
    switch (granularity.kind) {
    case core::Granularity::Kind::Tensor:
        return "tensor";
    case core::Granularity::Kind::Channel:
        return "channel";
    case core::Granularity::Kind::Group:
        break;
    }
    return {{"group", granularity.groupSize}};
}

std::optional<core::Range> readRange(const JsonReader& reader) {
    if (reader.json().is_null()) {
        return std::nullopt;
    }
    if (!reader.json().is_array() || reader.size() != 2) {
        throw reader.notA("[lower, upper], or null for the observer's range");
    }
    const core::Range range{reader.at(0).finite(), reader.at(1).finite()};
    if (range.lower > range.upper) {
        throw reader.error("the lower bound is above the upper one");
    }
    return range;
}

}  // namespace

core::MethodSpec readMethod(const JsonReader& reader, const std::vector<core::MethodInfo>& known) {
    if (reader.json().is_string()) {
        return {findMethod(reader, known).name, {}};
    }
    reader.requireObject();
    const core::MethodInfo& info = findMethod(reader.at("name"), known);
    core::MethodSpec method{info.name, {}};
    std::vector<std::string> keys{"name"};
    for (const core::ParamSpec& spec : info.params) {
        keys.push_back(spec.name);
    }
    reader.requireObject(keys);
    for (const core::ParamSpec& spec : info.params) {
        if (reader.has(spec.name)) {
            method.params[spec.name] = readParam(reader.at(spec.name), spec);
        }
    }
    return method;
}

nlohmann::json methodToJson(const core::MethodSpec& method) {
    if (method.params.empty()) {
        return method.name;
    }
    nlohmann::json json{{"name", method.name}};
    for (const auto& [name, value] : method.params) {
        json[name] = value;
    }
    return json;
}

void applySite(const JsonReader& reader, core::SiteQuant& site) {
    reader.requireObject({"bits", "quantizer", "granularity", "observer", "range", "ranges"});
    if (reader.has("bits")) {
        site.bits = readBits(reader.at("bits"));
    }
    if (reader.has("quantizer")) {
        site.quantizer = readMethod(reader.at("quantizer"), core::quantizerRegistry().list());
    }
    if (reader.has("granularity")) {
        site.granularity = readGranularity(reader.at("granularity"));
    }
    if (reader.has("observer")) {
        site.observer = readMethod(reader.at("observer"), core::observerRegistry().list());
    }
    if (reader.has("range")) {
        site.manualRange = readRange(reader.at("range"));
    }
    if (reader.has("ranges")) {
        site.ranges = reader.at("ranges").choice({"offline", "online"}) == "online"
                          ? core::RangeTime::Online
                          : core::RangeTime::Offline;
    }
    if (site.manualRange && site.ranges == core::RangeTime::Online) {
        throw reader.error(
            "a range of its own needs \"ranges\" \"offline\"; set it, or set \"range\" to null");
    }
    if (site.manualRange && site.granularity.kind != core::Granularity::Kind::Tensor) {
        throw reader.error(
            "a range of its own needs granularity \"tensor\"; set it, or set \"range\" to null");
    }
}

core::SiteQuant siteFromJson(const nlohmann::json& json, const core::SiteQuant& base,
                             const std::string& path) {
    core::SiteQuant site = base;
    applySite(JsonReader(json, path), site);
    return site;
}

nlohmann::json siteToJson(const core::SiteQuant& site) {
    nlohmann::json json;
    json["bits"] = site.bits ? nlohmann::json(site.bits->bits()) : nlohmann::json("float");
    json["quantizer"] = methodToJson(site.quantizer);
    json["granularity"] = granularityToJson(site.granularity);
    json["observer"] = methodToJson(site.observer);
    if (site.manualRange) {
        json["range"] = {site.manualRange->lower, site.manualRange->upper};
    }
    if (site.ranges == core::RangeTime::Online) {
        json["ranges"] = "online";
    }
    return json;
}

}  // namespace bitlathe::experiments
