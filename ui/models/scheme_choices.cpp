#include "ui/models/scheme_choices.h"

#include "core/observers/observer.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/registry.h"

#include <QCoreApplication>

namespace bitlathe::ui {

namespace {

QString granularityText(const core::Granularity& granularity) {
    switch (granularity.kind) {
    case core::Granularity::Kind::Tensor:
        return QCoreApplication::translate("SchemeChoices", "tensor");
    case core::Granularity::Kind::Channel:
        return QCoreApplication::translate("SchemeChoices", "channel");
    case core::Granularity::Kind::Group:
        break;
    }
    return QCoreApplication::translate("SchemeChoices", "groups of %1").arg(granularity.groupSize);
}

}  // namespace

namespace {

/// The table's column is narrow: the quantizers one meets on every row go by the field's short names.
QString shortQuantizerText(const std::string& name) {
    if (name == "symmetric") {
        return QStringLiteral("sym");
    }
    return name == "power_of_two" ? QStringLiteral("pow2") : methodText(name);
}

}  // namespace

QString methodText(const std::string& name) {
    return QString::fromStdString(name).replace(QLatin1Char('_'), QLatin1Char(' '));
}

QString schemeText(const core::SiteQuant& quant) {
    const bool isPerChannel = quant.granularity.kind == core::Granularity::Kind::Channel;
    const QString granularity = isPerChannel ? QCoreApplication::translate("SchemeChoices", "channel")
                                             : granularityText(quant.granularity);
    return shortQuantizerText(quant.quantizer.name) + QStringLiteral(", ") + granularity;
}

QString longSchemeText(const core::SiteQuant& quant) {
    return methodText(quant.quantizer.name) + QStringLiteral(", ") + granularityText(quant.granularity);
}

QString rangeText(const core::SiteQuant& quant) {
    return quant.manualRange ? QCoreApplication::translate("SchemeChoices", "manual")
                             : methodText(quant.observer.name);
}

std::vector<SchemeChoice> schemeChoices() {
    std::vector<SchemeChoice> choices;
    for (const core::MethodInfo& info : core::quantizerRegistry().list()) {
        for (const auto kind : {core::Granularity::Kind::Tensor, core::Granularity::Kind::Channel}) {
            core::SiteQuant quant;
            quant.quantizer = {info.name, {}};
            quant.granularity = {kind, 0};
            choices.push_back({quant.quantizer, quant.granularity, schemeText(quant)});
        }
    }
    return choices;
}

std::vector<std::string> observerNames() {
    std::vector<std::string> names;
    for (const core::MethodInfo& info : core::observerRegistry().list()) {
        names.push_back(info.name);
    }
    return names;
}

QStringList observerTexts() {
    QStringList texts;
    for (const std::string& name : observerNames()) {
        texts << methodText(name);
    }
    return texts;
}

QStringList bitsTexts() {
    QStringList texts{QStringLiteral("float")};
    for (int bits = core::BitWidth::kMin; bits <= 8; ++bits) {
        texts << QString::number(bits);
    }
    return texts << QStringLiteral("16");
}

std::optional<int> bitsFromText(const QString& text) {
    if (text == QLatin1String("float") || text == QLatin1String("F")) {
        return 0;
    }
    bool isNumber = false;
    const int bits = text.toInt(&isNumber);
    if (!isNumber || bits < core::BitWidth::kMin || bits > core::BitWidth::kMax) {
        return std::nullopt;
    }
    return bits;
}

}  // namespace bitlathe::ui
