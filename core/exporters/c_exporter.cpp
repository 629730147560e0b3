#include "core/exporters/c_exporter.h"

#include "core/deploy/lower.h"
#include "core/exporters/c_code/c_names.h"
#include "core/exporters/c_code/c_writer.h"
#include "core/types/error.h"
#include "core/util/atomic_folder.h"

#include <filesystem>

namespace bitlathe::core {

namespace {

/// Kernels that run one multiplication at a time.
std::string slowRemark(const CStep& step) {
    if (step.function == "bl_run_conv_any") {
        return "runs on the general kernel, one product at a time: the fast ones take ordinary convolutions, "
               "and 3x3 depthwise ones whose channels come in fours";
    }
    if (step.kernel.starts_with("blocks") && step.weightBytes > 0) {
        for (const char* odd : {" 1-bit", " 3-bit", " 5-bit", " 6-bit", " 7-bit"}) {
            if (step.kernel.find(odd) != std::string::npos) {
                return std::string(odd + 1) + " weights are unpacked to 8 bits for every two pixels, which "
                                              "takes about three times as "
                                              "long as 2, 4 or 8 bits";
            }
        }
    }
    return {};
}

}  // namespace

std::string CExporter::folderName(const PreparedModel& model) {
    return CNames().unique(model.graph.name.empty() ? "network" : model.graph.name) + "_c";
}

std::vector<ExportCheck> CExporter::check(const PreparedModel& model, const QuantPlan& plan) const {
    std::vector<ExportCheck> checks;
    try {
        LoweringOptions lowering;
        lowering.thresholds = m_options.thresholds;
        const CNetwork network = buildCNetwork(lower(model, plan, lowering), m_options.backend);
        for (const CStep& step : network.steps) {
            if (const std::string remark = slowRemark(step); !remark.empty()) {
                checks.push_back({LayerId(step.layer), false, remark});
            }
        }
    } catch (const Error& error) {
        checks.push_back({LayerId(), true, error.what()});
        return checks;
    }
    if (m_options.backend == CBackend::CmsisNn) {
        checks.push_back(
            {LayerId(), false,
             "CMSIS-NN rounds twice unless it is built with CMSIS_NN_USE_SINGLE_ROUNDING: some outputs "
             "then differ by one from the integer engine's"});
    }
    if (!m_options.hasDsp) {
        checks.push_back({LayerId(), false,
                          m_options.cpu +
                              " has no DSP extension: the kernels run in plain C, about three to four times "
                              "as many instructions"});
    }
    return checks;
}

std::vector<std::string> CExporter::write(const PreparedModel& model, const QuantPlan& plan,
                                          const std::string& folder) const {
    LoweringOptions lowering;
    lowering.thresholds = m_options.thresholds;
    CWriterOptions writing;
    writing.cpu = m_options.cpu;
    writing.version = BITLATHE_VERSION;
    const CNetwork network = buildCNetwork(lower(model, plan, lowering), m_options.backend);
    const std::string own = (std::filesystem::path(folder) / folderName(model)).string();
    return writeFolderAtomically(own, writeCFiles(network, writing), kSign);
}

}  // namespace bitlathe::core
