#include "core/train/train_options.h"

#include "core/registry/param_specs.h"
#include "core/train/parameter_rules.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace bitlathe::core {

namespace {

constexpr double kGuidelineDecay = 1e-4;

[[noreturn]] void refuse(const std::string& text) {
    throw Error(ErrorCode::InvalidConfig, "training: " + text);
}

std::string text(double value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

void require(bool isFine, const std::string& option, double value, const std::string& allowed) {
    if (!isFine) {
        refuse(option + " = " + text(value) + " is not " + allowed);
    }
}

bool isFiniteAtLeastZero(double value) {
    return value >= 0 && std::isfinite(value);
}

void requireValidationSamples(const TrainOptions& options) {
    const std::int64_t heldOut = options.validationSamples.value_or(0);
    require(heldOut >= 0, "validation_samples", static_cast<double>(heldOut), "a number from 0");
}

void validateRules(const std::vector<ParameterRule>& rules) {
    for (const ParameterRule& rule : rules) {
        require(isFiniteAtLeastZero(rule.learningRateFactor.value_or(1)), "a rule's learning_rate",
                rule.learningRateFactor.value_or(1), "a factor from 0");
        require(isFiniteAtLeastZero(rule.weightDecay.value_or(0)), "a rule's weight_decay",
                rule.weightDecay.value_or(0), "a number from 0");
        require(rule.maxElements >= 0, "a rule's max_elements", static_cast<double>(rule.maxElements),
                "a number from 0");
    }
}

}  // namespace

const std::vector<MethodInfo>& optimizerMethods() {
    static const std::vector<MethodInfo> methods{
        {"sgd",
         "Stochastic gradient descent",
         {realParam("momentum", 0.9, 0, 0.9999, "share of the last step that goes on"),
          switchParam("nesterov", true, "look ahead along the momentum")},
         "Sutskever et al. 2013"},
        {"adam",
         "Adam; decay is added to the gradient",
         {realParam("beta1", 0.9, 0, 0.9999, "of the mean"),
          realParam("beta2", 0.999, 0, 0.999999, "of the mean square"),
          realParam("epsilon", 1e-8, 1e-16, 1, "added to the root")},
         "Kingma and Ba 2015, arXiv:1412.6980"},
        {"adamw",
         "Adam with decay of its own",
         {realParam("beta1", 0.9, 0, 0.9999, "of the mean"),
          realParam("beta2", 0.999, 0, 0.999999, "of the mean square"),
          realParam("epsilon", 1e-8, 1e-16, 1, "added to the root")},
         "Loshchilov and Hutter 2019, arXiv:1711.05101"}};
    return methods;
}

ParamValues optimizerParams(const MethodSpec& optimizer) {
    std::string known;
    for (const MethodInfo& info : optimizerMethods()) {
        if (info.name == optimizer.name) {
            return resolveParams("optimizer", info, optimizer.params);
        }
        known += (known.empty() ? "" : ", ") + info.name;
    }
    throw Error(ErrorCode::InvalidConfig, "unknown optimizer '" + optimizer.name + "'; known: " + known);
}

const std::vector<std::string>& parameterKindNames() {
    static const std::vector<std::string> names{"conv", "depthwise_conv", "linear",
                                                "bias", "batch_norm",     "range"};
    return names;
}

const std::vector<std::string>& batchNormTrainingNames() {
    static const std::vector<std::string> names{"running_merge", "delayed_fold", "batch_fold",
                                                "scaled_weights"};
    return names;
}

void validateTrainOptions(const TrainOptions& options) {
    require(options.epochs >= 1, "epochs", static_cast<double>(options.epochs), "1 or more");
    require(options.batchSize >= 1, "batch_size", static_cast<double>(options.batchSize), "1 or more");
    require(options.learningRate > 0 && std::isfinite(options.learningRate), "learning_rate",
            options.learningRate, "positive");
    require(isFiniteAtLeastZero(options.weightDecay), "weight_decay", options.weightDecay, "a number from 0");
    require(options.labelSmoothing >= 0 && options.labelSmoothing < 1, "label_smoothing",
            options.labelSmoothing, "within [0, 1)");
    require(options.distillation.weight >= 0 && options.distillation.weight <= 1, "distillation.weight",
            options.distillation.weight, "within [0, 1]");
    require(options.distillation.temperature > 0 && std::isfinite(options.distillation.temperature),
            "distillation.temperature", options.distillation.temperature, "positive");
    require(isFiniteAtLeastZero(options.clipGradientNorm), "clip_gradient_norm", options.clipGradientNorm,
            "a number from 0");
    require(isFiniteAtLeastZero(options.checkpointMinutes), "checkpoint_minutes", options.checkpointMinutes,
            "a number from 0");
    requireValidationSamples(options);
    if (options.device != "cpu" && options.device != "cuda") {
        refuse("device '" + options.device + "' is neither 'cpu' nor 'cuda'");
    }
    optimizerParams(options.optimizer);
    validateRules(options.rules);
}

std::int64_t heldOutSamples(const TrainOptions& options, std::int64_t available) {
    constexpr std::int64_t kShare = 10;
    requireValidationSamples(options);
    const std::int64_t unasked =
        options.keep == KeptWeights::Best ? std::max<std::int64_t>(1, available / kShare) : 0;
    const std::int64_t heldOut = options.validationSamples.value_or(unasked);
    if (heldOut >= available) {
        refuse("validation_samples = " + std::to_string(heldOut) + " of " + std::to_string(available) +
               " training images leaves none to learn from; hold out fewer, or 0 to hold out none");
    }
    return heldOut;
}

std::vector<std::string> decayGuidelineFindings(const TrainOptions& options) {
    std::vector<std::string> findings;
    const std::vector<std::string>& names = parameterKindNames();
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto kind = static_cast<ParameterKind>(i);
        if (kind == ParameterKind::Range) {
            continue;  // the guideline's ranges are statistics
        }
        const double decay = parameterSettings(options, "", kind, 1).weightDecay;
        if (decay == 0) {
            findings.push_back("parameters of kind '" + names[i] +
                               "' do not decay; every parameter should, by about 1e-4");
        } else if (decay < kGuidelineDecay / 2) {
            findings.push_back("weight decay " + text(decay) + " of kind '" + names[i] +
                               "' is small; about 1e-4 keeps ranges narrow");
        }
    }
    return findings;
}

}  // namespace bitlathe::core
