// Cases of Rusci et al. 2019 (mixed low-precision networks): learned and fixed clips, weight grids and their
// folding, integer requantization, a small network as integers, and one training step. "reference" variants
// are the same kernels on what the reference passes them: the forward output where it overwrote its input,
// the quantized weights where it masks before it restores the real ones.

#include "tests/conform/pact_cases.h"

namespace bitlathe::conform {

std::vector<Kind> pactKinds() {
    using namespace pact_cases;
    return {
        {"requantization", [](const Case& c) { return c.hasInput("acc") && c.hasInput("m0_q31"); },
         runRequantization},
        {"scale decomposition", [](const Case& c) { return c.expects("m0_q31"); }, runDecomposition},
        {"network input", [](const Case& c) { return c.text("quantizer") == "network input"; }, runInput},
        {"ReLU6", [](const Case& c) { return c.text("quantizer") == "ReLU6"; }, runRelu6},
        {"clipped activation",
         [](const Case& c) { return c.hasParam("activ_type") && c.hasInput("grad_out"); }, runActivation},
        {"weights", [](const Case& c) { return c.hasInput("grad_weight_q"); }, runWeights},
        {"integer network", [](const Case& c) { return c.hasInput("x_int"); }, runIntegerNetwork},
        {"training step", isTrainable, runTrainedStep},
        {"training step by kernels",
         [](const Case& c) { return c.hasInput("target") && c.hasInput("layers"); }, runKernelStep},
    };
}

}  // namespace bitlathe::conform
