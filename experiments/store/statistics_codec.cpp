#include "experiments/store/statistics_codec.h"

#include <bit>
#include <cstring>
#include <utility>

namespace bitlathe::experiments {

namespace {

static_assert(std::endian::native == std::endian::little,
              "the encoding copies doubles as they lie in memory");

class Encoder {
public:
    void u8(std::uint8_t value) { m_bytes.push_back(static_cast<std::byte>(value)); }
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) {
            u8(static_cast<std::uint8_t>(value | 0x80));
        }
        u8(static_cast<std::uint8_t>(value));
    }
    void zigzag(std::int64_t value) {
        varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
    }
    void f64(double value) {
        const std::size_t at = m_bytes.size();
        m_bytes.resize(at + sizeof value);
        std::memcpy(m_bytes.data() + at, &value, sizeof value);
    }
    void ranges(const std::vector<core::Range>& ranges) {
        varint(ranges.size());
        for (const core::Range& range : ranges) {
            f64(range.lower);
            f64(range.upper);
        }
    }
    std::vector<std::byte> take() { return std::move(m_bytes); }

private:
    std::vector<std::byte> m_bytes;
};

struct Damaged {};

class Decoder {
public:
    explicit Decoder(std::span<const std::byte> bytes) : m_bytes(bytes) {}

    std::uint8_t u8() {
        require(1);
        const auto value = std::to_integer<std::uint8_t>(m_bytes.front());
        m_bytes = m_bytes.subspan(1);
        return value;
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const std::uint8_t byte = u8();
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if ((byte & 0x80) == 0) {
                return value;
            }
        }
        throw Damaged{};
    }
    std::int64_t zigzag() {
        const std::uint64_t value = varint();
        return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    }
    double f64() {
        double value = 0;
        require(sizeof value);
        std::memcpy(&value, m_bytes.data(), sizeof value);
        m_bytes = m_bytes.subspan(sizeof value);
        return value;
    }
    std::vector<core::Range> ranges() {
        const std::uint64_t count = varint();
        if (count > m_bytes.size() / (2 * sizeof(double))) {
            throw Damaged{};  // before a damaged count asks for terabytes
        }
        std::vector<core::Range> ranges(count);
        for (core::Range& range : ranges) {
            range.lower = f64();
            range.upper = f64();
        }
        return ranges;
    }
    bool atEnd() const { return m_bytes.empty(); }

private:
    void require(std::size_t size) const {
        if (m_bytes.size() < size) {
            throw Damaged{};
        }
    }
    std::span<const std::byte> m_bytes;
};

void encodeHistogram(Encoder& out, const core::Histogram& histogram) {
    const std::vector<std::uint64_t>& counts = histogram.counts();
    out.zigzag(histogram.exponent());
    out.zigzag(histogram.firstBin());
    out.varint(histogram.zeros());
    out.varint(counts.size());
    for (std::size_t bin = 0; bin < counts.size();) {
        out.varint(counts[bin]);
        if (counts[bin] != 0) {
            ++bin;
            continue;
        }
        std::size_t end = bin;
        while (end < counts.size() && counts[end] == 0) {
            ++end;
        }
        out.varint(end - bin - 1);
        bin = end;
    }
}

core::Histogram decodeHistogram(Decoder& in) {
    const std::int64_t exponent = in.zigzag();
    const std::int64_t firstBin = in.zigzag();
    const std::uint64_t zeros = in.varint();
    const std::uint64_t bins = in.varint();
    if (bins > core::Histogram::kMaxBins || exponent < -2000 || exponent > 2000) {
        throw Damaged{};
    }
    std::vector<std::uint64_t> counts;
    counts.reserve(bins);
    while (counts.size() < bins) {
        const std::uint64_t count = in.varint();
        const std::uint64_t repeats = count == 0 ? in.varint() + 1 : 1;
        if (repeats > bins - counts.size()) {
            throw Damaged{};
        }
        counts.insert(counts.end(), repeats, count);
    }
    return {static_cast<int>(exponent), firstBin, std::move(counts), zeros};
}

core::SiteStatistics decode(Decoder& in) {
    core::SiteStatistics statistics;
    statistics.count = in.varint();
    statistics.samples = in.varint();
    statistics.minimum = in.f64();
    statistics.maximum = in.f64();
    statistics.sum = in.f64();
    statistics.sumOfSquares = in.f64();
    statistics.sumOfMagnitudes = in.f64();
    statistics.batchRanges = in.ranges();
    statistics.channelRanges = in.ranges();
    statistics.histogram = decodeHistogram(in);
    statistics.sumOfSampleMinima = in.f64();
    statistics.sumOfSampleMaxima = in.f64();
    statistics.sumOfSampleMagnitudes = in.f64();
    const std::uint64_t channels = in.varint();
    if (channels != 0 && channels != statistics.channelRanges.size()) {
        throw Damaged{};
    }
    for (std::uint64_t c = 0; c < channels; ++c) {
        core::ChannelStatistics channel;
        channel.sum = in.f64();
        channel.sumOfSquares = in.f64();
        channel.sumOfMagnitudes = in.f64();
        channel.histogram = decodeHistogram(in);
        statistics.channels.push_back(std::move(channel));
    }
    return statistics;
}

}  // namespace

std::vector<std::byte> encodeStatistics(const core::SiteStatistics& statistics) {
    Encoder out;
    out.u8(kStatisticsEncoding);
    out.varint(statistics.count);
    out.varint(statistics.samples);
    out.f64(statistics.minimum);
    out.f64(statistics.maximum);
    out.f64(statistics.sum);
    out.f64(statistics.sumOfSquares);
    out.f64(statistics.sumOfMagnitudes);
    out.ranges(statistics.batchRanges);
    out.ranges(statistics.channelRanges);
    encodeHistogram(out, statistics.histogram);
    out.f64(statistics.sumOfSampleMinima);
    out.f64(statistics.sumOfSampleMaxima);
    out.f64(statistics.sumOfSampleMagnitudes);
    out.varint(statistics.channels.size());
    for (const core::ChannelStatistics& channel : statistics.channels) {
        out.f64(channel.sum);
        out.f64(channel.sumOfSquares);
        out.f64(channel.sumOfMagnitudes);
        encodeHistogram(out, channel.histogram);
    }
    return out.take();
}

std::optional<core::SiteStatistics> decodeStatistics(std::span<const std::byte> bytes) {
    try {
        Decoder in(bytes);
        if (in.u8() != kStatisticsEncoding) {
            return std::nullopt;
        }
        core::SiteStatistics statistics = decode(in);
        return in.atEnd() ? std::optional(std::move(statistics)) : std::nullopt;
    } catch (const Damaged&) {
        return std::nullopt;
    }
}

}  // namespace bitlathe::experiments
