#include "core/deploy/integer_steps.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace bitlathe::core {

namespace {

/// Output pixels whose accumulators are made at a time: 32 x 256 of them take 32 KiB.
constexpr int kTilePixels = 32;

/// The window's corner moves over `rows` x `columns` positions of an image with its padding around it.
struct Geometry {
    int channels = 1;
    int rows = 1;  ///< of the padded image
    int columns = 1;
    std::array<int, 4> padding{};
    IntegerTensor input, output;
    std::array<int, 2> kernel{}, stride{}, dilation{};

    Geometry(const IntegerConv& conv, const IntegerTensor& source, const IntegerTensor& target)
        : channels(source.channels), padding(conv.padding), input(source), output(target),
          kernel(conv.kernel), stride(conv.stride), dilation(conv.dilation) {
        rows = source.rows + padding[0] + padding[2];
        columns = source.columns + padding[1] + padding[3];
    }
    bool isPadded() const noexcept { return rows != input.rows || columns != input.columns; }
    std::size_t paddedBytes() const {
        return isPadded() ? static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns * channels) +
                                kSlackBytes
                          : 0;
    }
    /// The image with zero points around it; the image itself where there is no padding.
    const std::uint8_t* pad(const std::uint8_t* image, std::uint8_t* buffer) const {
        if (!isPadded()) {
            return image;
        }
        const auto zero = static_cast<int>(input.zeroPoint - input.lowestCode());
        const auto rowBytes = static_cast<std::size_t>(columns * channels);
        const auto left = static_cast<std::size_t>(padding[1] * channels);
        const auto inner = static_cast<std::size_t>(input.columns * channels);
        std::uint8_t* row = buffer;
        std::memset(row, zero, rowBytes * static_cast<std::size_t>(padding[0]));
        row += rowBytes * static_cast<std::size_t>(padding[0]);
        for (int y = 0; y < input.rows; ++y, row += rowBytes) {
            std::memset(row, zero, left);
            std::memcpy(row + left, image + static_cast<std::size_t>(y) * inner, inner);
            std::memset(row + left + inner, zero, rowBytes - left - inner);
        }
        std::memset(row, zero, rowBytes * static_cast<std::size_t>(padding[2]));
        return buffer;
    }
    std::ptrdiff_t offsetOf(int y, int x) const { return (std::ptrdiff_t{y} * columns + x) * channels; }
    /// Windows that follow each other without a jump at the end of a row.
    bool isOneRun() const noexcept {
        return kernel[0] == 1 && kernel[1] == 1 && stride[0] == 1 && stride[1] == 1 && !isPadded();
    }
    /// body(first byte of the window, index of the first output pixel, number of pixels), at most a tile.
    template <typename Body>
    void forEachTile(const Body& body) const {
        const int runs = isOneRun() ? 1 : output.rows;
        const int length = isOneRun() ? output.rows * output.columns : output.columns;
        for (int run = 0; run < runs; ++run) {
            for (int x = 0; x < length; x += kTilePixels) {
                body(offsetOf(run * stride[0], x * stride[1]), run * length + x,
                     std::min(kTilePixels, length - x));
            }
        }
    }
    std::ptrdiff_t pixelStep() const { return std::ptrdiff_t{stride[1]} * channels; }
};

std::int32_t wrapped(std::int64_t value) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::uint64_t>(value)));
}

/// Some output channels that read the same inputs: all of them, or one group's.
struct DotUnit {
    int channels = 0;
    int firstChannel = 0;
    std::vector<std::ptrdiff_t> offsets;  ///< of the segments, from the window's first byte
    int quads = 0;
    int blocks = 0;
    AlignedVector<std::int8_t> weights;
    AlignedVector<std::int32_t> bias;
    RequantizeTable table;
    bool hasWindowSum = false;  ///< the channel behind the last one sums the inputs
};

/// Whether every weight counted from its zero point fits a signed byte.
bool fitsInt8(const IntegerConv& conv, int first, int count) {
    const std::int64_t perChannel = conv.weightsPerChannel();
    for (std::int64_t c = first; c < first + count; ++c) {
        const std::int32_t zero = conv.weightZeroPoint(static_cast<std::size_t>(c));
        for (std::int64_t i = c * perChannel; i < (c + 1) * perChannel; ++i) {
            const std::int32_t centred = conv.weights[i] - zero;
            if (centred < -128 || centred > 127) {
                return false;
            }
        }
    }
    return true;
}

/// Bias for inputs counted from the lowest code.
std::int32_t storedBias(const IntegerConv& conv, std::int64_t channel, const IntegerTensor& input) {
    const std::int64_t perChannel = conv.weightsPerChannel();
    std::int64_t sum = 0;
    for (std::int64_t i = channel * perChannel; i < (channel + 1) * perChannel; ++i) {
        sum += conv.weights[i] - conv.weightZeroPoint(static_cast<std::size_t>(channel));
    }
    return wrapped(conv.bias[static_cast<std::size_t>(channel)] + input.lowestCode() * sum);
}

class DotStep final : public IntegerStep {
public:
    DotStep(const IntegerConv& conv, const IntegerTensor& input, const IntegerTensor& output)
        : m_geometry(conv, input, output), m_isRaw(output.bits == 32) {
        const int perGroup = conv.outputChannels / conv.groups;
        for (int group = 0; group < conv.groups; ++group) {
            m_units.push_back(makeUnit(conv, group * perGroup, perGroup, group * conv.inputChannelsPerGroup));
        }
    }

    std::size_t paddedBytes() const override { return m_geometry.paddedBytes(); }
    std::size_t accumulatorCount() const override {
        int blocks = 0;
        for (const DotUnit& unit : m_units) {
            blocks = std::max(blocks, unit.blocks);
        }
        return static_cast<std::size_t>(blocks * kLanes * kTilePixels);
    }

    void run(const StepBuffers& buffers, const IntegerKernels& kernels) const override {
        const std::uint8_t* const image = m_geometry.pad(buffers.inputs[0], buffers.padded);
        m_geometry.forEachTile([&](std::ptrdiff_t offset, int pixel, int pixels) {
            for (const DotUnit& unit : m_units) {
                DotTask task;
                task.input = image + offset;
                task.pixelStep = m_geometry.pixelStep();
                task.pixels = pixels;
                task.offsets = unit.offsets.data();
                task.segments = static_cast<int>(unit.offsets.size());
                task.quads = unit.quads;
                task.weights = unit.weights.data();
                task.bias = unit.bias.data();
                task.blocks = unit.blocks;
                task.accumulators = buffers.accumulators;
                kernels.dot(task);
                finish(unit, buffers, kernels, pixel, pixels);
            }
        });
    }

private:
    DotUnit makeUnit(const IntegerConv& conv, int first, int count, int firstInput) const {
        DotUnit unit;
        unit.channels = count;
        unit.firstChannel = first;
        unit.hasWindowSum = !fitsInt8(conv, first, count);
        const int lanes = count + (unit.hasWindowSum ? 1 : 0);
        unit.blocks = paddedLanes(lanes) / kLanes;
        // Where rows of a window are contiguous (all channels, no dilation) a segment is a row, else a pixel.
        const bool isRow = conv.groups == 1 && conv.dilation[1] == 1;
        const int length = conv.inputChannelsPerGroup * (isRow ? conv.kernel[1] : 1);
        unit.quads = (length + 3) / 4;
        for (int y = 0; y < conv.kernel[0]; ++y) {
            for (int x = 0; x < (isRow ? 1 : conv.kernel[1]); ++x) {
                unit.offsets.push_back(m_geometry.offsetOf(y * conv.dilation[0], x * conv.dilation[1]) +
                                       firstInput);
            }
        }
        packWeights(unit, conv, length);
        unit.bias.assign(static_cast<std::size_t>(unit.blocks * kLanes), 0);
        for (int c = 0; c < count; ++c) {
            unit.bias[static_cast<std::size_t>(c)] = storedBias(conv, first + c, m_geometry.input);
        }
        unit.table = requantizeTable(conv.output, static_cast<std::size_t>(first),
                                     static_cast<std::size_t>(count), m_geometry.output);
        if (unit.hasWindowSum) {
            unit.table.corrections.assign(static_cast<std::size_t>(paddedLanes(count)), 0);
            for (int c = 0; c < count; ++c) {
                unit.table.corrections[static_cast<std::size_t>(c)] =
                    kByteCentre - conv.weightZeroPoint(static_cast<std::size_t>(first + c));
            }
        }
        return unit;
    }

    /// w - zero point as a byte, or w - 128 with a window sum times (128 - zero point) added later.
    void packWeights(DotUnit& unit, const IntegerConv& conv, int length) const {
        const std::size_t segments = unit.offsets.size();
        const auto quads = static_cast<std::size_t>(unit.quads);
        unit.weights.assign(static_cast<std::size_t>(unit.blocks) * segments * quads * 4 * kLanes, 0);
        const auto place = [&](int lane, std::size_t segment, int i) -> std::int8_t& {
            const std::size_t block = static_cast<std::size_t>(lane / kLanes);
            const std::size_t quad = (block * segments + segment) * quads + static_cast<std::size_t>(i / 4);
            return unit.weights[(quad * kLanes + static_cast<std::size_t>(lane % kLanes)) * 4 +
                                static_cast<std::size_t>(i % 4)];
        };
        for (int c = 0; c < unit.channels; ++c) {
            const int channel = unit.firstChannel + c;
            const std::int32_t centre =
                unit.hasWindowSum ? kByteCentre : conv.weightZeroPoint(static_cast<std::size_t>(channel));
            std::int64_t index = channel * conv.weightsPerChannel();
            for (std::size_t s = 0; s < segments; ++s) {
                for (int i = 0; i < length; ++i) {
                    place(c, s, i) = static_cast<std::int8_t>(conv.weights[index++] - centre);
                }
            }
        }
        for (std::size_t s = 0; unit.hasWindowSum && s < segments; ++s) {
            for (int i = 0; i < length; ++i) {
                place(unit.channels, s, i) = 1;
            }
        }
    }

    void finish(const DotUnit& unit, const StepBuffers& buffers, const IntegerKernels& kernels, int pixel,
                int pixels) const {
        const int stride = unit.blocks * kLanes;
        if (unit.hasWindowSum) {
            addWindowSums(unit, buffers.accumulators, stride, pixels);
        }
        const auto channels = static_cast<std::ptrdiff_t>(m_geometry.output.channels);
        const std::ptrdiff_t first = pixel * channels + unit.firstChannel;
        if (m_isRaw && unit.table.mantissas.empty()) {
            std::int32_t* const output = static_cast<std::int32_t*>(buffers.output) + first;
            for (int p = 0; p < pixels; ++p) {
                std::copy_n(buffers.accumulators + p * stride, unit.channels, output + p * channels);
            }
            return;
        }
        if (m_isRaw) {
            return requantizeRaw(unit, buffers, stride, first, pixels);
        }
        RequantizeTask task;
        task.channels = unit.channels;
        task.accumulators = buffers.accumulators;
        task.accumulatorStep = stride;
        task.pixels = pixels;
        task.output = static_cast<std::uint8_t*>(buffers.output) + first;
        task.outputStep = channels;
        kernels.requantize(task, unit.table);
    }

    static void addWindowSums(const DotUnit& unit, std::int32_t* accumulators, int stride, int pixels) {
        for (int p = 0; p < pixels; ++p) {
            std::int32_t* const acc = accumulators + p * stride;
            const std::int64_t sum = acc[unit.channels];
            for (int c = 0; c < unit.channels; ++c) {
                acc[c] = wrapped(acc[c] + sum * unit.table.corrections[static_cast<std::size_t>(c)]);
            }
        }
    }

    /// Logits on a common scale: 32-bit codes.
    void requantizeRaw(const DotUnit& unit, const StepBuffers& buffers, int stride, std::ptrdiff_t first,
                       int pixels) const {
        auto* const output = static_cast<std::int32_t*>(buffers.output) + first;
        for (int p = 0; p < pixels; ++p) {
            for (int c = 0; c < unit.channels; ++c) {
                const auto i = static_cast<std::size_t>(c);
                const FixedFactor factor{unit.table.mantissas[i],
                                         31 - static_cast<int>(unit.table.shifts[i])};
                output[std::ptrdiff_t{p} * m_geometry.output.channels + c] = requantize(
                    buffers.accumulators[p * stride + c], factor, unit.table.rounding, 0,
                    std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
            }
        }
    }

    static constexpr std::int32_t kByteCentre = 128;

    Geometry m_geometry;
    bool m_isRaw;
    std::vector<DotUnit> m_units;
};

/// One input channel for each output channel: lanes are channels. With few channels and windows side by side,
/// lanes are the channels of several neighbouring pixels.
class DepthwiseStep final : public IntegerStep {
public:
    DepthwiseStep(const IntegerConv& conv, const IntegerTensor& input, const IntegerTensor& output)
        : m_geometry(conv, input, output),
          m_isPacked(kLanes % input.channels == 0 && input.channels < kLanes && conv.stride[1] == 1) {
        const int channels = input.channels;
        m_lanes = m_isPacked ? kLanes : channels;
        m_blocks = paddedLanes(m_lanes) / kLanes;
        const auto padded = static_cast<std::size_t>(m_blocks * kLanes);
        m_bias.assign(padded, 0);
        for (int y = 0; y < conv.kernel[0]; ++y) {
            for (int x = 0; x < conv.kernel[1]; ++x) {
                m_offsets.push_back(m_geometry.offsetOf(y * conv.dilation[0], x * conv.dilation[1]));
            }
        }
        const std::size_t taps = m_offsets.size();
        m_weights.assign(taps * padded, 0);
        for (int lane = 0; lane < m_lanes; ++lane) {
            const int c = lane % channels;
            const auto l = static_cast<std::size_t>(lane);
            m_bias[l] = storedBias(conv, c, input);
            for (std::size_t t = 0; t < taps; ++t) {
                m_weights[t * padded + l] =
                    conv.weights[c * static_cast<std::int64_t>(taps) + static_cast<std::int64_t>(t)] -
                    conv.weightZeroPoint(static_cast<std::size_t>(c));
            }
        }
        if (fitsInt8(conv, 0, conv.outputChannels)) {
            groupTaps(conv);
        }
        Requantization rule = conv.output;
        if (m_isPacked) {
            repeat(rule.factors, channels);
            repeat(rule.thresholds, channels);
        }
        m_table = requantizeTable(rule, 0, static_cast<std::size_t>(m_lanes), output);
    }

    std::size_t paddedBytes() const override { return m_geometry.paddedBytes(); }
    std::size_t accumulatorCount() const override {
        return static_cast<std::size_t>(m_blocks * kLanes * kTilePixels);
    }

    void run(const StepBuffers& buffers, const IntegerKernels& kernels) const override {
        const std::uint8_t* const image = m_geometry.pad(buffers.inputs[0], buffers.padded);
        const int channels = m_geometry.channels;
        auto* const output = static_cast<std::uint8_t*>(buffers.output);
        m_geometry.forEachTile([&](std::ptrdiff_t offset, int pixel, int pixels) {
            DepthwiseTask task;
            task.input = image + offset;
            task.offsets = m_offsets.data();
            task.taps = static_cast<int>(m_offsets.size());
            task.weights = m_weights.data();
            task.bias = m_bias.data();
            task.blocks = m_blocks;
            task.byteWeights = m_byteWeights.empty() ? nullptr : m_byteWeights.data();
            task.groupOffsets = m_groupOffsets.data();
            task.groups = static_cast<int>(m_groupOffsets.size());
            task.tapStep = m_tapStep;
            task.accumulators = buffers.accumulators;
            const int whole = m_isPacked ? pixels * channels / kLanes : pixels;
            const int rest = m_isPacked ? pixels * channels % kLanes : 0;
            task.pixels = whole + (rest > 0 ? 1 : 0);
            task.pixelStep = m_isPacked ? kLanes : m_geometry.pixelStep();
            kernels.depthwise(task);

            RequantizeTask codes;
            codes.channels = m_lanes;
            codes.accumulators = buffers.accumulators;
            codes.accumulatorStep = m_blocks * kLanes;
            codes.pixels = whole;
            codes.output = output + std::ptrdiff_t{pixel} * channels;
            codes.outputStep = m_lanes;
            kernels.requantize(codes, m_table);
            if (rest > 0) {
                codes.accumulators += std::ptrdiff_t{whole} * kLanes;
                codes.output += std::ptrdiff_t{whole} * kLanes;
                codes.pixels = 1;
                codes.channels = rest;
                kernels.requantize(codes, m_table);
            }
        });
    }

private:
    /// Taps of a row in fours, as bytes.
    void groupTaps(const IntegerConv& conv) {
        constexpr int kTaps = 4;
        const int perRow = (conv.kernel[1] + kTaps - 1) / kTaps;
        const int padded = m_blocks * kLanes;
        m_tapStep = m_geometry.offsetOf(0, conv.dilation[1]);
        m_byteWeights.assign(static_cast<std::size_t>(conv.kernel[0] * perRow * padded * kTaps), 0);
        for (int y = 0; y < conv.kernel[0]; ++y) {
            for (int x = 0; x < conv.kernel[1]; ++x) {
                const int group = y * perRow + x / kTaps;
                if (x % kTaps == 0) {
                    m_groupOffsets.push_back(m_offsets[static_cast<std::size_t>(y * conv.kernel[1] + x)]);
                }
                for (int lane = 0; lane < padded; ++lane) {
                    m_byteWeights[static_cast<std::size_t>((group * padded + lane) * kTaps + x % kTaps)] =
                        static_cast<std::int8_t>(
                            m_weights[static_cast<std::size_t>((y * conv.kernel[1] + x) * padded + lane)]);
                }
            }
        }
    }

    template <typename T>
    static void repeat(std::vector<T>& perChannel, int channels) {
        if (perChannel.size() <= 1) {
            return;
        }
        const std::vector<T> once = perChannel;
        for (int i = channels; i < kLanes; ++i) {
            perChannel.push_back(once[static_cast<std::size_t>(i % channels)]);
        }
    }

    Geometry m_geometry;
    bool m_isPacked;
    int m_lanes = 0;
    int m_blocks = 0;
    std::vector<std::ptrdiff_t> m_offsets;
    AlignedVector<std::int32_t> m_weights;
    AlignedVector<std::int8_t> m_byteWeights;  ///< empty: some weight does not fit
    std::vector<std::ptrdiff_t> m_groupOffsets;
    std::ptrdiff_t m_tapStep = 0;
    AlignedVector<std::int32_t> m_bias;
    RequantizeTable m_table;
};

}  // namespace

RequantizeTable requantizeTable(const Requantization& rule, std::size_t first, std::size_t count,
                                const IntegerTensor& output) {
    RequantizeTable table;
    table.channels = static_cast<int>(count);
    table.rounding = rule.rounding;
    const auto padded = static_cast<std::size_t>(paddedLanes(table.channels));
    const auto lowest = static_cast<std::int32_t>(output.bits == 32 ? 0 : output.lowestCode());
    table.zeroPoint = rule.zeroPoint - lowest;
    table.lower = rule.lower - (output.bits == 32 ? 0 : lowest);
    table.upper = rule.upper - (output.bits == 32 ? 0 : lowest);
    if (!rule.factors.empty()) {
        table.factors.assign(padded, 0);
        table.mantissas.assign(padded, 0);
        table.shifts.assign(padded, 1);
    }
    for (std::size_t c = 0; c < count && !rule.factors.empty(); ++c) {
        const FixedFactor& factor = rule.factor(first + c);
        table.factors[c] = static_cast<float>(value(factor));
        table.mantissas[c] = factor.mantissa;
        table.shifts[c] = 31 - factor.exponent;
        table.isWide = table.isWide || factor.exponent > 0;
    }
    if (rule.thresholds.empty()) {
        return table;
    }
    for (std::size_t c = 0; c < count; ++c) {
        table.steps = std::max(table.steps, static_cast<int>(rule.thresholds[first + c].bounds.size()));
    }
    table.bases.assign(padded, 0);
    table.directions.assign(padded, 1);
    table.bounds.assign(padded * static_cast<std::size_t>(table.steps),
                        std::numeric_limits<std::int32_t>::max());
    for (std::size_t c = 0; c < count; ++c) {
        const ChannelThresholds& thresholds = rule.thresholds[first + c];
        table.bases[c] = thresholds.base - lowest;
        table.directions[c] = thresholds.step;
        for (std::size_t k = 0; k < thresholds.bounds.size(); ++k) {
            table.bounds[k * padded + c] = thresholds.bounds[k];
        }
    }
    return table;
}

std::unique_ptr<IntegerStep> makeConvolutionStep(const IntegerGraph& graph, const IntegerLayer& layer,
                                                 const IntegerConv& conv) {
    const IntegerTensor& input = graph.tensor(layer.inputs[0]);
    const IntegerTensor& output = graph.tensor(layer.output);
    if (conv.isDepthwise() && output.bits <= 8) {
        return std::make_unique<DepthwiseStep>(conv, input, output);
    }
    return std::make_unique<DotStep>(conv, input, output);
}

}  // namespace bitlathe::core
