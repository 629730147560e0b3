#pragma once

#include "core/exporters/c_code/c_network.h"

#include <map>
#include <string>

namespace bitlathe::core {

struct CWriterOptions {
    std::string cpu = "cortex-m4";  ///< what -mcpu the build files start from
    std::string version;            ///< of Bitlathe, for the heading
};

/// Every file of the exported folder by name: network.h/.c, tables, the kernels it uses, self-test, build files, README.
/// The same network gives the same bytes. The self-test's input is drawn from a fixed seed and its output computed by
/// the reference engine.
std::map<std::string, std::string> writeCFiles(const CNetwork& network, const CWriterOptions& options);

}  // namespace bitlathe::core
