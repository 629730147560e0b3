#include "core/exporters/ncnn_scale_table.h"
#include "tests/conform/min_max_cases.h"

#include <sstream>

namespace bitlathe::conform::min_max_cases {

namespace {

/// A table as its reader sees it: the line of each key, in order.
std::vector<std::pair<std::string, std::vector<double>>> linesOf(const std::string& table) {
    std::vector<std::pair<std::string, std::vector<double>>> lines;
    std::istringstream text(table);
    for (std::string line; std::getline(text, line);) {
        std::istringstream fields(line);
        std::string key;
        fields >> key;
        lines.emplace_back(key, std::vector<double>());
        for (double scale = 0; fields >> scale;) {
            lines.back().second.push_back(scale);
        }
    }
    return lines;
}

NcnnLayerScales scalesOf(const std::string& layer, const Tensor& w, double inputMax) {
    NcnnLayerScales scales{layer, {}, ncnnInputScale(inputMax)};
    const std::vector<float> values = w.floats();
    for (const Slice& channel : slices(w.shape, 0)) {
        scales.weightScales.push_back(
            ncnnWeightScale(static_cast<double>(largestMagnitude(gather(values, channel)))));
    }
    return scales;
}

}  // namespace

void runScaleTable(Case& item) {
    const double relative = item.json()["tolerance"].value("scales_rel", 1e-6);
    // The files print six decimals.
    constexpr double kHalfOfLastDecimal = 5e-7;
    std::vector<NcnnLayerScales> layers;
    for (const Json& expected : item.expected()["scales"]) {
        const std::string layer = expected["layer"].get<std::string>();
        const Json& input = item.inputs()[layer];
        const Tensor w{input["w"]["shape"].get<std::vector<std::int64_t>>(), flatten(input["w"])};
        layers.push_back(scalesOf(layer, w, input["input_max"].get<double>()));
        item.compare(layer + " weights", expected["weight_scales"], layers.back().weightScales,
                     {0, relative});
        item.compare(layer + " input", expected["input_scale"], {layers.back().inputScale}, {0, relative});
    }
    item.setAside("scales", "compared entry by entry");
    item.setAside("table_text", "compared line by line");
    const auto expected = linesOf(item.expected()["table_text"].get<std::string>());
    const auto lines = linesOf(ncnnScaleTable(layers));
    item.require(lines.size() == expected.size(), "the table has " + std::to_string(lines.size()) + " lines");
    for (std::size_t i = 0; i < std::min(lines.size(), expected.size()); ++i) {
        item.require(lines[i].first == expected[i].first,
                     "line " + std::to_string(i) + " is of " + lines[i].first);
        item.compare(lines[i].first, Json(expected[i].second), lines[i].second,
                     {kHalfOfLastDecimal, relative});
    }
}

}  // namespace bitlathe::conform::min_max_cases
