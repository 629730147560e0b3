#pragma once

#include <QString>

namespace bitlathe::plots {

/// Numbers as people read them, in the default locale.

/// "104,312 B": exact.
QString exactBytes(qint64 bytes);
/// "102 KiB", "1.5 MiB", "640 B": three digits, for labels.
QString shortBytes(double bytes);
/// Three to four significant digits: "3.742", "0.0031", "-12.5", "1.2e-7".
QString shortValue(double value);
/// `value` with as many decimals as `resolution` needs to show its steps, at most 6 (axis ticks, handle
/// labels).
QString valueAtResolution(double value, double resolution);
/// "950", "1.5k", "20k", "3M": counts on a linear axis.
QString shortCount(double count);
/// A share 0..1 as "80.0 %", "0.42 %", "< 0.01 %".
QString percentText(double share);
/// "10⁶", or "1" and "10" for the exponents 0 and 1.
QString powerOfTen(int exponent);

}  // namespace bitlathe::plots
