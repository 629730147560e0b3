#include "ui/panels/folded_section.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace bitlathe::ui {

FoldedSection::FoldedSection(const QString& title, QWidget* content, QWidget* parent)
    : QWidget(parent), m_content(content) {
    m_title = new QToolButton(this);
    m_title->setText(title);
    m_title->setCheckable(true);
    m_title->setProperty("section", true);
    m_title->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_title->setArrowType(Qt::RightArrow);
    m_title->setAccessibleName(title);
    m_summary = new QLabel(this);
    m_summary->setProperty("role", QStringLiteral("caption"));
    m_summary->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_summary->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    auto* const head = new QHBoxLayout;
    head->setContentsMargins({});
    head->setSpacing(12);
    head->addWidget(m_title);
    head->addWidget(m_summary, 1);
    content->setParent(this);
    content->setVisible(false);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->setSpacing(6);
    column->addLayout(head);
    column->addWidget(content);
    connect(m_title, &QToolButton::toggled, this, [this](bool isOn) {
        m_title->setArrowType(isOn ? Qt::DownArrow : Qt::RightArrow);
        m_content->setVisible(isOn);
        Q_EMIT toggled();
    });
}

void FoldedSection::setSummary(const QString& summary) {
    m_summary->setText(summary);
    m_summary->setToolTip(summary);
}

QString FoldedSection::summary() const {
    return m_summary->text();
}

bool FoldedSection::isOpen() const {
    return m_title->isChecked();
}

void FoldedSection::setOpen(bool isOpen) {
    m_title->setChecked(isOpen);
}

}  // namespace bitlathe::ui
