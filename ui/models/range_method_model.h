#pragma once

#include <string>

#include "ui/document/site_evaluation.h"

#include <QAbstractTableModel>

#include <vector>

namespace bitlathe::ui {

/// What every range method would choose for a tensor, least error first: its range, its error, and which part of
/// the error is clipping. Shows why the methods differ: one clips nothing and rounds coarsely, another the other
/// way round.
class RangeMethodModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { Method, Range, Error, Clipping, kColumnCount };
    static constexpr int NameRole = Qt::UserRole;  ///< of the observer, std::string as QString

    using QAbstractTableModel::QAbstractTableModel;

    void setChoices(std::vector<ObserverChoice> choices, const std::string& inUse);
    const ObserverChoice& at(int row) const { return m_choices[static_cast<std::size_t>(row)]; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    QString whyText(const ObserverChoice& choice) const;

    std::vector<ObserverChoice> m_choices;
    std::string m_inUse;
};

}  // namespace bitlathe::ui
