#include "core/quantizers/learned_basis.h"

#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

namespace bitlathe::core {

namespace {

double codeBit(std::uint32_t code, std::size_t j, bool isHalfWave) {
    const bool isSet = (code >> j) & 1U;
    return isSet ? 1.0 : (isHalfWave ? 0.0 : -1.0);
}

/// Solves the small symmetric system in place, with partial pivoting.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
    const std::size_t n = b.size();
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t pivot = k;
        for (std::size_t i = k + 1; i < n; ++i) {
            if (std::fabs(a[i][k]) > std::fabs(a[pivot][k])) {
                pivot = i;
            }
        }
        std::swap(a[k], a[pivot]);
        std::swap(b[k], b[pivot]);
        for (std::size_t i = k + 1; i < n; ++i) {
            const double factor = a[i][k] / a[k][k];
            for (std::size_t j = k; j < n; ++j) {
                a[i][j] -= factor * a[k][j];
            }
            b[i] -= factor * b[k];
        }
    }
    for (std::size_t k = n; k-- > 0;) {
        for (std::size_t j = k + 1; j < n; ++j) {
            b[k] -= a[k][j] * b[j];
        }
        b[k] /= a[k][k];
    }
    return b;
}

}  // namespace

BasisLevels basisLevels(std::span<const double> basis, bool isHalfWave) {
    if (basis.empty() || basis.size() > 8) {
        throw Error(ErrorCode::InvalidConfig,
                    "learned basis: " + std::to_string(basis.size()) + " basis numbers; 1 to 8 are possible");
    }
    for (const double v : basis) {
        if (!std::isfinite(v)) {
            throw Error(ErrorCode::InvalidConfig, "learned basis: a basis number is not finite");
        }
    }
    const std::uint32_t count = 1U << basis.size();
    std::vector<double> values(count, 0.0);
    for (std::uint32_t code = 0; code < count; ++code) {
        for (std::size_t j = 0; j < basis.size(); ++j) {
            values[code] += codeBit(code, j, isHalfWave) * basis[j];
        }
    }
    BasisLevels result;
    result.codes.resize(count);
    std::iota(result.codes.begin(), result.codes.end(), 0U);
    std::stable_sort(result.codes.begin(), result.codes.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
    for (const std::uint32_t code : result.codes) {
        result.levels.push_back(values[code]);
    }
    for (std::size_t i = 1; i < count; ++i) {
        result.thresholds.push_back(0.5 * (result.levels[i - 1] + result.levels[i]));
    }
    return result;
}

void quantizeToBasis(std::span<const float> in, std::span<float> out, std::span<std::uint32_t> indices,
                     const BasisLevels& levels) {
    for (std::size_t i = 0; i < in.size(); ++i) {
        const auto first =
            std::lower_bound(levels.thresholds.begin(), levels.thresholds.end(), static_cast<double>(in[i]));
        const auto index = static_cast<std::size_t>(first - levels.thresholds.begin());
        if (!indices.empty()) {
            indices[i] = static_cast<std::uint32_t>(index);
        }
        out[i] = static_cast<float>(levels.levels[index]);
    }
}

std::vector<double> leastSquaresBasis(std::span<const float> values, std::span<const std::uint32_t> indices,
                                      const BasisLevels& levels, std::span<const double> basis,
                                      bool isHalfWave, double ridge) {
    // Values that share a level share a row of C: sum per level first.
    std::vector<double> sums(levels.levels.size(), 0.0);
    std::vector<double> counts(levels.levels.size(), 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        sums[indices[i]] += static_cast<double>(values[i]);
        counts[indices[i]] += 1.0;
    }
    return leastSquaresBasis(sums, counts, levels, basis, isHalfWave, ridge);
}

std::vector<double> leastSquaresBasis(std::span<const double> sums, std::span<const double> counts,
                                      const BasisLevels& levels, std::span<const double> basis,
                                      bool isHalfWave, double ridge) {
    const std::size_t n = basis.size();
    std::vector<std::vector<double>> gram(n, std::vector<double>(n, 0.0));
    std::vector<double> right(n, 0.0);
    for (std::size_t l = 0; l < levels.levels.size(); ++l) {
        for (std::size_t i = 0; i < n; ++i) {
            const double ci = codeBit(levels.codes[l], i, isHalfWave);
            right[i] += ci * sums[l];
            for (std::size_t j = 0; j < n; ++j) {
                gram[i][j] += counts[l] * ci * codeBit(levels.codes[l], j, isHalfWave);
            }
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        gram[i][i] += ridge;
        right[i] += ridge * basis[i];
    }
    return solve(std::move(gram), std::move(right));
}

std::vector<double> initialActivationBasis(int bits) {
    std::vector<double> basis;
    for (int i = 0; i < bits; ++i) {
        basis.push_back(2 * 0.6745 / ((1 << bits) - 1) * (1 << i));
    }
    return basis;
}

std::vector<double> initialWeightBasis(int bits, double sigma) {
    std::vector<double> basis;
    for (int i = 0; i < bits; ++i) {
        basis.push_back(0.6745 * sigma / (1 << (bits - 1)) * (1 << i));
    }
    return basis;
}

}  // namespace bitlathe::core
