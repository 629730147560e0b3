#pragma once

#include "core/exporters/c_code/c_writer.h"

#include <string>

namespace bitlathe::core {

/// The folder's README: how to use it, the byte budget by layer, what the kernels do.
std::string cReadme(const CNetwork& network, const CWriterOptions& options);

}  // namespace bitlathe::core
