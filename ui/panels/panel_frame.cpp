#include "ui/panels/panel_frame.h"

#include "ui/panels/elided_label.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>

namespace bitlathe::ui {

PanelFrame::PanelFrame(const QString& title, QWidget* content, QWidget* parent) : QFrame(parent) {
    auto* const titleRow = new QWidget(this);
    titleRow->setObjectName(QStringLiteral("dockTitle"));
    titleRow->setAttribute(Qt::WA_StyledBackground);
    auto* const row = new QHBoxLayout(titleRow);
    row->setContentsMargins(10, 0, 10, 0);
    titleRow->setFixedHeight(27);
    auto* const label = new QLabel(title, titleRow);
    label->setProperty("role", QStringLiteral("strong"));
    m_hint = new ElidedLabel(titleRow);
    m_hint->setProperty("role", QStringLiteral("muted"));
    row->addWidget(label);
    row->addWidget(m_hint, 1);

    auto* const body = new QFrame(this);
    body->setObjectName(QStringLiteral("panelFrame"));
    auto* const bodyColumn = new QVBoxLayout(body);
    bodyColumn->setContentsMargins(1, 0, 1, 1);
    bodyColumn->addWidget(content);
    content->setMinimumWidth(320);

    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(titleRow);
    column->addWidget(body, 1);
}

void PanelFrame::setHint(const QString& hint) {
    m_hint->setText(hint);
}

}  // namespace bitlathe::ui
