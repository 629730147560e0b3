#pragma once

#include "core/exporters/c_code/c_network.h"
#include "core/exporters/exporter.h"

#include <string>
#include <string_view>

namespace bitlathe::core {

/// One self-contained folder of C99 for microcontrollers: tables packed at their bits, the kernels this network uses
/// and no others, one static arena, network_run(in, out), a self-test with its expected output, Makefile, CMakeLists,
/// README with the byte budget. Computes the codes of the integer model (core/deploy), bit for bit.
///
/// Makes the folder `<model>_c` inside the one it is given. It appears as a whole or not at all: it is written beside
/// its place and renamed. An existing one is replaced only when it is empty or an export of this kind.
class CExporter final : public Exporter {
public:
    static constexpr std::string_view kName = "c";
    static constexpr const char* kSign = "network_tables.h";  ///< the file an earlier export of this kind has

    /// "<model>_c", the model's name as a C identifier.
    static std::string folderName(const PreparedModel& model);

    struct Options {
        CBackend backend = CBackend::Own;
        std::string cpu = "cortex-m4";  ///< what the build files start from
        bool hasDsp = true;             ///< that processor multiplies pairs
        bool thresholds = false;        ///< outputs of at most 4 bits by comparisons
    };

    explicit CExporter(Options options) : m_options(std::move(options)) {}

    std::vector<ExportCheck> check(const PreparedModel& model, const QuantPlan& plan) const override;
    std::vector<std::string> write(const PreparedModel& model, const QuantPlan& plan,
                                   const std::string& folder) const override;

private:
    Options m_options;
};

}  // namespace bitlathe::core
