#include "ui/panels/device_menu.h"

#include "plots/number_text.h"
#include "ui/settings/theme.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QSortFilterProxyModel>
#include <QStandardItemModel>
#include <QStyledItemDelegate>
#include <QVBoxLayout>
#include <QWidgetAction>

namespace bitlathe::ui {

namespace {

enum Role { IdRole = Qt::UserRole + 1, DetailRole };

/// Name on the left, core and memory quietly on the right.
class DeviceRowDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const Theme& theme = currentTheme();
        painter->save();
        if (option.state.testFlag(QStyle::State_Selected) || option.state.testFlag(QStyle::State_MouseOver)) {
            painter->fillRect(option.rect, theme.selection);
        }
        const QRect cell = option.rect.adjusted(8, 0, -8, 0);
        painter->setPen(theme.text);
        painter->drawText(cell, Qt::AlignVCenter | Qt::AlignLeft, index.data().toString());
        painter->setPen(theme.mutedText);
        painter->drawText(cell, Qt::AlignVCenter | Qt::AlignRight, index.data(DetailRole).toString());
        painter->restore();
    }
    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override { return {100, 25}; }
};

}  // namespace

QString deviceMemoryText(const core::Device& device) {
    return QObject::tr("%1 ROM · %2 RAM")
        .arg(plots::shortBytes(static_cast<double>(device.romLimitBytes())),
             plots::shortBytes(static_cast<double>(device.ramLimitBytes())));
}

DeviceMenu::DeviceMenu(QWidget* parent) : QMenu(parent) {
    auto* const content = new QWidget(this);
    auto* const column = new QVBoxLayout(content);
    column->setContentsMargins(4, 4, 4, 4);
    m_search = new QLineEdit(content);
    m_search->setPlaceholderText(tr("Find device: name, vendor, core"));
    m_search->setAccessibleName(tr("Find device"));
    m_search->setClearButtonEnabled(true);
    m_search->installEventFilter(this);
    m_filter = new QSortFilterProxyModel(this);
    m_filter->setFilterCaseSensitivity(Qt::CaseInsensitive);
    m_filter->setFilterRole(Qt::AccessibleTextRole);
    m_filter->setSourceModel(new QStandardItemModel(this));
    m_list = new QListView(content);
    m_list->setModel(m_filter);
    m_list->setItemDelegate(new DeviceRowDelegate(m_list));
    m_list->setAccessibleName(tr("Devices"));
    m_list->setMouseTracking(true);
    m_list->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_list->setFixedSize(470, 340);
    column->addWidget(m_search);
    column->addWidget(m_list);
    auto* const action = new QWidgetAction(this);
    action->setDefaultWidget(content);
    addAction(action);

    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_filter->setFilterFixedString(text);
        m_list->setCurrentIndex(m_filter->index(0, 0));
    });
    connect(m_list, &QListView::clicked, this, &DeviceMenu::choose);
    connect(m_list, &QListView::activated, this, &DeviceMenu::choose);
}

void DeviceMenu::setDevices(std::shared_ptr<const core::DeviceCatalogue> devices) {
    auto* const model = qobject_cast<QStandardItemModel*>(m_filter->sourceModel());
    model->clear();
    auto* const none = new QStandardItem(tr("No device"));
    none->setData(QString(), IdRole);
    none->setData(none->text(), Qt::AccessibleTextRole);
    model->appendRow(none);
    for (const core::Device& device : devices->devices()) {
        auto* const item = new QStandardItem(QString::fromStdString(device.name));
        const QString core = QString::fromStdString(device.core);
        item->setData(QString::fromStdString(device.id), IdRole);
        item->setData(core + QStringLiteral(" · ") + deviceMemoryText(device), DetailRole);
        item->setData(item->text() + QLatin1Char(' ') + QString::fromStdString(device.vendor) +
                          QLatin1Char(' ') + core + QLatin1Char(' ') + deviceMemoryText(device),
                      Qt::AccessibleTextRole);
        item->setToolTip(tr("%1, %2\nFrom: %3 (%4)")
                             .arg(QString::fromStdString(device.vendor), core,
                                  QString::fromStdString(device.source),
                                  QString::fromStdString(device.sourceDate)));
        model->appendRow(item);
    }
}

int DeviceMenu::shownCount() const {
    return m_filter->rowCount();
}

void DeviceMenu::showEvent(QShowEvent* event) {
    QMenu::showEvent(event);
    m_search->clear();
    m_search->setFocus();
}

bool DeviceMenu::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_search && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Down || key == Qt::Key_Up) {
            const int step = key == Qt::Key_Down ? 1 : -1;
            const int row = std::clamp(m_list->currentIndex().row() + step, 0, m_filter->rowCount() - 1);
            m_list->setCurrentIndex(m_filter->index(row, 0));
            return true;
        }
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            choose(m_list->currentIndex());
            return true;
        }
    }
    return QMenu::eventFilter(watched, event);
}

void DeviceMenu::choose(const QModelIndex& index) {
    if (index.isValid()) {
        const QString id = index.data(IdRole).toString();
        close();
        Q_EMIT chosen(id);
    }
}

}  // namespace bitlathe::ui
