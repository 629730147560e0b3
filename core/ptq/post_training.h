#pragma once

#include "core/data/batches.h"
#include "core/engine/engine.h"
#include "core/engine/post_training_engine.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "core/run/run_context.h"
#include "core/types/channel_detail.h"
#include "core/types/param_values.h"
#include "core/types/quant_config.h"
#include "core/types/seed.h"
#include "core/types/site_statistics.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// What a method changes, which decides what may follow it: phases never go back, except that biases may be corrected
/// before weights are rounded.
enum class PostTrainingPhase {
    Model,    ///< the float model, before ranges: calibration is repeated on the result
    Grids,    ///< ranges and bits, which the resolved plan holds
    Weights,  ///< where the weights land on (or beside) their grid
    Biases,   ///< biases
};

/// Normal distribution of each channel of a layer's output before its activation, as its batch norm makes it:
/// mean β, deviation |γ|. Methods that rescale channels keep it up to date.
struct ChannelNormal {
    std::vector<double> mean;
    std::vector<double> deviation;
};

/// A quantized model on its way through the methods.
struct PostTrainingState {
    PreparedModel model;  ///< changed weights and biases; `reference` is what it is to reproduce
    QuantConfig config;
    Statistics statistics;                           ///< of the float model
    QuantPlan plan;                                  ///< empty during PostTrainingPhase::Model
    std::map<LayerId, ChannelNormal> preActivation;  ///< of layers whose imported form has a batch norm
};

/// What methods may use beside the state.
struct PostTrainingTools {
    Engine* engine = nullptr;
    const BatchSource* data = nullptr;  ///< calibration images; null: there are none
    std::function<Statistics(const PreparedModel&)> calibrate;
    RunContext context;
    Seed seed;

    /// Errors  NotCalibrated: there is no engine or there are no images; `method` names who asks.
    PostTrainingEngine& requireEngine(std::string_view method) const;
    const BatchSource& requireData(std::string_view method) const;
};

/// One way to make up for quantization without training. Stateless.
class PostTrainingMethod {
public:
    virtual ~PostTrainingMethod() = default;

    virtual PostTrainingPhase phase() const noexcept = 0;
    /// What it reads of the activations' channels in PostTrainingState::statistics.
    virtual ChannelDetail channelDetail() const noexcept { return ChannelDetail::Extrema; }
    /// Changes layers with LayerQuant::takesPostTraining only.
    /// Errors  InvalidConfig: nothing in this configuration is what the method works on (says what it needs).
    virtual void apply(PostTrainingState& state, const PostTrainingTools& tools) const = 0;
};

/// A model and the grids it runs on.
struct QuantizedModel {
    PreparedModel model;
    QuantPlan plan;
    Statistics statistics;  ///< of its float form: what the ranges came from
};

/// Names, parameters and order of a list of methods.
/// Errors  InvalidConfig: unknown method or parameter; a method that another one before it makes impossible, with
///         both names and the order that works.
void checkPostTraining(const std::vector<MethodSpec>& methods);

/// The first method whose work a training would undo: one that sets grids, which training finds itself while it keeps
/// the configuration's bits. Null: the methods' weights, biases and models are where a training can start.
const MethodSpec* lostInTraining(const std::vector<MethodSpec>& methods);

/// Resolves the configuration and applies its methods in order: the one way from a configuration to what runs.
/// model       prepared for `config` (preparedFor)
/// statistics  of `model`
/// Errors  as checkPostTraining, resolvePlan and the methods.
QuantizedModel applyPostTraining(const PreparedModel& model, const QuantConfig& config,
                                 const Statistics& statistics, const PostTrainingTools& tools);

/// The form of a quantized model that exporters and integer engines take: batch norms of BatchNormMode::FakeBn folded, the
/// codes and biases those that the engine computes with.
/// Errors  InvalidConfig: ranges that each batch makes anew, outputs with bits by channel, padding that is not real zero;
///         the text names the layer and the remedy.
QuantizedModel deployable(const PreparedModel& model, const QuantPlan& plan);

}  // namespace bitlathe::core
