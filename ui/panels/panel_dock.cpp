#include "ui/panels/panel_dock.h"

#include "ui/panels/elided_label.h"
#include "ui/settings/icons.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QMainWindow>
#include <QStyle>
#include <QToolButton>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

constexpr int kTitleHeight = 27;

QToolButton* titleButton(const QString& iconName, const QString& text, QWidget* parent) {
    auto* const button = new QToolButton(parent);
    setThemedIcon(button, iconName);
    button->setIconSize({13, 13});
    button->setToolTip(text);
    button->setAccessibleName(text);
    button->setFocusPolicy(Qt::NoFocus);
    return button;
}

}  // namespace

PanelDock::PanelDock(const QString& name, const QString& title, QWidget* content, QWidget* parent)
    : QDockWidget(title, parent) {
    setObjectName(name);
    setAccessibleName(title);

    auto* const frame = new QFrame(this);
    frame->setObjectName(QStringLiteral("panelFrame"));
    auto* const column = new QVBoxLayout(frame);
    column->setContentsMargins(1, 1, 1, 1);
    column->setSpacing(0);
    content->setParent(frame);
    column->addWidget(content);
    setWidget(frame);

    m_titleRow = new QWidget(this);
    m_titleRow->setObjectName(QStringLiteral("dockTitle"));
    m_titleRow->setAttribute(Qt::WA_StyledBackground);
    auto* const row = new QHBoxLayout(m_titleRow);
    row->setContentsMargins(10, 0, 6, 0);
    row->setSpacing(4);
    row->addStrut(kTitleHeight);  // the dock asks the row's size hint, not its fixed height
    auto* const label = new QLabel(title, m_titleRow);
    label->setProperty("role", QStringLiteral("strong"));
    m_hint = new ElidedLabel(m_titleRow);
    m_hint->setProperty("role", QStringLiteral("muted"));
    QToolButton* const floatButton =
        titleButton(QStringLiteral("float"), tr("Float %1").arg(title), m_titleRow);
    QToolButton* const closeButton =
        titleButton(QStringLiteral("close"), tr("Close %1").arg(title), m_titleRow);
    connect(floatButton, &QToolButton::clicked, this, [this] { setFloating(!isFloating()); });
    connect(closeButton, &QToolButton::clicked, this, &QDockWidget::close);
    row->addWidget(label);
    row->addWidget(m_hint, 1);
    row->addWidget(floatButton);
    row->addWidget(closeButton);
    // The buttons show under the mouse only: at rest a title row carries a name and a hint. The View menu and
    // the shortcuts do the same without a mouse.
    m_buttons = {floatButton, closeButton};
    showButtons(false);
    m_titleRow->installEventFilter(this);
    setTitleBarWidget(m_titleRow);
    m_noTitleRow = new QWidget(this);
    m_noTitleRow->hide();

    connect(this, &QDockWidget::topLevelChanged, this, &PanelDock::updateTitleRow);
    connect(this, &QDockWidget::dockLocationChanged, this, &PanelDock::updateTitleRow);
    connect(this, &QDockWidget::visibilityChanged, this, &PanelDock::updateTitleRow);
}

void PanelDock::setHint(const QString& hint) {
    m_hint->setText(hint);
    m_hint->setToolTip(hint);
}

QString PanelDock::hint() const {
    return m_hint->text();
}

void PanelDock::showButtons(bool isShown) {
    for (QWidget* const button : m_buttons) {
        button->setVisible(isShown || isFloating());
    }
}

bool PanelDock::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_titleRow && (event->type() == QEvent::Enter || event->type() == QEvent::Leave)) {
        showButtons(event->type() == QEvent::Enter);
    }
    return QDockWidget::eventFilter(watched, event);
}

void PanelDock::updateTitleRow() {
    showButtons(m_titleRow->underMouse());
    const auto* const window = qobject_cast<QMainWindow*>(parentWidget());
    bool hasTab = false;
    if (window != nullptr && !isFloating()) {
        // tabifiedDockWidgets takes a non-const pointer but only reads.
        for (const QDockWidget* const other : window->tabifiedDockWidgets(this)) {
            hasTab = hasTab || !other->isHidden();
        }
    }
    QWidget* const wanted = hasTab ? m_noTitleRow : m_titleRow;
    if (titleBarWidget() != wanted) {
        QWidget* const previous = titleBarWidget();
        setTitleBarWidget(wanted);
        wanted->show();
        previous->hide();
        widget()->setProperty("tabbed", hasTab);
        widget()->style()->polish(widget());
    }
}

}  // namespace bitlathe::ui
