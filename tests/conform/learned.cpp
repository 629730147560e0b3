// Cases of the learned quantizers (QTool and the papers it follows): forward values, gradients of inputs and
// learned parameters, start values and update steps. Where a case records the paper beside the tool
// ("expected_paper"), both are compared: the tool's form is a named variant of the library, the paper's its
// default.

#include "tests/conform/learned_cases.h"

namespace bitlathe::conform {

std::vector<Kind> learnedKinds() {
    using namespace learned_cases;
    const auto method = [](const Case& item, const char* name) { return item.text("method") == name; };
    return {
        {"warm-up",
         [=](const Case& c) { return (method(c, "lsq") || method(c, "pact")) && c.hasParam("stable"); },
         runWarmUp},
        {"progressive levels", [=](const Case& c) { return method(c, "lsq") && c.hasParam("from_levels"); },
         runProgressive},
        {"learned clip", [=](const Case& c) { return method(c, "lsq") && c.hasInput("clip_val"); },
         runLearnedClip},
        {"learned step and offset", [=](const Case& c) { return method(c, "lsq+"); }, runStepAndOffset},
        {"clipped activation",
         [=](const Case& c) { return (method(c, "dorefa") && !isWeight(c)) || method(c, "pact"); },
         runClippedActivation},
        {"DoReFa weights", [=](const Case& c) { return method(c, "dorefa") && isWeight(c); },
         runDorefaWeights},
        {"proximal", [=](const Case& c) { return method(c, "proxquant"); }, runProximal},
        {"learned thresholds", [=](const Case& c) { return method(c, "non-uniform"); }, runThresholds},
        {"trained ternary", [=](const Case& c) { return method(c, "ttn"); }, runTrainedTernary},
        {"quantized convolution", [](const Case& c) { return c.hasParam("padding_after_quant"); },
         runConvolution},
        {"binary activation",
         [=](const Case& c) { return method(c, "xnor") && c.text("target") == "activation"; },
         runBinaryActivation},
        {"binary weights",
         [=](const Case& c) { return (method(c, "xnor") || method(c, "xnor++")) && isWeight(c); },
         runBinaryWeights},
        {"basis start", [=](const Case& c) { return method(c, "lq-net") && c.inputs().empty(); },
         runBasisStart},
        {"learned basis", [=](const Case& c) { return method(c, "lq-net"); }, runLearnedBasis},
    };
}

}  // namespace bitlathe::conform
