#pragma once

#include <string>

#include "ui/models/log_model.h"

#include <QSortFilterProxyModel>

namespace bitlathe::ui {

/// Lines of a LogModel from a level upwards that contain a text.
class LogFilterModel final : public QSortFilterProxyModel {
    Q_OBJECT

public:
    using QSortFilterProxyModel::QSortFilterProxyModel;

    void setLowestLevel(LogLevel level);
    void setText(const QString& text);  ///< any case; empty: all

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    LogLevel m_lowestLevel = LogLevel::Debug;
    QString m_text;
};

}  // namespace bitlathe::ui
