#pragma once

#include <string>

#include "ui/models/compare_rows.h"

#include <QAbstractTableModel>
#include <QSortFilterProxyModel>

#include <vector>

namespace bitlathe::ui {

/// Rows of a comparison: what is compared, then each run's value, each but the baseline's followed by its
/// difference.
class CompareModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum FixedColumn { Layer, Property, kFixedColumnCount };
    enum Role {
        DiffersRole = Qt::UserRole + 1,  ///< bool: not all runs are equal here
        ChangeRole,  ///< double: CompareRow::largestChange of a SQNR; infinite for anything else
    };

    using QAbstractTableModel::QAbstractTableModel;

    /// names  of the runs, by cell
    void setRows(std::vector<CompareRow> rows, std::vector<QString> names);
    /// Heads columns with the runs' letters alone, for a table beside one that has the names; tips have them too.
    void setShortHeaders(bool isOn) noexcept { m_hasShortHeaders = isOn; }
    const std::vector<CompareRow>& rows() const noexcept { return m_rows; }
    std::size_t runCount() const noexcept { return m_names.size(); }
    int valueColumn(std::size_t run) const;
    int changeColumn(std::size_t run) const;  ///< run > 0

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    struct Place {
        std::size_t run = 0;
        bool isChange = false;
    };
    Place placeOf(int column) const;
    QVariant changeData(const CompareRow& row, std::size_t run, int role) const;

    std::vector<CompareRow> m_rows;
    std::vector<QString> m_names;
    bool m_hasShortHeaders = false;
};

/// Leaves out what is equal, and SQNR differences below a threshold.
class CompareFilterModel final : public QSortFilterProxyModel {
    Q_OBJECT

public:
    using QSortFilterProxyModel::QSortFilterProxyModel;

    void setDifferencesOnly(bool isOn);
    void setThresholdDb(double threshold);

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    bool m_isDifferencesOnly = true;
    double m_thresholdDb = 0;
};

}  // namespace bitlathe::ui
