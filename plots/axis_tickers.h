#pragma once

#include <QSharedPointer>

class QCPAxis;
class QCPAxisTicker;

namespace bitlathe::plots {

/// Tick makers that look at the axis's length in pixels and at the width of the labels, so that labels never
/// touch.

enum class TickText {
    Value,    ///< plain numbers, decimals by the step
    Count,    ///< 1.5k, 20k, 3M
    Bytes,    ///< KiB and MiB at powers of two
    Integer,  ///< whole numbers only: layers, epochs, channels
};
QSharedPointer<QCPAxisTicker> makeTicker(const QCPAxis* axis, TickText text);

/// Powers of ten as 10⁴, thinned to what fits; for an axis of scale type logarithmic. Never a tick at or
/// below 0.
QSharedPointer<QCPAxisTicker> makeLogTicker(const QCPAxis* axis);

}  // namespace bitlathe::plots
