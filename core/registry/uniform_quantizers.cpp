#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/asym_quantizers.h"
#include "core/quantizers/power_of_two_quantizer.h"
#include "core/quantizers/symmetric_quantizer.h"
#include "core/registry/builtin_quantizers.h"
#include "core/registry/param_specs.h"

namespace bitlathe::core {

namespace {

ParamSpec signParam() {
    return choiceParam("sign", {"auto", "signed", "unsigned"},
                       "signed or unsigned codes; auto: unsigned when nothing is negative");
}

ParamSpec roundingParam() {
    return choiceParam(
        "rounding", {"half_even", "half_away", "half_up", "floor"},
        "how ties become codes: half_even ONNX, half_away MXNet and TI weights, half_up TI activations");
}

ParamSpec gradientParam() {
    return choiceParam(
        "gradient", {"clipped", "clamped", "pass"},
        "in training: values beyond the codes, or beyond the represented range, have no gradient; or all "
        "have");
}

}  // namespace

void addUniformQuantizers(Registry<Quantizer>& quantizers) {
    quantizers.add(
        {std::string(AffineQuantizer::kName),
         "Affine",
         {switchParam("signed", false, "codes from -2^(b-1) instead of from 0; the real values are the same"),
          roundingParam(), gradientParam()},
         "Jacob et al. 2018, arXiv:1712.05877, section 2.1"},
        [](const ParamValues& p) {
            return std::make_unique<AffineQuantizer>(chosen<AffineQuantizer::Codes>(p, "signed"),
                                                     chosen<Rounding>(p, "rounding"),
                                                     chosen<StraightThrough>(p, "gradient"));
        });
    quantizers.add({std::string(SymmetricQuantizer::kName),
                    "Symmetric",
                    {switchParam("narrow", true, "leave out the lowest signed code"), signParam(),
                     roundingParam(), gradientParam()},
                    "Krishnamoorthi 2018, arXiv:1806.08342; Wu et al. 2020, arXiv:2004.09602"},
                   [](const ParamValues& p) {
                       return std::make_unique<SymmetricQuantizer>(
                           chosen<SymmetricQuantizer::Codes>(p, "narrow"),
                           chosen<SymmetricQuantizer::Sign>(p, "sign"), chosen<Rounding>(p, "rounding"),
                           chosen<StraightThrough>(p, "gradient"));
                   });
    quantizers.add({std::string(PowerOfTwoQuantizer::kName),
                    "Power of two",
                    {roundingParam(), signParam(),
                     choiceParam("spacing", {"power_of_two", "exact"},
                                 "scale from the next power of two, or from the range itself"),
                     integerParam("channel_gain", 8, 0, 24,
                                  "bits by which a channel's scale may be finer than the tensor's"),
                     gradientParam()},
                    "edgeai-torchvision xnn (Texas Instruments); Jain et al. 2019, arXiv:1903.08066"},
                   [](const ParamValues& p) {
                       return std::make_unique<PowerOfTwoQuantizer>(
                           chosen<Rounding>(p, "rounding"), chosen<PowerOfTwoQuantizer::Sign>(p, "sign"),
                           chosen<PowerOfTwoQuantizer::Spacing>(p, "spacing"),
                           static_cast<int>(p.at("channel_gain")), chosen<StraightThrough>(p, "gradient"));
                   });
    quantizers.add({std::string(GemmlowpQuantizer::kName),
                    "gemmlowp",
                    {choiceParam("zero", {"preserved", "inside_only"},
                                 "zero is on every grid, or on those whose range holds it")},
                    "gemmlowp/doc/quantization.md; Banner et al. 2019, arXiv:1810.05723"},
                   [](const ParamValues& p) {
                       return std::make_unique<GemmlowpQuantizer>(chosen<GemmlowpQuantizer::Zero>(p, "zero"));
                   });
    quantizers.add({std::string(AsymMinMaxQuantizer::kName),
                    "PerLayer/PerChannelsAsymMinMax",
                    {},
                    "Rusci et al. 2019, arXiv:1905.13082"},
                   [](const ParamValues&) { return std::make_unique<AsymMinMaxQuantizer>(); });
    quantizers.add({std::string(MidTreadQuantizer::kName),
                    "Mid-tread bins",
                    {integerParam("bins", 0, 0, 65535, "bins across the range; 0: one fewer than codes")},
                    "Banner et al. 2019, arXiv:1810.05723 (code)"},
                   [](const ParamValues& p) {
                       return std::make_unique<MidTreadQuantizer>(static_cast<int>(p.at("bins")));
                   });
}

}  // namespace bitlathe::core
