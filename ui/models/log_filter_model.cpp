#include "ui/models/log_filter_model.h"

namespace bitlathe::ui {

void LogFilterModel::setLowestLevel(LogLevel level) {
    m_lowestLevel = level;
    invalidateRowsFilter();
}

void LogFilterModel::setText(const QString& text) {
    m_text = text.trimmed();
    invalidateRowsFilter();
}

bool LogFilterModel::filterAcceptsRow(int row, const QModelIndex& parent) const {
    const QModelIndex index = sourceModel()->index(row, LogModel::Text, parent);
    return index.data(LogModel::LevelRole).toInt() >= static_cast<int>(m_lowestLevel) &&
           (m_text.isEmpty() || index.data().toString().contains(m_text, Qt::CaseInsensitive));
}

}  // namespace bitlathe::ui
