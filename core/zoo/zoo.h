#pragma once

#include "core/graph/graph.h"
#include "core/types/param_values.h"
#include "core/types/seed.h"

#include <string>
#include <vector>

namespace bitlathe::core {

/// A network built in. Weights: He normal (fan-out, He et al. 2015) for convolutions, batch norm gamma 1 beta
/// 0.
struct ZooEntry {
    std::string name;  ///< "mobilenet_v1"
    std::string title;
    std::vector<ParamSpec> params;  ///< width, classes, channels, size, stem_stride, ...
};

std::vector<ZooEntry> zooEntries();
/// Errors  InvalidConfig: unknown name or parameter (lists the known).
Graph buildZooModel(const std::string& name, const ParamValues& params, Seed seed);

}  // namespace bitlathe::core
