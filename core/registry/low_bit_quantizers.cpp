#include "core/quantizers/binary_quantizer.h"
#include "core/quantizers/codebook_quantizer.h"
#include "core/quantizers/dorefa_quantizer.h"
#include "core/quantizers/ternary_quantizer.h"
#include "core/registry/builtin_quantizers.h"
#include "core/registry/learned_params.h"

namespace bitlathe::core {

void addLowBitQuantizers(Registry<Quantizer>& quantizers) {
    quantizers.add(
        {std::string(DorefaQuantizer::kName),
         "DoReFa",
         {choiceParam("scale", {"least_squares", "paper"},
                      "weights: the scale nearest to them, or levels from -1 to 1 for batch norm to absorb"),
          realParam("clip", 0, 0, 1e6, "activations: clip, 1 in the paper; 0: the range's reach"),
          normalisationParam()},
         "Zhou et al. 2016, arXiv:1606.06160"},
        [](const ParamValues& p) {
            return normalised(p, std::make_unique<DorefaQuantizer>(chosen<DorefaQuantizer::Scale>(p, "scale"),
                                                                   p.at("clip")));
        });
    quantizers.add(
        {std::string(XnorQuantizer::kName),
         "XNOR-Net (1 bit)",
         {choiceParam("gradient", {"auto", "pass", "clipped", "triangle", "printed", "full_jacobian"},
                      "of the sign; auto: weights pass, activations triangle; the last two for weights"),
          normalisationParam()},
         "Rastegari et al. 2016, arXiv:1603.05279; Liu et al. 2018, arXiv:1808.00278"},
        [](const ParamValues& p) {
            return normalised(
                p, std::make_unique<XnorQuantizer>(chosen<XnorQuantizer::Gradient>(p, "gradient")));
        });
    quantizers.add(
        {std::string(XnorPlusPlusQuantizer::kName),
         "XNOR-Net++ (1 bit, learned scale)",
         {choiceParam("gradient", {"pass", "clipped", "triangle"}, "of the sign"), normalisationParam()},
         "Bulat and Tzimiropoulos 2019, arXiv:1909.13863"},
        [](const ParamValues& p) {
            return normalised(p,
                              std::make_unique<XnorPlusPlusQuantizer>(chosen<SignGradient>(p, "gradient")));
        });
    quantizers.add(
        {std::string(FatnnQuantizer::kName),
         "FATNN (learned thresholds)",
         {choiceParam("levels", {"three", "four"}, "of an unsigned tensor at 2 bits"),
          choiceParam("scale", {"closed_form", "one"},
                      "codes times the least-squares scale, or as they are for batch norm to absorb"),
          normalisationParam()},
         "Chen et al. 2021, arXiv:2008.05101"},
        [](const ParamValues& p) {
            return normalised(p, std::make_unique<FatnnQuantizer>(chosen<FatnnQuantizer::Levels>(p, "levels"),
                                                                  chosen<FatnnQuantizer::Scale>(p, "scale")));
        });
    quantizers.add(
        {std::string(TtqQuantizer::kName),
         "TTQ (trained ternary)",
         {realParam("ratio", 0.05, 0, 1, "threshold as a share of the largest magnitude"),
          normalisationParam()},
         "Zhu et al. 2017, arXiv:1612.01064"},
        [](const ParamValues& p) { return normalised(p, std::make_unique<TtqQuantizer>(p.at("ratio"))); });
    quantizers.add(
        {std::string(CodebookQuantizer::kName),
         "Codebook (k-means)",
         {choiceParam("method", {"optimal", "lloyd"}, "exact in one dimension, or iterated from quantiles")},
         "Wang and Song 2011 (Ckmeans.1d.dp); Han et al. 2016, arXiv:1510.00149"},
        [](const ParamValues& p) {
            return std::make_unique<CodebookQuantizer>(chosen<CodebookQuantizer::Method>(p, "method"));
        });
}

}  // namespace bitlathe::core
