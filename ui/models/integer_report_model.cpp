#include "ui/models/integer_report_model.h"

#include "ui/document/layer_title.h"

#include <utility>

namespace bitlathe::ui {

namespace {

QString scientific(double number) {
    return QString::number(number, 'e', 1);
}

}  // namespace

QString explanationOf(const core::LayerAgreement& layer) {
    if (layer.differing == 0) {
        return layer.isExact ? IntegerReportModel::tr("equal, as it must be: every step is a power of two")
                             : IntegerReportModel::tr("equal");
    }
    const QString where =
        IntegerReportModel::tr("exact value within %1 of a step of a boundary, float32 off by up to %2")
            .arg(scientific(layer.largestMargin), scientific(layer.largestBound));
    const std::int64_t unexplained = layer.differing - layer.explained;
    return unexplained == 0 ? IntegerReportModel::tr("float32 rounding: %1").arg(where)
                            : IntegerReportModel::tr("%1 not by float32 rounding: %2")
                                  .arg(groupedNumber(unexplained), where);
}

IntegerReportModel::IntegerReportModel(std::vector<core::LayerAgreement> layers, QObject* parent)
    : QAbstractTableModel(parent), m_layers(std::move(layers)) {}

int IntegerReportModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_layers.size());
}

int IntegerReportModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

QVariant IntegerReportModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) {
        return {};
    }
    const core::LayerAgreement& layer = m_layers[static_cast<std::size_t>(index.row())];
    if (role == Qt::TextAlignmentRole) {
        const bool isText = index.column() == Name || index.column() == Explanation;
        return QVariant(Qt::AlignVCenter | (isText ? Qt::AlignLeft : Qt::AlignRight));
    }
    if (role == Qt::ToolTipRole) {
        return index.column() == Name ? QString::fromStdString(layer.layer.str()) : explanationOf(layer);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (index.column()) {
    case Name:
        return layerTitle(layer.layer);
    case Compared:
        return groupedNumber(layer.compared);
    case Differing:
        return groupedNumber(layer.differing);
    case Largest:
        return layer.differing == 0 ? QStringLiteral("–") : groupedNumber(layer.largestDifference);
    case Accumulated:
        return groupedNumber(layer.accumulated);
    default:
        return explanationOf(layer);
    }
}

QVariant IntegerReportModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= kColumnCount) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        const bool isText = section == Name || section == Explanation;
        return QVariant(Qt::AlignVCenter | (isText ? Qt::AlignLeft : Qt::AlignRight));
    }
    static const QString kTitles[] = {tr("Layer"),   tr("Codes"), tr("Differ"),
                                      tr("Largest"), tr("Whole"), tr("Explanation")};
    static const QString kTips[] = {
        QString(),
        tr("Output codes compared, over all images"),
        tr("Codes that differ when the layer reads the fake-quantized model's own codes"),
        tr("Largest difference of a code"),
        tr("Codes that differ when each model runs on its own from the input"),
        QString()};
    return role == Qt::DisplayRole   ? QVariant(kTitles[section])
           : role == Qt::ToolTipRole ? QVariant(kTips[section])
                                     : QVariant();
}

}  // namespace bitlathe::ui
