// Cases of the min-max, moving-average and relative-entropy family (MXNet simulation, TensorRT, ncnn).

#include "tests/conform/min_max_cases.h"

namespace bitlathe::conform {

std::vector<Kind> minMaxKinds() {
    using namespace min_max_cases;
    const auto expects = [](const char* key) {
        return [key](const Case& item) { return isMxnet(item) && item.expects(key); };
    };
    return {
        {"rounding", [](const Case& c) { return c.text("op").starts_with("round(x), ties away"); },
         runRounding},
        {"input ranges", expects("online_range"), runInput},
        {"folded weights", expects("w_merged"), runFolding},
        {"folding statistics",
         [](const Case& c) { return c.hasInput("running_mean0") && c.expects("after_each"); },
         runFoldingStatistics},
        {"Winograd weights", expects("U_q"), runWinograd},
        {"training step", expects("wq"), runTrainingStep},
        {"integer convolution", expects("qx_padded"), runIntegerConvolution},
        {"ncnn convolution", expects("y_relu"), runNcnnConvolution},
        {"weights", [](const Case& c) { return isMxnet(c) && c.expects("w_channel"); }, runWeights},
        {"moving average", expects("ema_after_each"), runMovingAverage},
        {"relative entropy", expects("linear_interpolation_variant"), runDivergence},
        {"histogram over chunks", expects("hist_chunk1"),
         [](Case& item) {
             item.skip("defect of the reference: its first batch fixes the histogram's reach and later "
                       "outliers pile up in the last bin; ours grows");
         }},
        {"scale table", expects("table_text"), runScaleTable},
        {"activation",
         [](const Case& c) {
             return isMxnet(c) && c.expects("y") && c.hasInput("x") &&
                    (c.params().empty() || c.text("rule").starts_with("after ReLU"));
         },
         runActivation},
    };
}

}  // namespace bitlathe::conform
