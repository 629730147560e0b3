#pragma once

// ACIQ: what its case files share, and the kinds of case they hold.

#include "core/analysis/describe.h"
#include "core/analysis/entropy_coding.h"
#include "core/graph/graph.h"
#include "core/graph/prepare.h"
#include "core/observers/analytic_clip.h"
#include "core/observers/divergence_search.h"
#include "core/ptq/channel_bit_allocation.h"
#include "core/ptq/weight_correction.h"
#include "core/quantizers/codebook.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/gemmlowp_grid.h"
#include "core/quantizers/mid_tread.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

namespace bitlathe::conform::aciq_cases {

using namespace bitlathe::core;

inline Tolerance toleranceOf(const Case& item, double relative = 2e-5, double absolute = 1e-6) {
    const Json& json = item.json().value("tolerance", Json::object());
    if (json.is_object()) {
        relative = json.contains("rtol") && json["rtol"].is_number() ? json["rtol"].get<double>() : relative;
        absolute = json.contains("atol") && json["atol"].is_number() ? json["atol"].get<double>() : absolute;
    }
    return {absolute, relative};
}

inline double meanSquare(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    }
    return a.empty() ? 0.0 : sum / static_cast<double>(a.size());
}

inline std::vector<double> column(const std::vector<Description>& list, double Description::*member) {
    std::vector<double> result;
    for (const Description& item : list) {
        result.push_back(item.*member);
    }
    return result;
}

/// What a quantization of one tensor came to.
struct Quantized {
    std::vector<double> alpha, range, offset, scale, zeroPoint;
    std::vector<int> bits;
    std::vector<float> values;
    std::vector<std::int32_t> codes;
};

struct Scheme {
    int bits = 4;
    std::string clip = "no";  ///< no, laplace, gaus, "<X>std"
    bool isOneSided = false;
    bool usesTensorGrid = false;       ///< half away from zero, zero only where it lies inside
    std::optional<double> allocation;  ///< mean bits per channel
    bool allocatesByB = false;
    BitRounding rounding = BitRounding::Nearest;
};

inline double clipOf(const Scheme& scheme, int channelBits, const Description& statistics) {
    if (scheme.clip == "laplace") {
        return optimalClip(ClipPrior::Laplace, std::exp2(channelBits), scheme.isOneSided,
                           ClipModel::Published) *
               statistics.meanDeviation;
    }
    if (scheme.clip == "gaus") {
        return optimalClip(ClipPrior::Gauss, std::exp2(scheme.bits), scheme.isOneSided,
                           ClipModel::Published) *
               statistics.deviation;
    }
    return std::stod(scheme.clip) * statistics.deviation;  // "2std"
}

inline Quantized quantizeTensor(const std::vector<float>& x, const std::vector<Slice>& parts,
                                const std::vector<Description>& statistics, const Scheme& scheme) {
    Quantized result;
    result.values.resize(x.size());
    result.codes.resize(x.size());
    result.bits.assign(parts.size(), scheme.bits);
    if (scheme.allocation && scheme.bits <= 4) {
        const std::vector<double> spread =
            column(statistics, scheme.allocatesByB ? &Description::meanDeviation : &Description::deviation);
        result.bits = allocateBits(spread, *scheme.allocation, scheme.rounding).bits;
    }
    for (std::size_t s = 0; s < parts.size(); ++s) {
        const Description& d = statistics[s];
        Range range{scheme.isOneSided ? 0.0 : d.minimum, d.maximum};
        if (scheme.clip != "no") {
            const double alpha = clipOf(scheme, result.bits[s], d);
            result.alpha.push_back(alpha);
            if (scheme.isOneSided) {
                range = {0.0, std::max(d.mean, 0.0) + alpha};
            } else {
                const double lower = std::max(d.minimum, d.mean - alpha);
                range = {lower, lower + 2 * alpha};
            }
        }
        const GemmlowpGrid grid = scheme.usesTensorGrid ? gemmlowpTensorGrid(range, result.bits[s])
                                                        : gemmlowpGrid(range, result.bits[s]);
        result.range.push_back(range.width());
        result.offset.push_back(range.lower);
        result.scale.push_back(grid.scale);
        result.zeroPoint.push_back(grid.hasZero ? grid.zeroPoint : std::nan(""));
        const std::vector<float> part = gather(x, parts[s]);
        std::vector<float> out(part.size());
        std::vector<std::int32_t> codes(part.size());
        quantizeGemmlowp(part, out, codes, grid);
        for (std::size_t i = 0; i < part.size(); ++i) {
            result.values[parts[s][i]] = out[i];
            result.codes[parts[s][i]] = codes[i];
        }
    }
    return result;
}

inline std::vector<Description> describeSlices(const std::vector<float>& x, const std::vector<Slice>& parts) {
    std::vector<Description> result;
    for (const Slice& part : parts) {
        result.push_back(describe(gather(x, part)));
    }
    return result;
}

/// Per-sample extrema averaged over the batch replace the tensor's own.
inline void averageExtrema(Description& d, const Tensor& x) {
    const std::vector<Description> samples = describeSlices(x.floats(), slices(x.shape, 0));
    d.minimum = d.maximum = 0;
    for (const Description& sample : samples) {
        d.minimum += sample.minimum / static_cast<double>(samples.size());
        d.maximum += sample.maximum / static_cast<double>(samples.size());
    }
}

/// Weights of one layer, quantized and corrected per output channel.
inline std::vector<float> correctedWeights(const Tensor& w, const Scheme& scheme, bool isPerChannel,
                                           const WeightCorrection& correction) {
    const std::vector<float> values = w.floats();
    const std::vector<Slice> channels = slices(w.shape, 0);
    const std::vector<Slice> parts = isPerChannel ? channels : slices(w.shape, std::nullopt);
    Quantized q = quantizeTensor(values, parts, describeSlices(values, parts), scheme);
    for (const Slice& channel : channels) {
        std::vector<float> part = gather(q.values, channel);
        correctWeights(gather(values, channel), part, correction);
        scatter(q.values, channel, part);
    }
    return q.values;
}

inline const std::pair<const char*, double Description::*> kStatistics[] = {
    {"max", &Description::maximum},       {"min", &Description::minimum},
    {"std", &Description::deviation},     {"mean", &Description::mean},
    {"kurtosis", &Description::kurtosis}, {"mean_abs", &Description::meanMagnitude},
    {"b", &Description::meanDeviation},   {"std_pos", &Description::positiveDeviation}};

/// Smallest, mean and largest over batches of each statistic of each slice.
inline void checkAggregates(Case& item, const std::string& where, const Json& expected,
                            const std::vector<std::vector<Description>>& batches,
                            const Tolerance& tolerance) {
    for (const auto& [key, value] : expected.items()) {
        const std::string aggregate = key.substr(0, key.find('_'));
        const std::string statistic = key.substr(key.find('_') + 1);
        bool isKnown = false;
        for (const auto& [name, member] : kStatistics) {
            if (statistic != name) {
                continue;
            }
            isKnown = true;
            std::vector<double> result;
            for (std::size_t s = 0; s < batches.front().size(); ++s) {
                double lowest = batches.front()[s].*member;
                double highest = lowest;
                double sum = 0;
                for (const auto& batch : batches) {
                    lowest = std::min(lowest, batch[s].*member);
                    highest = std::max(highest, batch[s].*member);
                    sum += batch[s].*member;
                }
                result.push_back(
                    aggregate == "min"
                        ? lowest
                        : (aggregate == "max" ? highest : sum / static_cast<double>(batches.size())));
            }
            item.compare(where + "." + key, value, result, tolerance);
        }
        item.require(isKnown, where + "." + key + " is no statistic we know");
    }
}

inline bool hasSource(const Case& item) {
    return item.json().contains("source");
}

void runTensor(Case& item);
void runEntropy(Case& item);
void runCorrection(Case& item);
void runMidTread(Case& item);
void runAllocation(Case& item);
void runAnalyticTables(Case& item);
void runPublishedTables(Case& item);
void runTrueOptimum(Case& item);
void runInterpolated(Case& item);
void runBins(Case& item);
void runErrorCurve(Case& item);
void runCodebook(Case& item);
void runSymmetricDivergence(Case& item);
void runTwoChannels(Case& item);
void runFolding(Case& item);
void runStatistics(Case& item);
void runTinyNet(Case& item);

}  // namespace bitlathe::conform::aciq_cases
