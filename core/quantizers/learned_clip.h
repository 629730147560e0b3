#pragma once

#include <span>

namespace bitlathe::core {

/// The clip-learning relative of LSQ (QTool's "lsq"): a clip is learned, levels spread evenly between the
/// ends, both ends levels themselves. README eq. 13. With n = levels - 1, r = x / a, a = |clip|:
///
///   half wave   x̂ = a round(n clamp(r, 0, 1)) / n
///   full wave   x̂ = a (2 round(n (clamp(r, -1, 1) + 1) / 2) / n - 1)       (no zero among an even number of
///   levels)
///
/// Rounding is half to even; so at even levels an exact 0 goes to +a/n, but to -a for two levels, and for
/// three levels
/// +-a/2 go away from zero. For exact values use the paper's LearnedStep from 3 bits up; this grid is worth
/// having at 1 and 2.
struct LearnedClip {
    float clip = 1;  ///< its magnitude is used; not 0
    int levels = 4;  ///< >= 2
    bool isHalfWave = false;
};

/// Errors  InvalidConfig: clip zero or not finite, fewer than two levels.  ShapeMismatch.
void learnedClip(std::span<const float> in, std::span<float> out, const LearnedClip& grid);

/// dx = insideScale * g where r is inside (ends included), else 0. Returns
///   dclip = sign(clip) sum g (q - insideScale [inside] r),   q = x̂ / a.
/// insideScale  1, or insideGradientScale() for the "STE-scale" variant
double learnedClipBackward(std::span<const float> x, std::span<const float> gradient,
                           std::span<float> gradientX, const LearnedClip& grid, double insideScale = 1.0);

/// sqrt(values / values inside) when that is at least 2, else 1: rescues the gradient of a clip that cuts
/// most values off (QTool's gradient type "STE-scale").
double insideGradientScale(std::span<const float> x, const LearnedClip& grid);

/// QTool's factors for the gradient of a clip, always applied (the reference drops factors between 1 and 2 by
/// accident). fan: inputs of one output; elements: values that share the clip.
enum class ClipGradientFactor {
    None,          ///< 1
    FanScale,      ///< sqrt(fan) * scale
    ScaleFan,      ///< scale / sqrt(fan)
    ElementScale,  ///< sqrt(elements) * scale
    ScaleElement,  ///< scale / sqrt(elements)
};
double clipGradientFactor(ClipGradientFactor kind, double fan, double elements, double scale) noexcept;

/// The clip that keeps the step when the number of levels changes: clip (newLevels - 1) / (oldLevels - 1).
float clipForLevels(float clip, int oldLevels, int newLevels) noexcept;

}  // namespace bitlathe::core
