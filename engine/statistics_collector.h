#pragma once

#include "core/data/batches.h"
#include "core/graph/layer.h"
#include "core/run/run_context.h"
#include "core/types/channel_detail.h"
#include "core/types/site_statistics.h"

#include <ATen/core/Tensor.h>

#include <string>

namespace bitlathe::engine {

/// Statistics of one batch of one activation (N,C,... in any dense layout), in one pass over memory.
/// The result does not depend on the number of threads: counts and extrema are exact in any grouping, and
/// sums are added over blocks of fixed size, in order. Errors  NonFiniteInput naming `site`.
core::SiteStatistics collectStatistics(const at::Tensor& value, const std::string& site,
                                       core::ChannelDetail detail);

/// Streams the data through the float model and collects every layer's output, the input, and the weights.
core::Statistics calibrateModel(const core::PreparedModel& model, const core::BatchSource& data,
                                core::ChannelDetail detail, const core::RunContext& context);

}  // namespace bitlathe::engine
