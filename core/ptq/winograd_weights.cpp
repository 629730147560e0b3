#include "core/ptq/winograd_weights.h"

#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/symmetric_quantizer.h"
#include "core/types/error.h"

#include <algorithm>

namespace bitlathe::core {

namespace {

/// a [n, k] times b [k, m].
std::vector<double> multiply(const std::vector<double>& a, const std::vector<double>& b, std::size_t n,
                             std::size_t k, std::size_t m) {
    std::vector<double> c(n * m, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t l = 0; l < k; ++l) {
            for (std::size_t j = 0; j < m; ++j) {
                c[i * m + j] += a[i * k + l] * b[l * m + j];
            }
        }
    }
    return c;
}

std::vector<double> transposed(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
    std::vector<double> t(a.size());
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
            t[j * rows + i] = a[i * columns + j];
        }
    }
    return t;
}

/// Inverse of a 3 x 3 matrix by cofactors; the transforms have full column rank, so GᵀG is regular.
std::vector<double> inverse3(const std::vector<double>& a) {
    const auto cofactor = [&](std::size_t r, std::size_t c) {
        const std::size_t r1 = (r + 1) % 3;
        const std::size_t r2 = (r + 2) % 3;
        const std::size_t c1 = (c + 1) % 3;
        const std::size_t c2 = (c + 2) % 3;
        return a[r1 * 3 + c1] * a[r2 * 3 + c2] - a[r1 * 3 + c2] * a[r2 * 3 + c1];
    };
    const double determinant = a[0] * cofactor(0, 0) + a[1] * cofactor(0, 1) + a[2] * cofactor(0, 2);
    std::vector<double> result(9);
    for (std::size_t r = 0; r < 3; ++r) {
        for (std::size_t c = 0; c < 3; ++c) {
            result[c * 3 + r] = cofactor(r, c) / determinant;
        }
    }
    return result;
}

}  // namespace

std::vector<double> winogradTransform(WinogradTile tile) {
    switch (tile) {
    case WinogradTile::F2:
        return {1, 0, 0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0, 0, 1};
    case WinogradTile::F4:
        return {1.0 / 4,  0,        0,       -1.0 / 6, -1.0 / 6,  -1.0 / 6, -1.0 / 6, 1.0 / 6, -1.0 / 6,
                1.0 / 24, 1.0 / 12, 1.0 / 6, 1.0 / 24, -1.0 / 12, 1.0 / 6,  0,        0,       1};
    case WinogradTile::F6:
        break;
    }
    return {1,         0,        0,         -2.0 / 9,   -2.0 / 9, -2.0 / 9,  -2.0 / 9, 2.0 / 9,
            -2.0 / 9,  1.0 / 90, 1.0 / 45,  2.0 / 45,   1.0 / 90, -1.0 / 45, 2.0 / 45, 32.0 / 45,
            16.0 / 45, 8.0 / 45, 32.0 / 45, -16.0 / 45, 8.0 / 45, 0,         0,        1};
}

WinogradWeights quantizeWinograd(const FloatTensor& weights, WinogradTile tile, int bits) {
    const Shape& shape = weights.shape();
    if (shape.size() != 4 || shape[2] != 3 || shape[3] != 3) {
        throw Error(ErrorCode::ShapeMismatch,
                    "Winograd weights must be [out, in, 3, 3], not " + shapeText(shape));
    }
    const std::vector<double> g = winogradTransform(tile);
    const std::size_t rows = g.size() / 3;
    const std::vector<double> gT = transposed(g, rows, 3);
    const std::vector<double> pseudo = multiply(inverse3(multiply(gT, g, 3, rows, 3)), gT, 3, 3, rows);
    const std::vector<double> pseudoT = transposed(pseudo, 3, rows);
    WinogradWeights result;
    const auto values = weights.values();
    const auto kernels = static_cast<std::size_t>(shape[0] * shape[1]);
    for (std::size_t k = 0; k < kernels; ++k) {
        const std::vector<double> w(values.begin() + static_cast<std::ptrdiff_t>(k * 9),
                                    values.begin() + static_cast<std::ptrdiff_t>(k * 9 + 9));
        const std::vector<double> u = multiply(multiply(g, w, rows, 3, 3), gT, rows, 3, rows);
        result.transformed.insert(result.transformed.end(), u.begin(), u.end());
    }
    const std::vector<float> u(result.transformed.begin(), result.transformed.end());
    const std::size_t perChannel = u.size() / static_cast<std::size_t>(shape[0]);
    std::vector<Range> ranges;
    for (std::size_t c = 0; c < static_cast<std::size_t>(shape[0]); ++c) {
        const auto [low, high] =
            std::minmax_element(u.begin() + static_cast<std::ptrdiff_t>(c * perChannel),
                                u.begin() + static_cast<std::ptrdiff_t>((c + 1) * perChannel));
        ranges.push_back({*low, *high});
    }
    const SymmetricQuantizer quantizer(SymmetricQuantizer::Codes::Narrow, SymmetricQuantizer::Sign::Signed,
                                       Rounding::HalfAway);
    result.qparams = quantizer.qparams(ranges, BitWidth(bits), 0);
    result.codes.resize(u.size());
    std::vector<float> quantized(u.size());
    const auto inner = static_cast<std::int64_t>(perChannel);
    quantizeTensor(u, result.codes, result.qparams, 1, shape[0], inner);
    fakeQuantizeTensor(u, quantized, result.qparams, 1, shape[0], inner);
    for (std::size_t k = 0; k < kernels; ++k) {
        const auto first = quantized.begin() + static_cast<std::ptrdiff_t>(k * rows * rows);
        const std::vector<double> tileValues(first, first + static_cast<std::ptrdiff_t>(rows * rows));
        const std::vector<double> w =
            multiply(multiply(pseudo, tileValues, 3, rows, rows), pseudoT, 3, rows, 3);
        result.weights.insert(result.weights.end(), w.begin(), w.end());
    }
    return result;
}

}  // namespace bitlathe::core
