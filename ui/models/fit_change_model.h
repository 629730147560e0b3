#pragma once

#include <string>

#include "ui/document/fit_proposal.h"

#include <QAbstractTableModel>

#include <vector>

namespace bitlathe::ui {

/// What a proposal does to each layer, before and after. Bits are chips (LayerTableModel::BitsRole), as in the layer
/// table; a cell that changes says so with an arrow in front.
class FitChangeModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { Name, WeightBefore, WeightAfter, OutputBefore, OutputAfter, Rom, Ram, kColumnCount };
    static constexpr int LayerRole = Qt::UserRole + 40;    ///< module path
    static constexpr int ChangedRole = Qt::UserRole + 41;  ///< bool

    using QAbstractTableModel::QAbstractTableModel;

    void setChanges(std::vector<FitChange> changes);
    const std::vector<FitChange>& changes() const noexcept { return m_changes; }
    int changedCount() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    QVariant bitsOf(const FitChange& change, int column) const;

    std::vector<FitChange> m_changes;
};

}  // namespace bitlathe::ui
