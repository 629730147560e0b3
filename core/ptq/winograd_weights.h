#pragma once

#include "core/types/float_tensor.h"
#include "core/types/qparams.h"

#include <vector>

namespace bitlathe::core {

/// Winograd tiles F(m x m, 3 x 3) that weights can be quantized for: m + 2 rows in the transform.
enum class WinogradTile { F2, F4, F6 };

/// The transform G of a tile, row-major, (m + 2) x 3 (Lavin and Gray 2016, arXiv:1509.09308).
std::vector<double> winogradTransform(WinogradTile tile);

/// 3x3 weights quantized in the Winograd domain, as an int8 Winograd engine would hold them, and brought
/// back:
///   U = G w Gᵀ;  Û = quantized U, symmetric, one scale per output channel, half away from zero;  ŵ = G⁺ Û
///   G⁺ᵀ
/// G⁺ is the pseudo-inverse: the transform has more rows than columns, so ŵ need not reproduce Û exactly.
struct WinogradWeights {
    std::vector<double> transformed;  ///< U, [out, in, m+2, m+2]
    QParams qparams;                  ///< per output channel
    std::vector<std::int32_t> codes;  ///< of U
    std::vector<double> weights;      ///< ŵ, [out, in, 3, 3]
};

/// Errors  ShapeMismatch: the weights are not [out, in, 3, 3].  InvalidConfig: bits outside 2..16.
WinogradWeights quantizeWinograd(const FloatTensor& weights, WinogradTile tile, int bits);

}  // namespace bitlathe::core
