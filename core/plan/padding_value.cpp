#include "core/plan/padding_value.h"

#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <optional>
#include <variant>

namespace bitlathe::core {

std::vector<float> paddingValue(const PreparedModel& model, const Layer& layer, const QuantPlan& plan) {
    const auto* const conv = std::get_if<Conv2dOp>(&model.graph.node(layer.node).op);
    const bool isPadded = conv != nullptr && std::any_of(conv->padding.begin(), conv->padding.end(),
                                                         [](std::int64_t pixels) { return pixels > 0; });
    const std::optional<SiteId> site = model.siteOfTensor(layer.inputNodes.front());
    if (!isPadded || !site || !plan.paddedBefore.contains(layer.id)) {
        return {};
    }
    if (plan.online.contains(*site)) {
        throw Error(
            ErrorCode::InvalidConfig,
            "layer '" + layer.id.str() +
                "' pads before quantization, and each batch makes its input's grid anew; set the padding to "
                "\"after_quantization\" or the ranges of '" +
                site->layer.str() + "' to \"offline\"");
    }
    const QParams* const grid = plan.find(*site);
    if (grid == nullptr) {
        return {};
    }
    std::vector<float> values(grid->slices(), 0.0F);
    for (std::size_t c = 0; c < values.size(); ++c) {
        fakeQuantize({&values[c], 1}, {&values[c], 1}, *grid, c);
    }
    const bool hasZero = std::all_of(values.begin(), values.end(), [](float value) { return value == 0; });
    return hasZero ? std::vector<float>() : values;
}

}  // namespace bitlathe::core
