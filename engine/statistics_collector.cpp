#include "engine/statistics_collector.h"

#include "core/plan/quant_plan.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/graph_executor.h"
#include "engine/statistics_kernels.h"
#include "engine/tensor_bridge.h"

#include <ATen/Parallel.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

namespace bitlathe::engine {

namespace {

// Values a block holds about: 256 KiB, so that the histogram's pass finds in L2 what the moments' pass has
// read, and folding its counters costs little beside counting.
constexpr std::int64_t kBlockValues = 65536;

/// An activation as rows of neighbouring values: channels-last rows are pixels (one value per channel),
/// others are planes of one channel each.
struct Rows {
    const float* data;
    std::int64_t count;
    std::int64_t length;
    std::int64_t channels;
    bool areChannels;  ///< a row holds one value of each channel
};

Rows rowsOf(const at::Tensor& value) {
    const std::int64_t channels = value.dim() > 1 ? value.size(1) : 1;
    const std::int64_t inner = value.is_contiguous() && value.dim() > 1 ? value.stride(1) : 1;
    const bool areChannels = inner == 1;
    const std::int64_t length = areChannels ? channels : inner;
    return {value.data_ptr<float>(), value.numel() / length, length, channels, areChannels};
}

/// What one thread gathers of its blocks. Extrema and histograms merge exactly in any order; the channels' sums are
/// added in the order of the blocks (see `first`).
struct Partial {
    std::int64_t first = 0;  ///< block it began with
    core::Histogram histogram;
    std::vector<float> lower;
    std::vector<float> upper;
    std::vector<core::ChannelStatistics> channels;

    Partial(std::int64_t firstBlock, std::int64_t channelCount)
        : first(firstBlock),
          lower(static_cast<std::size_t>(channelCount), std::numeric_limits<float>::infinity()),
          upper(static_cast<std::size_t>(channelCount), -std::numeric_limits<float>::infinity()),
          channels(channelCount > 1 ? static_cast<std::size_t>(channelCount) : 0) {}

    /// A run of values of one channel.
    void extend(std::size_t channel, const float* values, std::size_t count) {
        const Moments moments = momentsOf(values, count);
        lower[channel] = std::min(lower[channel], moments.minimum);
        upper[channel] = std::max(upper[channel], moments.maximum);
        if (channels.empty()) {
            return;
        }
        core::ChannelStatistics& own = channels[channel];
        own.sum += moments.sum;
        own.sumOfSquares += moments.sumOfSquares;
        own.sumOfMagnitudes += moments.sumOfMagnitudes;
        own.histogram.add({values, count}, moments.minimum, moments.maximum);
    }

    void extend(const Rows& rows, std::int64_t begin, std::int64_t end, std::vector<float>& column) {
        const auto length = static_cast<std::size_t>(rows.length);
        if (!rows.areChannels) {
            for (std::int64_t row = begin; row < end; ++row) {
                extend(static_cast<std::size_t>(row % rows.channels), rows.data + row * rows.length, length);
            }
            return;
        }
        // Channels-last: each channel's values of the block, side by side.
        const auto count = static_cast<std::size_t>(end - begin);
        column.resize(count);
        for (std::size_t channel = 0; channel < length; ++channel) {
            const float* const source = rows.data + static_cast<std::size_t>(begin) * length + channel;
            for (std::size_t i = 0; i < count; ++i) {
                column[i] = source[i * length];
            }
            extend(channel, column.data(), count);
        }
    }

    void merge(const Partial& other) {
        histogram.merge(other.histogram);
        for (std::size_t c = 0; c < lower.size(); ++c) {
            lower[c] = std::min(lower[c], other.lower[c]);
            upper[c] = std::max(upper[c], other.upper[c]);
        }
        for (std::size_t c = 0; c < channels.size(); ++c) {
            channels[c].sum += other.channels[c].sum;
            channels[c].sumOfSquares += other.channels[c].sumOfSquares;
            channels[c].sumOfMagnitudes += other.channels[c].sumOfMagnitudes;
            channels[c].histogram.merge(other.channels[c].histogram);
        }
    }
};

/// The parts in the order of their blocks: the same sums whichever thread was faster.
Partial mergedInOrder(std::vector<Partial> parts) {
    std::sort(parts.begin(), parts.end(),
              [](const Partial& a, const Partial& b) { return a.first < b.first; });
    Partial result = std::move(parts.front());
    for (std::size_t i = 1; i < parts.size(); ++i) {
        result.merge(parts[i]);
    }
    return result;
}

/// Sums over the samples of each one's extrema; a sample is one run of memory in every layout there is.
void addSampleExtrema(const at::Tensor& value, core::SiteStatistics& statistics) {
    const std::int64_t samples = value.size(0);
    const at::Tensor flat =
        at::from_blob(value.data_ptr<float>(), {samples, value.numel() / samples}, at::kFloat);
    const auto [lowest, highest] = at::aminmax(flat, 1);
    const float* const low = lowest.data_ptr<float>();
    const float* const high = highest.data_ptr<float>();
    for (std::int64_t i = 0; i < samples; ++i) {
        statistics.sumOfSampleMinima += static_cast<double>(low[i]);
        statistics.sumOfSampleMaxima += static_cast<double>(high[i]);
        statistics.sumOfSampleMagnitudes +=
            static_cast<double>(std::max(std::fabs(low[i]), std::fabs(high[i])));
    }
}

[[noreturn]] void throwNonFinite(const std::string& site) {
    throw core::Error(
        core::ErrorCode::NonFiniteInput,
        "'" + site +
            "' produced NaN or Inf during calibration; check the model's weights and the data's "
            "mean and scale");
}

core::SiteStatistics assemble(const std::vector<Moments>& blocks, Partial&& gathered, const at::Tensor& value,
                              const std::string& site) {
    core::SiteStatistics statistics;
    statistics.count = static_cast<std::uint64_t>(value.numel());
    statistics.samples = static_cast<std::uint64_t>(value.size(0));
    statistics.minimum = static_cast<double>(blocks[0].minimum);
    statistics.maximum = static_cast<double>(blocks[0].maximum);
    for (const Moments& block : blocks) {
        statistics.minimum = std::min(statistics.minimum, static_cast<double>(block.minimum));
        statistics.maximum = std::max(statistics.maximum, static_cast<double>(block.maximum));
        statistics.sum += block.sum;
        statistics.sumOfSquares += block.sumOfSquares;
        statistics.sumOfMagnitudes += block.sumOfMagnitudes;
    }
    if (!std::isfinite(statistics.sum)) {
        throwNonFinite(site);
    }
    statistics.batchRanges = {{statistics.minimum, statistics.maximum}};
    statistics.channelRanges.reserve(gathered.lower.size());
    for (std::size_t c = 0; c < gathered.lower.size(); ++c) {
        statistics.channelRanges.push_back(
            {static_cast<double>(gathered.lower[c]), static_cast<double>(gathered.upper[c])});
    }
    statistics.channels = std::move(gathered.channels);
    statistics.histogram = std::move(gathered.histogram);
    addSampleExtrema(value, statistics);
    return statistics;
}

}  // namespace

core::SiteStatistics collectStatistics(const at::Tensor& tensor, const std::string& site) {
    if (tensor.numel() == 0) {
        return {};
    }
    const bool isKnownLayout = tensor.is_contiguous() || tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor value = isKnownLayout ? tensor : tensor.contiguous();
    const Rows rows = rowsOf(value);
    const std::int64_t rowsPerBlock = std::max<std::int64_t>(1, kBlockValues / rows.length);
    const std::int64_t blockCount = (rows.count + rowsPerBlock - 1) / rowsPerBlock;
    std::vector<Moments> blocks(static_cast<std::size_t>(blockCount));
    std::vector<Partial> parts;
    std::mutex gathering;
    at::parallel_for(0, blockCount, 1, [&](std::int64_t begin, std::int64_t end) {
        Partial own(begin, rows.channels);
        std::vector<float> column;
        for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * rowsPerBlock;
            const std::int64_t last = std::min(first + rowsPerBlock, rows.count);
            const std::span<const float> values{rows.data + first * rows.length,
                                                static_cast<std::size_t>((last - first) * rows.length)};
            Moments& moments = blocks[static_cast<std::size_t>(block)];
            moments = momentsOf(values.data(), values.size());
            if (!std::isfinite(moments.sum)) {
                throwNonFinite(site);
            }
            own.histogram.add(values, moments.minimum, moments.maximum);
            own.extend(rows, first, last, column);
        }
        const std::lock_guard lock(gathering);
        parts.push_back(std::move(own));
    });
    return assemble(blocks, mergedInOrder(std::move(parts)), value, site);
}

core::Statistics calibrateModel(const core::PreparedModel& model, const core::BatchSource& data,
                                const core::RunContext& context) {
    const c10::InferenceMode inference;
    core::Statistics statistics;
    statistics.modelHash = model.hash;
    statistics.dataHash = data.hash();

    GraphExecutor executor(model.graph, ExecutionMode::Inference);
    const auto observe = [&](core::NodeId node, const core::LayerId& layer) {
        core::SiteStatistics& site = statistics.sites[{layer, core::SiteKind::Output}];
        executor.setHook(node, [&site, name = layer.str()](at::Tensor value) {
            site.merge(collectStatistics(value, name));
            return value;
        });
    };
    observe(0, core::kInputLayer);
    for (const core::Layer& layer : model.layers) {
        observe(layer.outputNode, layer.id);
        if (layer.hasWeights()) {
            statistics.sites[{layer.id, core::SiteKind::Weight}] =
                core::weightStatistics(core::layerWeights(model, layer));
        }
    }
    core::Batch batch;
    const std::int64_t batches = data.batchCount();
    for (std::int64_t i = 0; i < batches; ++i) {
        context.checkpoint(i, batches, "batch " + std::to_string(i + 1) + " of " + std::to_string(batches));
        data.read(i, batch);
        requireInputShape(model.graph, batch.shape);
        executor.run(wrapImages(batch));
    }
    context.checkpoint(batches, batches);
    return statistics;
}

}  // namespace bitlathe::engine
