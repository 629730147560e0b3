#pragma once

#include <string>

#include "ui/document/workbench.h"

#include <QAbstractTableModel>

namespace bitlathe::ui {

/// Measured error of each layer's output: isolated (this layer alone quantized) and accumulated (everything
/// up to it).
class LayerErrorModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { Name, Isolated, Accumulated, kColumnCount };
    enum Role {
        LayerRole = Qt::UserRole + 1,  ///< QString: the layer's path
        ShareRole,                     ///< double 0..1: length of the bar, full at the worst layer's noise
    };

    explicit LayerErrorModel(Workbench& workbench, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    int rowOf(const core::LayerId& layer) const;  ///< -1 for none

private:
    Workbench& m_workbench;
    std::shared_ptr<const experiments::LayerErrors> m_errors;
};

}  // namespace bitlathe::ui
