#include "core/ptq/weight_methods.h"
#include "core/registry/param_specs.h"
#include "core/registry/registry.h"

namespace bitlathe::core {

namespace {

Registry<PostTrainingMethod> makePostTraining() {
    Registry<PostTrainingMethod> methods("post-training method");
    methods.add(
        {std::string(WeightClipping::kName),
         "Weight clipping (TI)",
         {realParam("ratio", 16.0, 1.0, 1e6, "clip where the largest weight exceeds this many medians"),
          realParam("value", 15.0, 0.0, 1e6, "and this magnitude; weight units")},
         "edgeai-torchvision xnn (Texas Instruments), constrain_weights"},
        [](const ParamValues& p) { return std::make_unique<WeightClipping>(p.at("ratio"), p.at("value")); });
    methods.add({std::string(WeightStatisticsCorrection::kName),
                 "Weight mean and variance correction",
                 {switchParam("mean", true, "restore each channel's mean (the authors' bias correction)"),
                  switchParam("deviation", false, "restore each channel's standard deviation")},
                 "Banner et al. 2019, arXiv:1810.05723, section 5"},
                [](const ParamValues& p) {
                    return std::make_unique<WeightStatisticsCorrection>(
                        WeightCorrection{p.at("mean") != 0, p.at("deviation") != 0});
                });
    return methods;
}

}  // namespace

const Registry<PostTrainingMethod>& postTrainingRegistry() {
    static const Registry<PostTrainingMethod> registry = makePostTraining();
    return registry;
}

}  // namespace bitlathe::core
