#pragma once

#include <string>

#include "core/train/train_options.h"

#include <QAbstractTableModel>

#include <vector>

namespace bitlathe::ui {

/// Rules for learning rate and weight decay of some parameters, one a row, edited as text: "batch_norm, bias",
/// "stem.*", "64", "0.1", "0.0001". An empty cell is no condition, or leaves the value as it is. Text that is none
/// of it is refused, and `refused` says what may stand there.
class ParameterRuleModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { Kinds, Name, MaxElements, LearningRate, WeightDecay, ColumnCount };

    using QAbstractTableModel::QAbstractTableModel;

    const std::vector<core::ParameterRule>& rules() const noexcept { return m_rules; }
    void setRules(std::vector<core::ParameterRule> rules);
    void add(core::ParameterRule rule);
    void remove(int row);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

Q_SIGNALS:
    void edited();
    void refused(const QString& text);

private:
    std::vector<core::ParameterRule> m_rules;
};

}  // namespace bitlathe::ui
