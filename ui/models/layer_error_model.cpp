#include "ui/models/layer_error_model.h"

#include "ui/document/layer_title.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::ui {

namespace {

/// SQNR at which noise is out of sight: the bar's empty end. 0 dB (noise as strong as the signal) is its full
/// end.
constexpr double kQuietDb = 50.0;

}  // namespace

LayerErrorModel::LayerErrorModel(Workbench& workbench, QObject* parent)
    : QAbstractTableModel(parent), m_workbench(workbench) {
    connect(&workbench, &Workbench::layerErrorsChanged, this, [this] {
        beginResetModel();
        m_errors = m_workbench.layerErrors();
        endResetModel();
    });
}

int LayerErrorModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() || !m_errors ? 0 : static_cast<int>(m_errors->layers.size());
}

int LayerErrorModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

int LayerErrorModel::rowOf(const core::LayerId& layer) const {
    if (!m_errors) {
        return -1;
    }
    const auto found = std::find_if(m_errors->layers.begin(), m_errors->layers.end(),
                                    [&](const core::LayerError& error) { return error.layer == layer; });
    return found == m_errors->layers.end() ? -1 : static_cast<int>(found - m_errors->layers.begin());
}

QVariant LayerErrorModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) {
        return {};
    }
    const core::LayerError& error = m_errors->layers[static_cast<std::size_t>(index.row())];
    const double sqnrDb = index.column() == Isolated ? error.isolatedSqnrDb : error.accumulatedSqnrDb;
    switch (role) {
    case Qt::DisplayRole:
        if (index.column() == Name) {
            return layerTitle(error.layer);
        }
        return std::isfinite(sqnrDb) ? QString::number(sqnrDb, 'f', 1) : QStringLiteral("∞");
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignVCenter | (index.column() == Name ? Qt::AlignLeft : Qt::AlignRight));
    case LayerRole:
        return QString::fromStdString(error.layer.str());
    case ShareRole:
        return index.column() == Name ? QVariant() : QVariant(std::clamp(1.0 - sqnrDb / kQuietDb, 0.0, 1.0));
    default:
        return {};
    }
}

QVariant LayerErrorModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant(Qt::AlignVCenter | (section == Name ? Qt::AlignLeft : Qt::AlignRight));
    }
    if (role == Qt::ToolTipRole) {
        return section == Isolated      ? tr("SQNR of the layer's output with this layer alone quantized, dB")
               : section == Accumulated ? tr("SQNR of the layer's output with everything quantized, dB")
                                        : QString();
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    return section == Name ? tr("Layer") : section == Isolated ? tr("Alone, dB") : tr("Together, dB");
}

}  // namespace bitlathe::ui
