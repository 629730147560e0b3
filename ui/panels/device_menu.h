#pragma once

#include <string>

#include "core/device/device.h"

#include <QMenu>

#include <memory>

class QLineEdit;
class QListView;
class QSortFilterProxyModel;

namespace bitlathe::ui {

/// The device catalogue as a searchable list that drops down from a button: name, core, ROM and RAM.
class DeviceMenu final : public QMenu {
    Q_OBJECT

public:
    explicit DeviceMenu(QWidget* parent = nullptr);

    void setDevices(std::shared_ptr<const core::DeviceCatalogue> devices);
    /// Rows that match the search now.
    int shownCount() const;

Q_SIGNALS:
    /// Empty id: no device.
    void chosen(const QString& id);

protected:
    void showEvent(QShowEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void choose(const QModelIndex& index);

    QLineEdit* m_search = nullptr;
    QListView* m_list = nullptr;
    QSortFilterProxyModel* m_filter = nullptr;
};

/// "512 KiB ROM · 128 KiB RAM"
QString deviceMemoryText(const core::Device& device);

}  // namespace bitlathe::ui
