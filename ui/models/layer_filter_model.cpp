#include "ui/models/layer_filter_model.h"

#include "ui/models/layer_table_model.h"

#include <algorithm>

namespace bitlathe::ui {

LayerFilterModel::LayerFilterModel(QObject* parent) : QSortFilterProxyModel(parent) {
    setSortRole(LayerTableModel::SortRole);
    // An edit must not make the edited row jump away under the user's hand.
    setDynamicSortFilter(false);
}

void LayerFilterModel::setFilterText(const QString& text) {
    m_words = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    invalidateFilter();
}

bool LayerFilterModel::filterAcceptsRow(int row, const QModelIndex& parent) const {
    const auto textOf = [&](int column, int role) {
        return sourceModel()->index(row, column, parent).data(role).toString();
    };
    const QString haystack = textOf(LayerTableModel::Name, Qt::DisplayRole) + QLatin1Char(' ') +
                             textOf(LayerTableModel::Name, LayerTableModel::LayerRole) + QLatin1Char(' ') +
                             textOf(LayerTableModel::Kind, Qt::DisplayRole) + QLatin1Char(' ') +
                             textOf(LayerTableModel::WeightScheme, Qt::DisplayRole) + QLatin1Char(' ') +
                             textOf(LayerTableModel::RangeMethod, Qt::DisplayRole);
    return std::all_of(m_words.begin(), m_words.end(),
                       [&](const QString& word) { return haystack.contains(word, Qt::CaseInsensitive); });
}

}  // namespace bitlathe::ui
