#pragma once

namespace bitlathe::core {

/// Principal branch of Lambert's W, y e^y = x, for x >= 0. Newton; relative error below 1e-14.
double lambertW(double x);

/// Distribution a tensor is taken to follow; the clip comes in units of its scale.
enum class ClipPrior {
    Laplace,  ///< scale b = mean |x - mean|
    Gauss,    ///< scale sigma
};

/// How the error of a clip is modelled.
enum class ClipModel {
    Analytic,   ///< clipping error + step² / 12 with step 2 clip / levels (Banner et al. 2019)
    Published,  ///< the table of the authors' code: the analytic values with two or three digits, partly
                ///< truncated; 0 to 8 bits
    RealGrid,   ///< exact integral over the zero-aligned grid with step 2 clip / (levels - 1), which is the
                ///< grid that is used
};

/// Mean squared error of clipping a two-sided zero-mean density of scale 1 at +-clip and rounding to `levels`
/// levels (README eq. 22).
///   Laplace  2 e^-c + c² / (3 levels²)
///   Gauss    (1 + c²) erfc(c / sqrt 2) - sqrt(2/pi) c e^(-c²/2) + c² / (3 levels²)
double analyticClipError(ClipPrior prior, double clip, double levels);
/// One-sided (half the density, step clip / levels): what a rectified tensor has.
///   Laplace  e^-c + c² / (24 levels²);  Gauss  half the two-sided error with 2 levels
double analyticClipErrorOneSided(ClipPrior prior, double clip, double levels);

/// The clip of least error, in units of the scale (README eq. 23). `levels` need not be a power of two nor
/// whole.
///   Laplace analytic  W(3 levels²) two-sided, W(12 levels²) one-sided: the two-sided value of one bit more
///   Gauss analytic    root of 2 (phi(t) - t Q(t)) = t / (3 levels²); one-sided with 2 levels
/// levels 0 gives 0 for Laplace (nothing is represented).
double optimalClip(ClipPrior prior, double levels, bool isOneSided, ClipModel model = ClipModel::Analytic);

/// The authors' clip for real numbers of bins: the Laplace optimum at 100 points (20 evenly in each decade of
/// 0.01 .. 1000, and 0 at 0), linear in between. Bins above 955 take the last point's value. optimalClip() is
/// exact and is the default everywhere.
double interpolatedLaplaceClip(double bins);

/// Exact error of the zero-aligned grid: levels (k - levels/2) s, k = 0..levels-1, s = 2 clip / (levels - 1);
/// one-sided levels k s, s = clip / (levels - 1), the negative half of the density clipped to zero at no
/// cost.
double realGridError(ClipPrior prior, double clip, int levels, bool isOneSided);

/// The same for levels placed symmetrically about zero without one at zero: -clip .. clip in levels - 1
/// steps.
double midriseGridError(ClipPrior prior, double clip, int levels);

}  // namespace bitlathe::core
