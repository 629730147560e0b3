#include "core/quantizers/asym_quantizers.h"
#include "core/quantizers/lq_net_quantizer.h"
#include "core/quantizers/lsq_quantizer.h"
#include "core/quantizers/pact_quantizer.h"
#include "core/registry/builtin_quantizers.h"
#include "core/registry/learned_params.h"

namespace bitlathe::core {

void addLearnedQuantizers(Registry<Quantizer>& quantizers) {
    quantizers.add(
        {std::string(PactQuantizer::kName),
         "PACT (clip)",
         {realParam("alpha", 0, 0, 1e6, "clip to start from, in the tensor's units; 0: the range's reach"),
          switchParam("learned", true, "the clip is learned in training; off: it stays"),
          choiceParam("rounding", {"half_even", "half_away", "half_up", "floor"},
                      "how ties become codes; floor is that of Rusci et al."),
          choiceParam("gradient", {"half_open", "open", "closed"},
                      "which ends of [0, clip] pass their gradient: PACT, learned clip of Rusci et al., "
                      "fixed clips")},
         "Choi et al. 2018, arXiv:1805.06085; Rusci et al. 2019, arXiv:1905.13082"},
        [](const ParamValues& p) {
            return std::make_unique<PactQuantizer>(
                PactQuantizer::Options{p.at("alpha"), p.at("learned") != 0, chosen<Rounding>(p, "rounding"),
                                       chosen<ClippedActivation::Mask>(p, "gradient")});
        });
    quantizers.add({std::string(AsymPactQuantizer::kName),
                    "PerLayerAsymPACT",
                    {choiceParam("start", {"projection", "range"},
                                 "thresholds from least squares over the weights, or from the range"),
                     normalisationParam()},
                    "Rusci et al. 2019, arXiv:1905.13082"},
                   [](const ParamValues& p) {
                       return normalised(p, std::make_unique<AsymPactQuantizer>(
                                                chosen<AsymPactQuantizer::Start>(p, "start")));
                   });
    quantizers.add(
        {std::string(LsqQuantizer::kName),
         "LSQ (learned step)",
         {choiceParam("grid", {"auto", "step", "clip"},
                      "the paper's step; a learned clip with levels at both ends; auto: the clip for signed "
                      "codes of 1 and 2 bits"),
          choiceParam("start", {"published", "range"}, "first step: from mean |x|, or the range's"),
          normalisationParam()},
         "Esser et al. 2020, arXiv:1902.08153"},
        [](const ParamValues& p) {
            return normalised(p, std::make_unique<LsqQuantizer>(chosen<LsqQuantizer::Grid>(p, "grid"),
                                                                chosen<LsqQuantizer::Start>(p, "start")));
        });
    quantizers.add({std::string(LsqPlusQuantizer::kName),
                    "LSQ+ (step and offset)",
                    {normalisationParam()},
                    "Bhalgat et al. 2020, arXiv:2004.09576"},
                   [](const ParamValues& p) { return normalised(p, std::make_unique<LsqPlusQuantizer>()); });
    quantizers.add(
        {std::string(LqNetQuantizer::kName),
         "LQ-Nets (learned basis)",
         {integerParam("iterations", 20, 0, 1000,
                       "alternations of codes and least squares before the first use"),
          realParam("momentum", 0.1, 0, 1, "weight of the newest basis in training"), normalisationParam()},
         "Zhang et al. 2018, arXiv:1807.10029"},
        [](const ParamValues& p) {
            return normalised(
                p, std::make_unique<LqNetQuantizer>(static_cast<int>(p.at("iterations")), p.at("momentum")));
        });
}

}  // namespace bitlathe::core
