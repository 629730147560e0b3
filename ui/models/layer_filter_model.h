#pragma once

#include <QSortFilterProxyModel>

namespace bitlathe::ui {

/// The layer table filtered by words (all must occur in name, path, kind or scheme) and sorted by value.
class LayerFilterModel final : public QSortFilterProxyModel {
    Q_OBJECT

public:
    explicit LayerFilterModel(QObject* parent = nullptr);
    void setFilterText(const QString& text);

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    QStringList m_words;
};

}  // namespace bitlathe::ui
