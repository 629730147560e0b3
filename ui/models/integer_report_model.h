#pragma once

#include <string>

#include "experiments/recipes/integer_comparison.h"

#include <QAbstractTableModel>

#include <vector>

namespace bitlathe::ui {

/// The integer model against the fake-quantized one, one row a layer.
class IntegerReportModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column {
        Name,
        Compared,     ///< codes, over all compared images
        Differing,    ///< of them, fed with the fake-quantized model's own codes
        Largest,      ///< difference, in codes
        Accumulated,  ///< codes that differ when each model runs on its own
        Explanation,
        kColumnCount
    };

    explicit IntegerReportModel(std::vector<core::LayerAgreement> layers, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::vector<core::LayerAgreement> m_layers;
};

/// Why a layer's codes differ, or that they need not.
QString explanationOf(const core::LayerAgreement& layer);

}  // namespace bitlathe::ui
