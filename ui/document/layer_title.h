#pragma once

#include "core/graph/layer.h"

#include <QString>
#include <QStringList>

namespace bitlathe::ui {

/// A layer's name for people, split where the module path is: {"block 6", "pointwise"} for
/// "blocks.6.pointwise.conv". A container and its number become one part; a trailing "conv", "op" or "module"
/// is dropped where a part is left.
QStringList layerTitleParts(const core::LayerId& id);

/// The parts joined: "block 6 · pointwise".
QString layerTitle(const core::LayerId& id);

/// 215498 -> "215,498", whatever the locale: figures in the window and in the log read alike.
QString groupedNumber(qint64 value);

}  // namespace bitlathe::ui
