#pragma once

#include "core/types/quant_config.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace bitlathe::ui {

/// A quantizer with a granularity, as the table's scheme column offers it.
struct SchemeChoice {
    core::MethodSpec quantizer;
    core::Granularity granularity;
    QString text;  ///< "sym, channel"
};

/// Every registered quantizer, per tensor and per channel.
std::vector<SchemeChoice> schemeChoices();
/// As the table shows it: "sym, channel", "affine, groups of 8".
QString schemeText(const core::SiteQuant& quant);
/// The same spelled out: "symmetric, channel".
QString longSchemeText(const core::SiteQuant& quant);
/// A method's name for a table cell: "moving_average" -> "moving average".
QString methodText(const std::string& name);
/// "min max", or "manual" where the range was set by hand.
QString rangeText(const core::SiteQuant& quant);
/// Names of all observers, in registry order, and their texts.
std::vector<std::string> observerNames();
QStringList observerTexts();
/// "float", "1", "2", ... "8", "16".
QStringList bitsTexts();
/// 0 for float; empty for texts that are neither.
std::optional<int> bitsFromText(const QString& text);

}  // namespace bitlathe::ui
