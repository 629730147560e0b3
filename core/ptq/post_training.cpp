#include "core/ptq/post_training.h"

#include "core/graph/batch_norm.h"
#include "core/graph/prepare.h"
#include "core/plan/executed_layer.h"
#include "core/plan/padding_value.h"
#include "core/ptq/layer_edits.h"
#include "core/registry/registry.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace bitlathe::core {

namespace {

const char* whatItChanges(PostTrainingPhase phase) {
    switch (phase) {
    case PostTrainingPhase::Model:
        return "the float model";
    case PostTrainingPhase::Grids:
        return "ranges and bits";
    case PostTrainingPhase::Weights:
        return "quantized weights";
    case PostTrainingPhase::Biases:
        break;
    }
    return "biases";
}

/// Biases and weights go in either order: each takes the other's work as it finds it.
bool mayFollow(PostTrainingPhase next, PostTrainingPhase before) {
    return next >= before || (next == PostTrainingPhase::Weights && before == PostTrainingPhase::Biases);
}

std::map<LayerId, ChannelNormal> normalsOf(const PreparedModel& model) {
    std::map<LayerId, ChannelNormal> normals;
    if (!model.imported) {
        return normals;
    }
    for (const auto& [source, id] : batchNormPartners(*model.imported)) {
        const auto& norm = std::get<BatchNormOp>(model.imported->node(id).op);
        ChannelNormal normal;
        for (std::size_t c = 0; c < static_cast<std::size_t>(norm.mean.size()); ++c) {
            normal.mean.push_back(norm.beta.defined() ? static_cast<double>(norm.beta.values()[c]) : 0.0);
            normal.deviation.push_back(
                norm.gamma.defined() ? std::fabs(static_cast<double>(norm.gamma.values()[c])) : 1.0);
        }
        normals.emplace(LayerId(model.imported->node(source).name), std::move(normal));
    }
    return normals;
}

}  // namespace

PostTrainingEngine& PostTrainingTools::requireEngine(std::string_view method) const {
    PostTrainingEngine* const tools = engine == nullptr ? nullptr : engine->postTraining();
    if (tools == nullptr) {
        throw Error(ErrorCode::EngineUnavailable, "'" + std::string(method) + "' needs the tensor engine");
    }
    return *tools;
}

const BatchSource& PostTrainingTools::requireData(std::string_view method) const {
    if (data == nullptr) {
        throw Error(ErrorCode::NotCalibrated,
                    "'" + std::string(method) + "' needs calibration images; add a 'calibrate' stage");
    }
    return *data;
}

void checkPostTraining(const std::vector<MethodSpec>& methods) {
    std::vector<PostTrainingPhase> phases;
    for (std::size_t i = 0; i < methods.size(); ++i) {
        const PostTrainingPhase phase = postTrainingRegistry().create(methods[i])->phase();
        for (std::size_t before = 0; before < i; ++before) {
            if (!mayFollow(phase, phases[before])) {
                throw Error(ErrorCode::InvalidConfig,
                            "'" + methods[i].name + "' changes " + whatItChanges(phase) + ", but '" +
                                methods[before].name + "' before it already works on " +
                                whatItChanges(phases[before]) + "; put '" + methods[i].name + "' first");
            }
            if (phase == PostTrainingPhase::Weights && phases[before] == phase &&
                methods[before].name != methods[i].name) {
                throw Error(ErrorCode::InvalidConfig,
                            "'" + methods[before].name + "' and '" + methods[i].name +
                                "' exclude one another: one rounds weights on the grid, the other moves "
                                "them off the grid; keep one of them");
            }
            if (methods[before].name == methods[i].name && phase != PostTrainingPhase::Biases) {
                throw Error(ErrorCode::InvalidConfig,
                            "'" + methods[i].name + "' stands twice; leave one out");
            }
        }
        phases.push_back(phase);
    }
}

const MethodSpec* lostInTraining(const std::vector<MethodSpec>& methods) {
    const auto found = std::find_if(methods.begin(), methods.end(), [](const MethodSpec& method) {
        return postTrainingRegistry().create(method)->phase() == PostTrainingPhase::Grids;
    });
    return found == methods.end() ? nullptr : &*found;
}

QuantizedModel applyPostTraining(const PreparedModel& model, const QuantConfig& config,
                                 const Statistics& statistics, const PostTrainingTools& tools) {
    checkPostTraining(config.postTraining);
    PostTrainingState state{model, config, statistics, {}, normalsOf(model)};
    std::vector<std::unique_ptr<PostTrainingMethod>> methods;
    for (const MethodSpec& spec : config.postTraining) {
        methods.push_back(postTrainingRegistry().create(spec));
    }
    std::size_t next = 0;
    for (; next < methods.size() && methods[next]->phase() == PostTrainingPhase::Model; ++next) {
        methods[next]->apply(state, tools);
    }
    if (next > 0) {
        state.model.hash = graphHash(state.model.graph);
        if (tools.calibrate) {
            state.statistics = tools.calibrate(state.model);
        }
    }
    state.plan = resolvePlan(state.model, config, state.statistics);
    if (next < methods.size()) {
        state.model.reference = std::make_shared<const Graph>(state.model.graph);
    }
    for (; next < methods.size(); ++next) {
        methods[next]->apply(state, tools);
    }
    if (state.model.reference) {
        state.model.hash = graphHash(state.model.graph);
    }
    return {std::move(state.model), std::move(state.plan), std::move(state.statistics)};
}

QuantizedModel deployable(const PreparedModel& model, const QuantPlan& plan) {
    if (!plan.online.empty()) {
        throw Error(
            ErrorCode::InvalidConfig,
            "the output of '" + plan.online.begin()->first.layer.str() +
                "' takes its range from each batch (\"ranges\": \"online\"), which no exported model can; "
                "set it to \"offline\" and calibrate");
    }
    for (const auto& [site, bits] : plan.channelBits) {
        if (site.kind == SiteKind::Output) {
            throw Error(
                ErrorCode::InvalidConfig,
                "the output of '" + site.layer.str() +
                    "' has bits of its own for each channel ('activation_bit_allocation'), and a layer that "
                    "reads it sums channels of unlike steps, which no exported model holds; leave that "
                    "method "
                    "out, or keep this layer out of it");
        }
    }
    for (const LayerId& id : plan.paddedBefore) {
        if (!paddingValue(model, *model.findLayer(id), plan).empty()) {
            throw Error(
                ErrorCode::InvalidConfig,
                "layer '" + id.str() +
                    "' pads before quantization, and its input's grid has no zero; exported models pad with "
                    "real zero: set its padding to \"after_quantization\", or choose a quantizer that has a "
                    "zero for its input");
        }
    }
    QuantizedModel result{model, plan, {}};
    std::set<LayerId> keep;
    bool hasFakeNorm = false;
    for (const auto& [id, mode] : plan.batchNorm) {
        if (mode == BatchNormMode::FakeBn) {
            hasFakeNorm = true;
            result.plan.batchNorm.erase(id);
        } else {
            keep.insert(id);
        }
    }
    if (hasFakeNorm) {
        result.model = prepare(model.graph, model.graph.inputShape(), keep);
    }
    const PreparedModel before = result.model;
    for (const Layer& layer : before.layers) {
        if (plan.batchNormMode(layer.id) == BatchNormMode::Icn && layer.batchNorm >= 0) {
            // The bias with the shift in it, on the accumulator's grid; taken up again it gives the same codes.
            ExecutedLayer executed = executedLayer(before, layer, plan);
            if (executed.bias.defined()) {
                setLayerBias(result.model, layer,
                             {executed.bias.values().begin(), executed.bias.values().end()});
            }
            result.model.graph.node(layer.batchNorm).op = *executed.batchNorm;
        }
    }
    return result;
}

}  // namespace bitlathe::core
