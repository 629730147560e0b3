#include "engine/statistics_collector.h"

#include "core/plan/quant_plan.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/graph_executor.h"
#include "engine/statistics_kernels.h"
#include "engine/tensor_bridge.h"

#include <ATen/Parallel.h>
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
    std::int64_t perSample;
    bool areChannels;  ///< a row holds one value of each channel

    std::span<const float> values(std::int64_t begin, std::int64_t end) const {
        return {data + begin * length, static_cast<std::size_t>((end - begin) * length)};
    }
};

Rows rowsOf(const at::Tensor& value) {
    const std::int64_t channels = value.dim() > 1 ? value.size(1) : 1;
    const std::int64_t inner = value.is_contiguous() && value.dim() > 1 ? value.stride(1) : 1;
    const bool areChannels = inner == 1;
    const std::int64_t length = areChannels ? channels : inner;
    const std::int64_t count = value.numel() / length;
    return {value.data_ptr<float>(), count, length, channels, count / value.size(0), areChannels};
}

Moments momentsOf(std::span<const float> values) {
    return engine::momentsOf(values.data(), values.size());
}

/// Extrema of a sequence of channels or samples.
struct Extrema {
    std::vector<float> lower;
    std::vector<float> upper;

    explicit Extrema(std::int64_t count)
        : lower(static_cast<std::size_t>(count), std::numeric_limits<float>::infinity()),
          upper(static_cast<std::size_t>(count), -std::numeric_limits<float>::infinity()) {}

    void widen(std::size_t i, const Moments& moments) {
        lower[i] = std::min(lower[i], moments.minimum);
        upper[i] = std::max(upper[i], moments.maximum);
    }
    void merge(const Extrema& other) {
        for (std::size_t i = 0; i < lower.size(); ++i) {
            lower[i] = std::min(lower[i], other.lower[i]);
            upper[i] = std::max(upper[i], other.upper[i]);
        }
    }
};

/// Whole pixels that column loops take at a time, so that they are long whatever the number of channels.
std::int64_t columnsPerTurn(const Rows& rows) {
    constexpr std::int64_t kShortestLoop = 256;
    return rows.areChannels ? (kShortestLoop + rows.channels - 1) / rows.channels * rows.channels
                            : rows.channels;
}

/// What one thread gathers of its blocks. Extrema and histograms merge exactly in any order; the channels' sums are
/// added in the order of the blocks (see `first`).
class Partial {
public:
    Partial(std::int64_t firstBlock, const Rows& rows, std::int64_t samples, core::ChannelDetail detail)
        : m_first(firstBlock), m_columns(columnsPerTurn(rows)), m_samples(samples),
          m_channels(detail == core::ChannelDetail::Histograms ? static_cast<std::size_t>(rows.channels)
                                                               : 0) {}

    /// Extrema of every channel and sample, and the rows' moments, which are returned.
    Moments addMoments(const Rows& rows, std::int64_t begin, std::int64_t end) {
        Moments all;
        for (std::int64_t row = begin; row < end;) {
            // Planes one by one; pixels as far as they are of one sample.
            const std::int64_t sample = row / rows.perSample;
            const std::int64_t next =
                rows.areChannels ? std::min(end, (sample + 1) * rows.perSample) : row + 1;
            const std::span<const float> values = rows.values(row, next);
            const Moments moments = momentsOf(values);
            m_samples.widen(static_cast<std::size_t>(sample), moments);
            if (rows.areChannels) {
                widenToColumns(values.data(), values.size(), m_columns.lower.size(), m_columns.lower.data(),
                               m_columns.upper.data());
            } else {
                m_columns.widen(static_cast<std::size_t>(row % rows.channels), moments);
            }
            if (row == begin) {
                all = moments;
            } else {
                all.add(moments);
            }
            row = next;
        }
        return all;
    }

    void addHistogram(std::span<const float> values, const Moments& moments) {
        m_histogram.add(values, moments.minimum, moments.maximum);
    }

    /// Histograms and sums of every channel, where they are wanted.
    void addChannels(const Rows& rows, std::int64_t begin, std::int64_t end) {
        if (m_channels.empty()) {
            return;
        }
        if (!rows.areChannels) {
            for (std::int64_t row = begin; row < end; ++row) {
                addChannel(static_cast<std::size_t>(row % rows.channels), rows.values(row, row + 1));
            }
            return;
        }
        // Channels-last: each channel's values of the block, side by side.
        const auto count = static_cast<std::size_t>(end - begin);
        const auto length = static_cast<std::size_t>(rows.length);
        m_column.resize(count);
        for (std::size_t channel = 0; channel < length; ++channel) {
            const float* const source = rows.values(begin, end).data() + channel;
            for (std::size_t i = 0; i < count; ++i) {
                m_column[i] = source[i * length];
            }
            addChannel(channel, m_column);
        }
    }

    void merge(const Partial& other) {
        m_histogram.merge(other.m_histogram);
        m_columns.merge(other.m_columns);
        m_samples.merge(other.m_samples);
        for (std::size_t c = 0; c < m_channels.size(); ++c) {
            m_channels[c].sum += other.m_channels[c].sum;
            m_channels[c].sumOfSquares += other.m_channels[c].sumOfSquares;
            m_channels[c].sumOfMagnitudes += other.m_channels[c].sumOfMagnitudes;
            m_channels[c].histogram.merge(other.m_channels[c].histogram);
        }
    }

    /// Everything but the moments of the whole.
    void moveInto(core::SiteStatistics& statistics, std::int64_t channels) {
        const auto count = static_cast<std::size_t>(channels);
        for (std::size_t c = 0; c < count; ++c) {
            core::Range range{static_cast<double>(m_columns.lower[c]),
                              static_cast<double>(m_columns.upper[c])};
            for (std::size_t i = c + count; i < m_columns.lower.size(); i += count) {
                range.lower = std::min(range.lower, static_cast<double>(m_columns.lower[i]));
                range.upper = std::max(range.upper, static_cast<double>(m_columns.upper[i]));
            }
            statistics.channelRanges.push_back(range);
        }
        for (std::size_t i = 0; i < m_samples.lower.size(); ++i) {
            const auto low = static_cast<double>(m_samples.lower[i]);
            const auto high = static_cast<double>(m_samples.upper[i]);
            statistics.sumOfSampleMinima += low;
            statistics.sumOfSampleMaxima += high;
            statistics.sumOfSampleMagnitudes += std::max(std::fabs(low), std::fabs(high));
        }
        statistics.channels = std::move(m_channels);
        statistics.histogram = std::move(m_histogram);
    }

    bool isBefore(const Partial& other) const { return m_first < other.m_first; }

private:
    void addChannel(std::size_t channel, std::span<const float> values) {
        const Moments moments = momentsOf(values);
        core::ChannelStatistics& own = m_channels[channel];
        own.sum += moments.sum;
        own.sumOfSquares += moments.sumOfSquares;
        own.sumOfMagnitudes += moments.sumOfMagnitudes;
        own.histogram.add(values, moments.minimum, moments.maximum);
    }

    std::int64_t m_first;  ///< block it began with
    core::Histogram m_histogram;
    Extrema m_columns;  ///< of a turn's columns; column i is of channel i % channels
    Extrema m_samples;
    std::vector<core::ChannelStatistics> m_channels;
    std::vector<float> m_column;
};

/// The parts in the order of their blocks: the same sums whichever thread was faster.
Partial mergedInOrder(std::vector<Partial> parts) {
    std::sort(parts.begin(), parts.end(), [](const Partial& a, const Partial& b) { return a.isBefore(b); });
    Partial result = std::move(parts.front());
    for (std::size_t i = 1; i < parts.size(); ++i) {
        result.merge(parts[i]);
    }
    return result;
}

[[noreturn]] void throwNonFinite(const std::string& site) {
    throw core::Error(
        core::ErrorCode::NonFiniteInput,
        "'" + site +
            "' produced NaN or Inf during calibration; check the model's weights and the data's "
            "mean and scale");
}

/// The moments of the whole, from those of its blocks in order.
void setMoments(core::SiteStatistics& statistics, const std::vector<Moments>& blocks) {
    Moments all = blocks.front();
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        all.add(blocks[i]);
    }
    statistics.minimum = static_cast<double>(all.minimum);
    statistics.maximum = static_cast<double>(all.maximum);
    statistics.sum = all.sum;
    statistics.sumOfSquares = all.sumOfSquares;
    statistics.sumOfMagnitudes = all.sumOfMagnitudes;
    statistics.batchRanges = {{statistics.minimum, statistics.maximum}};
}

}  // namespace

core::SiteStatistics collectStatistics(const at::Tensor& tensor, const std::string& site,
                                       core::ChannelDetail detail) {
    core::SiteStatistics statistics;
    if (tensor.numel() == 0) {
        return statistics;
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
        Partial own(begin, rows, value.size(0), detail);
        for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * rowsPerBlock;
            const std::int64_t last = std::min(first + rowsPerBlock, rows.count);
            Moments& moments = blocks[static_cast<std::size_t>(block)];
            moments = own.addMoments(rows, first, last);
            if (!std::isfinite(moments.sum)) {
                throwNonFinite(site);
            }
            own.addHistogram(rows.values(first, last), moments);
            own.addChannels(rows, first, last);
        }
        const std::lock_guard lock(gathering);
        parts.push_back(std::move(own));
    });
    statistics.count = static_cast<std::uint64_t>(value.numel());
    statistics.samples = static_cast<std::uint64_t>(value.size(0));
    setMoments(statistics, blocks);
    mergedInOrder(std::move(parts)).moveInto(statistics, rows.channels);
    return statistics;
}

core::Statistics calibrateModel(const core::PreparedModel& model, const core::BatchSource& data,
                                core::ChannelDetail detail, const core::RunContext& context) {
    const c10::InferenceMode inference;
    core::Statistics statistics;
    statistics.modelHash = model.hash;
    statistics.dataHash = data.hash();

    GraphExecutor executor(model.graph, ExecutionMode::Inference);
    const auto observe = [&](core::NodeId node, const core::LayerId& layer) {
        core::SiteStatistics& site = statistics.sites[{layer, core::SiteKind::Output}];
        executor.setHook(node, [&site, detail, name = layer.str()](at::Tensor value) {
            site.merge(collectStatistics(value, name, detail));
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
