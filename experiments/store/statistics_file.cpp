#include "experiments/store/statistics_file.h"

#include "core/types/error.h"
#include "core/util/atomic_file.h"
#include "core/util/sha256.h"
#include "experiments/store/statistics_codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace bitlathe::experiments {

namespace {

constexpr std::string_view kMagic = "bitlathe-statistics";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kHashLength = 64;

class FileReader {
public:
    FileReader(std::string_view bytes, const std::string& path) : m_rest(bytes), m_path(path) {}

    [[noreturn]] void fail(const std::string& what) const {
        throw core::Error(core::ErrorCode::DataFormat, "statistics file " + m_path + ": " + what);
    }
    std::string_view line() {
        const std::size_t end = m_rest.find('\n');
        if (end == std::string_view::npos) {
            fail("is damaged (a line has no end)");
        }
        const std::string_view result = m_rest.substr(0, end);
        m_rest.remove_prefix(end + 1);
        return result;
    }
    std::string_view bytes(std::size_t count) {
        if (m_rest.size() < count) {
            fail("is damaged (it ends too early)");
        }
        const std::string_view result = m_rest.substr(0, count);
        m_rest.remove_prefix(count);
        return result;
    }
    std::size_t number(std::string_view text) const {
        std::size_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size()) {
            fail("is damaged (a number is expected where '" + std::string(text.substr(0, 20)) + "' stands)");
        }
        return value;
    }
    bool atEnd() const { return m_rest.empty(); }

private:
    std::string_view m_rest;
    const std::string& m_path;
};

std::string readWhole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw core::Error(core::ErrorCode::Io,
                          "statistics file " + path + " cannot be read: " + std::strerror(errno));
    }
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The part the checksum covers. Magic and version come first: another kind of file is not a damaged one.
std::string_view checked(std::string_view whole, const std::string& path) {
    const FileReader reader(whole, path);
    if (!whole.starts_with(kMagic) || whole.size() <= kMagic.size() || whole[kMagic.size()] != '\n') {
        reader.fail(
            "is not a file of Bitlathe statistics; make one with \"save\" in a recipe's calibrate stage");
    }
    FileReader head(whole, path);
    head.line();
    const std::string_view version = head.line();
    if (version != kVersion) {
        reader.fail("has version " + std::string(version.substr(0, 20)) + ", this Bitlathe reads version " +
                    std::string(kVersion));
    }
    if (whole.size() < kHashLength) {
        reader.fail("is damaged (it ends too early)");
    }
    const std::string_view content = whole.substr(0, whole.size() - kHashLength);
    if (core::sha256Hex(content) != whole.substr(content.size())) {
        reader.fail("is damaged (its checksum does not match); make it again");
    }
    return content;
}

bool areOrdered(const std::vector<core::Range>& ranges) {
    return std::all_of(ranges.begin(), ranges.end(), [](const core::Range& range) {
        return std::isfinite(range.lower) && std::isfinite(range.upper) && range.lower <= range.upper;
    });
}

/// As Histogram makes them: bins on either side of zero, as wide as float32 values need.
bool isPossible(const core::Histogram& histogram) {
    const auto bins = static_cast<std::int64_t>(histogram.counts().size());
    const std::int64_t first = histogram.firstBin();
    constexpr int kLargestExponent = 128;
    return std::abs(histogram.exponent()) <= kLargestExponent &&
           (bins == 0 || (first <= 0 && first >= -core::Histogram::kMaxBins && first + bins >= 0));
}

/// Whether calibration can have collected this; the checksum says only that the file is as it was written.
bool isPossible(const core::SiteStatistics& site) {
    const auto isChannelPossible = [](const core::ChannelStatistics& channel) {
        return std::isfinite(channel.sum) && std::isfinite(channel.sumOfSquares) &&
               std::isfinite(channel.sumOfMagnitudes) && isPossible(channel.histogram);
    };
    const double sums[] = {site.sum,
                           site.sumOfSquares,
                           site.sumOfMagnitudes,
                           site.sumOfSampleMinima,
                           site.sumOfSampleMaxima,
                           site.sumOfSampleMagnitudes};
    return areOrdered({{site.minimum, site.maximum}}) && areOrdered(site.batchRanges) &&
           areOrdered(site.channelRanges) &&
           std::all_of(std::begin(sums), std::end(sums), [](double sum) { return std::isfinite(sum); }) &&
           isPossible(site.histogram) &&
           std::all_of(site.channels.begin(), site.channels.end(), isChannelPossible);
}

void readSite(FileReader& reader, core::Statistics& statistics) {
    const std::string_view head = reader.line();
    const std::size_t first = head.find('\t');
    const std::size_t second = head.find('\t', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) {
        reader.fail("is damaged (a site has no name, kind and size)");
    }
    const std::string_view kind = head.substr(first + 1, second - first - 1);
    const std::string_view blob = reader.bytes(reader.number(head.substr(second + 1)));
    auto decoded = decodeStatistics(std::as_bytes(std::span(blob.data(), blob.size())));
    if (!decoded || (kind != "weight" && kind != "output")) {
        reader.fail("holds statistics of '" + std::string(head.substr(0, first)) +
                    "' that this version of Bitlathe cannot read; make it again");
    }
    if (!isPossible(*decoded)) {
        reader.fail("holds statistics of '" + std::string(head.substr(0, first)) +
                    "' that no calibration gives (a number is not finite, or a range or a histogram lies "
                    "where none can); make it again");
    }
    statistics.sites.emplace(core::SiteId{core::LayerId(std::string(head.substr(0, first))),
                                          kind == "weight" ? core::SiteKind::Weight : core::SiteKind::Output},
                             std::move(*decoded));
}

}  // namespace

void saveStatistics(const core::Statistics& statistics, const std::string& path) {
    std::string content = std::string(kMagic) + "\n" + std::string(kVersion) + "\n" + statistics.modelHash +
                          "\n" + statistics.dataHash + "\n" + std::to_string(statistics.sites.size()) + "\n";
    for (const auto& [site, values] : statistics.sites) {
        const std::vector<std::byte> blob = encodeStatistics(values);
        content += site.layer.str() + "\t" + (site.kind == core::SiteKind::Weight ? "weight" : "output") +
                   "\t" + std::to_string(blob.size()) + "\n";
        content.append(reinterpret_cast<const char*>(blob.data()), blob.size());
    }
    content += core::sha256Hex(content);
    core::writeFileAtomically(path, content);
}

core::Statistics loadStatistics(const std::string& path) {
    const std::string whole = readWhole(path);
    FileReader reader(checked(whole, path), path);
    reader.line();
    reader.line();
    core::Statistics statistics;
    statistics.modelHash = reader.line();
    statistics.dataHash = reader.line();
    const std::size_t sites = reader.number(reader.line());
    for (std::size_t i = 0; i < sites; ++i) {
        readSite(reader, statistics);
    }
    if (!reader.atEnd()) {
        reader.fail("is damaged (something follows its last site)");
    }
    return statistics;
}

}  // namespace bitlathe::experiments
