#include "core/types/bin_indices.h"

#include <QtTest>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

constexpr std::int32_t kBins = 300;

/// Counters as Histogram fills them, the zeros behind.
struct Counts {
    std::vector<std::uint64_t> bins = std::vector<std::uint64_t>(kBins, 0);
    std::uint64_t zeros = 0;
    bool operator==(const Counts&) const = default;
};

using Kernel = BinnedValues (*)(const float*, std::size_t, const Binning&, std::int32_t*);

Counts counted(const std::vector<float>& x, int exponent, std::int64_t firstBin, Kernel kernel) {
    const Binning binning{std::ldexp(1.0F, -exponent), static_cast<float>(firstBin), kBins - 1, kBins};
    std::vector<std::int32_t> indices(x.size() + kIndexSlack);
    const BinnedValues binned = kernel(x.data(), x.size(), binning, indices.data());
    Counts counts;
    counts.zeros = binned.zeros;
    for (std::size_t i = 0; i < binned.indices; ++i) {
        if (indices[i] >= kBins) {
            ++counts.zeros;
        } else {
            ++counts.bins.at(static_cast<std::size_t>(indices[i]));
        }
    }
    return counts;
}

/// In exact arithmetic: doubles hold every float and every edge.
Counts byDefinition(const std::vector<float>& x, int exponent, std::int64_t firstBin) {
    Counts counts;
    for (const float value : x) {
        const double bin =
            std::floor(std::ldexp(static_cast<double>(value), -exponent)) - static_cast<double>(firstBin);
        if (value == 0.0F) {
            ++counts.zeros;
        } else {
            ++counts.bins[static_cast<std::size_t>(std::clamp(bin, 0.0, double{kBins - 1}))];
        }
    }
    return counts;
}

}  // namespace

class TestBinIndices : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyKernelFollowsTheDefinition_data() {
        QTest::addColumn<int>("exponent");
        QTest::addColumn<int>("firstBin");
        QTest::newRow("around zero") << -6 << -150;
        QTest::newRow("rectified") << -6 << 0;
        QTest::newRow("wide bins") << 1 << -20;
        QTest::newRow("narrowest bins") << -126 << -150;
    }
    void everyKernelFollowsTheDefinition() {
        QFETCH(int, exponent);
        QFETCH(int, firstBin);
        std::mt19937 generator(7);
        std::normal_distribution<float> normal(0.0F, std::ldexp(100.0F, exponent));
        std::vector<float> x{
            0.0F,  -0.0F, std::numeric_limits<float>::denorm_min(), -std::numeric_limits<float>::denorm_min(),
            1e30F, -1e30F};
        for (int i = 0; i < 1000; ++i) {
            const float value = normal(generator);
            x.push_back(i % 3 == 0 ? 0.0F : value);
            x.push_back(std::ldexp(std::floor(std::ldexp(value, -exponent)), exponent));  // an edge
        }
        for (const std::size_t count :
             {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{17}, x.size()}) {
            const std::vector<float> some(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count));
            const Counts expected = byDefinition(some, exponent, firstBin);
            QVERIFY(counted(some, exponent, firstBin, binIndices) == expected);
            QVERIFY(counted(some, exponent, firstBin, binIndicesPortable) == expected);
        }
    }
};

QTEST_GUILESS_MAIN(TestBinIndices)
#include "test_bin_indices.moc"
