// Cases of the ACIQ family (Banner et al. 2019): analytic clips, bit allocation, GEMMLOWP grids, corrections,
// mid-tread, entropy, codebooks, statistics, and small networks end to end.

#include "tests/conform/aciq_cases.h"

namespace bitlathe::conform {

std::vector<Kind> aciqKinds() {
    using namespace aciq_cases;
    const auto expects = [](const char* key) {
        return [key](const Case& item) { return hasSource(item) && item.expects(key); };
    };
    return {
        {"analytic clips", expects("laplace_closed_form_lambertW"), runAnalyticTables},
        {"published clips",
         [](const Case& item) {
             return hasSource(item) && item.inputs().empty() && item.expects("gauss_one_sided");
         },
         runPublishedTables},
        {"optimal clips", expects("laplace_zero_preserving"), runTrueOptimum},
        {"interpolated clips", expects("closed_form_lambertW_3_omega2"), runInterpolated},
        {"bins", expects("bins_real"), runBins},
        {"error over clip", expects("analytic_mse"), runErrorCurve},
        {"bit allocation", expects("bits_fixed_target"), runAllocation},
        {"weight correction", expects("conv_corrected"), runCorrection},
        {"mid-tread", expects("delta"), runMidTread},
        {"entropy", expects("per_bits"), runEntropy},
        {"codebook", expects("codebook_sorted"), runCodebook},
        {"symmetric divergence", expects("divergence_nats"), runSymmetricDivergence},
        {"two channels", expects("mse_sum"), runTwoChannels},
        {"batch-norm folding", expects("w_folded"), runFolding},
        {"statistics",
         [](const Case& item) {
             return hasSource(item) && item.expects("per_tensor") && item.hasInput("batches");
         },
         runStatistics},
        {"small network", expects("act_pool"), runTinyNet},
        {"tensor",
         [](const Case& item) {
             return hasSource(item) && item.hasParam("clip") && item.expects("dequantized");
         },
         runTensor},
    };
}

}  // namespace bitlathe::conform
