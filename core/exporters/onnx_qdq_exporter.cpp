#include "core/exporters/onnx_qdq_exporter.h"

#include "core/exporters/export_file.h"
#include "core/exporters/onnx_graph_emitter.h"
#include "core/types/error.h"
#include "core/util/atomic_file.h"
#include "core/util/sha256.h"

#include <filesystem>

namespace bitlathe::core {

namespace {

std::string siteText(const SiteId& site) {
    if (site.layer == kInputLayer) {
        return "the graph input";
    }
    return site.kind == SiteKind::Weight ? "weights" : "output";
}

const Layer* layerOf(const PreparedModel& model, const SiteId& site) {
    return site.layer == kInputLayer ? nullptr : model.findLayer(site.layer);
}

/// Why fake-quantization's rounding is not what QuantizeLinear does; empty where it is.
std::string roundingRemark(const SiteId& site, const QParams& grid) {
    if (site.kind == SiteKind::Weight || grid.rounding == Rounding::HalfEven) {
        return {};  // weights are written as codes, rounded as the grid says
    }
    if (grid.rounding == Rounding::Floor) {
        return "rounds down, and ONNX has no such QuantizeLinear: every value would be half a step off; "
               "choose a quantizer that rounds to nearest";
    }
    return "rounds ties another way than ONNX (half to even): values exactly between two codes may differ by "
           "one";
}

void checkSite(const PreparedModel& model, const SiteId& site, const QParams& grid,
               std::vector<ExportCheck>& checks) {
    const std::string text = siteText(site);
    const Layer* layer = layerOf(model, site);
    if (layer == nullptr && site.layer != kInputLayer) {
        checks.push_back(
            {site.layer, true, "the plan has a site of this layer, but the model has no such layer"});
        return;
    }
    if (!grid.isUniform()) {
        const bool isWeight = site.kind == SiteKind::Weight;
        checks.push_back(
            {site.layer, !isWeight,
             text + (isWeight ? ": levels that are not evenly spaced are written as the floats they "
                                "stand for; the values are the same"
                              : ": levels that are not evenly spaced have no ONNX form; choose a "
                                "uniform quantizer")});
        return;
    }
    if (!onnxCodeType(grid)) {
        checks.push_back({site.layer, false,
                          text + ": codes " + std::to_string(grid.quantMin) + ".." +
                              std::to_string(grid.quantMax) +
                              " do not fit 8 bits, all that opset 13 has; left float"});
        return;
    }
    const int levels = grid.quantMax - grid.quantMin + 1;
    if (levels < 255) {  // 255: the narrow 8-bit grid
        checks.push_back(
            {site.layer, false,
             text + ": " + std::to_string(levels) + " codes stored in 8 bits each; the values are the same"});
    }
    if (const std::string remark = roundingRemark(site, grid); !remark.empty()) {
        checks.push_back({site.layer, grid.rounding == Rounding::Floor, text + ": " + remark});
    }
}

void checkLayer(const PreparedModel& model, const QuantPlan& plan, const Layer& layer,
                std::vector<ExportCheck>& checks) {
    const Node& node = model.graph.node(layer.node);
    const Shape& input = model.graph.node(layer.inputNodes.front()).outputShape;
    if (isInexpressiblePool(node, input)) {
        checks.push_back(
            {layer.id, true,
             "average pooling in ceil mode that counts padding has no ONNX form; use floor mode"});
    }
    if (std::holds_alternative<LinearOp>(node.op) && input.size() != 2) {
        checks.push_back(
            {layer.id, true, "linear reads a " + shapeText(input) + " tensor; ONNX's Gemm takes N×features"});
    }
    if (plan.weightAffine.contains(layer.id)) {
        checks.push_back(
            {layer.id, false,
             "its corrected weights are codes and a float term for each channel, added when the file is "
             "loaded: exact, but runtimes compute the layer in float"});
    }
    const std::optional<SiteId> site = model.siteOfTensor(layer.inputNodes.front());
    const QParams* grid = site ? plan.find(*site) : nullptr;
    if (layer.hasBias && grid != nullptr && grid->isPerChannel() &&
        plan.find({layer.id, SiteKind::Weight}) != nullptr) {
        checks.push_back({layer.id, false, "its input has a scale per channel, so its bias stays float"});
    }
}

std::string planHash(const QuantPlan& plan) {
    Sha256 hash;
    for (const auto& [site, grid] : plan.sites) {
        hash.update(site.layer.str()).update(site.kind == SiteKind::Weight ? "\nweight\n" : "\noutput\n");
        const std::int32_t numbers[] = {grid.quantMin, grid.quantMax, grid.axis.value_or(-1),
                                        static_cast<std::int32_t>(grid.rounding),
                                        static_cast<std::int32_t>(grid.scale.size())};
        hash.updateValues(std::span<const std::int32_t>(numbers));
        hash.updateValues(std::span<const float>(grid.scale));
        hash.updateValues(std::span<const std::int32_t>(grid.zeroPoint));
        for (const LevelTable& table : grid.tables) {
            hash.updateValues(std::span<const float>(table.levels));
            hash.updateValues(std::span<const float>(table.thresholds));
        }
    }
    for (const auto& [layer, affine] : plan.weightAffine) {
        hash.update(layer.str()).update("\ncorrection\n");
        hash.updateValues(std::span<const float>(affine.gain));
        hash.updateValues(std::span<const float>(affine.shift));
    }
    return hash.hex();
}

}  // namespace

std::vector<ExportCheck> OnnxQdqExporter::check(const PreparedModel& model, const QuantPlan& plan) const {
    std::vector<ExportCheck> checks;
    for (const auto& [site, grid] : plan.sites) {
        checkSite(model, site, grid, checks);
    }
    for (const Layer& layer : model.layers) {
        checkLayer(model, plan, layer, checks);
    }
    return checks;
}

std::vector<std::string> OnnxQdqExporter::write(const PreparedModel& model, const QuantPlan& plan,
                                                const std::string& folder) const {
    refuseBlocked("ONNX export", check(model, plan));
    OnnxModelBuilder onnx(model.graph.name.empty() ? "model" : model.graph.name, BITLATHE_VERSION);
    OnnxGraphEmitter(model, plan, onnx).run();
    onnx.metadata("bitlathe.model_sha256", model.hash);
    onnx.metadata("bitlathe.plan_sha256", planHash(plan));
    const std::string path =
        (std::filesystem::path(folder) / exportFileName(model.graph.name, "onnx")).string();
    writeFileAtomically(path, onnx.serialize());
    return {path};
}

}  // namespace bitlathe::core
