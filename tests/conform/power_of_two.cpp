// Cases of the power-of-two family (TI's xnn): roundings, grids, range tracking, merged weights and biases, a
// small network.

#include "tests/conform/power_of_two_cases.h"

namespace bitlathe::conform {

std::vector<Kind> powerOfTwoKinds() {
    using namespace power_of_two_cases;
    const auto expects = [](const char* key) {
        return [key](const Case& item) { return item.expects(key); };
    };
    return {
        {"powers of two", expects("ceil2"), runPowers},
        {"roundings", expects("round_sym"), runRoundings},
        {"grid", [](const Case& c) { return c.hasParam("round_type"); }, runGrid},
        {"weights", expects("w_dequantized"), runWeights},
        {"activation", expects("grad_of_sum"), runActivation},
        {"extrema", [](const Case& c) { return c.hasParam("percentile_of_100"); }, runExtrema},
        {"range tracker",
         [](const Case& c) { return c.hasParam("range_shrink_percent") && c.expects("after_each"); },
         runTracker},
        {"weight constraint", expects("w_out"),
         [](Case& item) {
             item.hasParam("clamp_ratio") ? runConstraint(item)
                                          : item.skip("not supported yet: unknown constraint");
         }},
        {"merged layer", expects("bias_q"), runMerging},
        {"network", expects("y_QuantTestModule"), runNetwork},
        {"training steps", expects("step0"), runTrainingSteps},
        {"calibration", expects("per_iteration"), runCalibration},
    };
}

}  // namespace bitlathe::conform
