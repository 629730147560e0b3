#pragma once

#include "core/types/site_statistics.h"

#include <string>

namespace bitlathe::experiments {

/// Statistics as a file, for work away from the data and the log:
///
///   bitlathe-statistics\n 1\n <model hash>\n <data hash>\n <sites>\n
///   sites x { <layer>\t<weight|output>\t<bytes>\n <statistics_codec.h> }
///   <SHA-256 of everything before, hex>
///
/// Replaces an older file whole or leaves it. Errors  Io: cannot be written.
void saveStatistics(const core::Statistics& statistics, const std::string& path);

/// Errors  Io: cannot be read.  DataFormat: not such a file, of a later version, damaged; the text names the file.
core::Statistics loadStatistics(const std::string& path);

}  // namespace bitlathe::experiments
