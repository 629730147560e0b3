#include "core/ptq/ada_round.h"
#include "core/ptq/bias_correction.h"
#include "core/ptq/bit_allocation.h"
#include "core/ptq/cross_layer_equalization.h"
#include "core/ptq/weight_methods.h"
#include "core/registry/param_specs.h"
#include "core/registry/registry.h"

namespace bitlathe::core {

namespace {

constexpr const char* kNagel2019 = "Nagel et al. 2019, arXiv:1906.04721";
constexpr const char* kBanner2019 = "Banner et al. 2019, arXiv:1810.05723";
constexpr const char* kTi = "edgeai-torchvision xnn (Texas Instruments)";

std::vector<ParamSpec> sharingParams(std::vector<std::string> priors) {
    return {realParam("target", 0, 0, 8, "mean bits of a channel; 0: the bits the site has"),
            choiceParam("rule", {"published", "greedy"},
                        "the authors' two-thirds power law, or each next bit where it helps most"),
            choiceParam("rounding", {"nearest", "ceil"}, "of the published rule's real numbers of bits"),
            choiceParam("prior", std::move(priors), "density the values are taken to follow")};
}

BitSharing sharing(const ParamValues& p, ClipPrior prior) {
    return {chosen<BitSharing::Rule>(p, "rule"), chosen<BitRounding>(p, "rounding"), p.at("target"), prior};
}

void addModelMethods(Registry<PostTrainingMethod>& methods) {
    methods.add(
        {std::string(CrossLayerEqualization::kName),
         "Cross-layer equalization",
         {integerParam("rounds", 40, 1, 1000, "times through all pairs, at most"),
          choiceParam("relu6", {"per_channel", "keep", "replace"},
                      "a relu6 between two layers gets an upper end for each channel, or its pair is left "
                      "alone, or it becomes a relu (published)"),
          choiceParam("balance", {"error", "weights"},
                      "least noise at the configuration's bits, outputs included, or even weights "
                      "(published)")},
         kNagel2019},
        [](const ParamValues& p) {
            return std::make_unique<CrossLayerEqualization>(
                static_cast<int>(p.at("rounds")), chosen<CrossLayerEqualization::Relu6>(p, "relu6"),
                chosen<CrossLayerEqualization::Balance>(p, "balance"));
        });
    methods.add(
        {std::string(HighBiasAbsorption::kName),
         "High-bias absorption",
         {realParam("deviations", 3.0, 0.0, 10.0, "deviations below the mean that stay in the channel")},
         kNagel2019},
        [](const ParamValues& p) { return std::make_unique<HighBiasAbsorption>(p.at("deviations")); });
    methods.add(
        {std::string(WeightClipping::kName),
         "Weight clipping",
         {realParam("ratio", 16.0, 1.0, 1e6, "clip where the largest weight exceeds this many medians"),
          realParam("value", 15.0, 0.0, 1e6, "and this magnitude; weight units")},
         kTi},
        [](const ParamValues& p) { return std::make_unique<WeightClipping>(p.at("ratio"), p.at("value")); });
}

void addGridMethods(Registry<PostTrainingMethod>& methods) {
    methods.add({std::string(WeightBitAllocation::kName), "Bit allocation, weights",
                 sharingParams({"gauss", "laplace"}), kBanner2019},
                [](const ParamValues& p) {
                    return std::make_unique<WeightBitAllocation>(
                        sharing(p, p.at("prior") == 0 ? ClipPrior::Gauss : ClipPrior::Laplace));
                });
    std::vector<ParamSpec> params = sharingParams({"laplace", "gauss"});
    params.push_back(choiceParam("clip", {"analytic", "none"},
                                 "ranges from the prior for each channel's bits, or extrema"));
    methods.add({std::string(ActivationBitAllocation::kName), "Bit allocation, activations",
                 std::move(params), kBanner2019},
                [](const ParamValues& p) {
                    return std::make_unique<ActivationBitAllocation>(
                        sharing(p, chosen<ClipPrior>(p, "prior")),
                        chosen<ActivationBitAllocation::Clip>(p, "clip"));
                });
}

void addCorrections(Registry<PostTrainingMethod>& methods) {
    methods.add({std::string(AdaRound::kName),
                 "Learned rounding (AdaRound)",
                 {integerParam("iterations", 1000, 1, 100'000, "steps for each layer"),
                  integerParam("batch_size", 32, 1, 4096, "images of a step"),
                  realParam("learning_rate", 0.01, 1e-6, 1.0, "of Adam"),
                  realParam("regularisation", 0.01, 0.0, 100.0,
                            "weight of the term that drives rounding to a decision"),
                  realParam("warm_up", 0.2, 0.0, 1.0, "share of the steps without that term")},
                 "Nagel et al. 2020, arXiv:2004.10568"},
                [](const ParamValues& p) {
                    RoundingOptions options;
                    options.iterations = static_cast<std::int64_t>(p.at("iterations"));
                    options.batchSize = static_cast<std::int64_t>(p.at("batch_size"));
                    options.learningRate = p.at("learning_rate");
                    options.regularisation = p.at("regularisation");
                    options.warmUp = p.at("warm_up");
                    return std::make_unique<AdaRound>(options);
                });
    methods.add(
        {std::string(WeightStatisticsCorrection::kName),
         "Weight mean and variance correction",
         {switchParam("mean", true, "restore each channel's mean (the authors' bias correction)"),
          switchParam("deviation", false, "restore each channel's standard deviation"),
          choiceParam(
              "centre", {"mean", "zero"},
              "what the deviation is scaled about: zero keeps weights that integer models hold, where "
              "the mean is not restored")},
         kBanner2019},
        [](const ParamValues& p) {
            return std::make_unique<WeightStatisticsCorrection>(WeightCorrection{
                p.at("mean") != 0, p.at("deviation") != 0, chosen<WeightCorrection::Centre>(p, "centre")});
        });
    methods.add(
        {std::string(BiasCorrection::kName),
         "Bias correction",
         {choiceParam(
             "form", {"empirical", "statistics", "batch_norm"},
             "measured layer by layer; from the weights' error and measured inputs; the same with inputs "
             "from batch norm")},
         kNagel2019},
        [](const ParamValues& p) {
            return std::make_unique<BiasCorrection>(chosen<BiasCorrection::Form>(p, "form"));
        });
    methods.add({std::string(AdvancedCalibration::kName),
                 "Advanced calibration",
                 {realParam("factor", 0.05, 1e-6, 1.0, "share of the difference taken over at each batch"),
                  realParam("decay", 1.0, 0.0, 1.0, "factor's factor from one pass to the next"),
                  integerParam("passes", 10, 1, 10'000, "times through the calibration images")},
                 kTi},
                [](const ParamValues& p) {
                    return std::make_unique<AdvancedCalibration>(BiasAdjustment{
                        p.at("factor"), p.at("decay"), static_cast<std::int64_t>(p.at("passes"))});
                });
}

Registry<PostTrainingMethod> makePostTraining() {
    Registry<PostTrainingMethod> methods("post-training method");
    addModelMethods(methods);
    addGridMethods(methods);
    addCorrections(methods);
    return methods;
}

}  // namespace

const Registry<PostTrainingMethod>& postTrainingRegistry() {
    static const Registry<PostTrainingMethod> registry = makePostTraining();
    return registry;
}

}  // namespace bitlathe::core
