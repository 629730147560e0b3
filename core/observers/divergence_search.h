#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bitlathe::core {

/// How the clipped histogram P is compared with its quantized form Q when a clip is sought by relative
/// entropy (README eq. 29).
enum class DivergenceForm {
    /// NVIDIA's: candidates levels..bins; whole bins per level, the last level takes the rest; each level's
    /// mass spread evenly over its non-empty
    /// bins; zeros get 1e-4, taken evenly from the non-zeros, candidates where that would empty a bin are
    /// skipped.
    TensorRt,
    /// MXNet simulation's: candidates levels..bins-1; fractional levels, expanded by linear interpolation;
    /// bins where Q is empty cost nothing (so the divergence
    /// can be negative: a known weakness of the form).
    Interpolating,
    /// ncnn's table tool: candidates levels..bins-1 over the normalised histogram; fractional bins split in
    /// proportion; 1e-4 added to every bin of both.
    Ncnn,
};

/// Divergence of every candidate; infinity where a candidate is invalid.
struct DivergenceCurve {
    std::size_t firstCandidate = 0;  ///< candidate i keeps bins 0..i-1
    std::vector<double> divergence;  ///< nats, by candidate
    std::size_t best()
        const noexcept;  ///< number of bins kept; the first of equally good ones; all bins when none is valid
    double bestDivergence() const noexcept;
};

/// counts  histogram of magnitudes from 0, equal bins
/// levels  codes one side has: 2^bits unsigned, 2^(bits-1) signed; >= 1
/// A histogram with fewer bins than levels keeps them all.
DivergenceCurve divergenceCurve(std::span<const double> counts, std::size_t levels, DivergenceForm form);

/// The clip of candidate i: the middle of the first bin cut off, (i + 0.5) binWidth.
double divergenceThreshold(std::size_t keptBins, double binWidth) noexcept;

/// MXNet's two-sided search as ACIQ's code uses it: an odd number of equal bins over [-reach, reach], an odd
/// number of groups; each group's mass spread evenly over its bins that hold values of their own (not only the outliers
/// that P adds to its ends); the last group's expansion leaves out the last bin. Returns the right edge of the
/// best slice and its divergence. Errors  InvalidConfig: an even number, or more groups than bins.
struct SymmetricThreshold {
    double threshold = 0;
    double divergence = 0;
    std::vector<double> thresholds;  ///< of every candidate
    std::vector<double> divergences;
};
SymmetricThreshold symmetricDivergenceThreshold(std::span<const float> values, std::size_t bins,
                                                std::size_t groups);

}  // namespace bitlathe::core
