#include "ui/panels/budget_panel.h"

#include "ui/settings/icons.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace bitlathe::ui {

BudgetPanel::BudgetPanel(QuantDocument& document, Selection& selection, QWidget* parent)
    : QWidget(parent), m_document(document), m_selection(selection) {
    m_device = new QToolButton(this);
    m_device->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    setThemedIcon(m_device, QStringLiteral("device"));
    connect(m_device, &QToolButton::clicked, this, &BudgetPanel::deviceChooserRequested);
    m_verdict = new QLabel(this);
    m_verdict->setAccessibleName(tr("Verdict"));
    auto* const row = new QHBoxLayout;
    row->addWidget(m_device);
    row->addWidget(m_verdict, 1);
    auto* const column = new QVBoxLayout(this);
    column->addLayout(row);
    column->addStretch();
    connect(&document, &QuantDocument::budgetChanged, this, &BudgetPanel::refresh);
    connect(&document, &QuantDocument::modelChanged, this, &BudgetPanel::refresh);
    refresh();
}

QString BudgetPanel::verdict() const {
    return m_verdict->text();
}

void BudgetPanel::refresh() {
    const bool hasDevice = m_document.device().has_value();
    m_device->setEnabled(m_document.hasModel());
    m_device->setText(hasDevice ? QString::fromStdString(m_document.device()->name) : tr("Choose a device"));
    m_verdict->setText(!m_document.hasModel() ? QString()
                       : hasDevice ? QString::fromStdString(m_document.budget().verdict(*m_document.device()))
                                   : QString());
}

}  // namespace bitlathe::ui
