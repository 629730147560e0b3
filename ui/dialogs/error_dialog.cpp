#include "ui/dialogs/error_dialog.h"

#include "ui/settings/icons.h"

#include <QApplication>
#include <QClipboard>
#include <QDialogButtonBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace bitlathe::ui {

ErrorDialog::ErrorDialog(const QString& what, const QString& text, QWidget* parent) : QDialog(parent) {
    setWindowTitle(tr("Bitlathe"));
    setObjectName(QStringLiteral("errorDialog"));
    setModal(true);
    auto* const icon = new QLabel(this);
    icon->setPixmap(themedIcon(QStringLiteral("warning")).pixmap(32, 32));
    auto* const heading = new QLabel(what, this);
    heading->setProperty("role", QStringLiteral("heading"));
    heading->setWordWrap(true);
    auto* const body = new QLabel(text, this);
    body->setObjectName(QStringLiteral("errorText"));
    body->setWordWrap(true);
    body->setTextFormat(Qt::PlainText);
    body->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    body->setMinimumWidth(440);
    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    QPushButton* const copy = buttons->addButton(tr("Copy text"), QDialogButtonBox::ActionRole);
    connect(copy, &QPushButton::clicked, this,
            [what, text] { QApplication::clipboard()->setText(what + QLatin1Char('\n') + text); });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);

    auto* const top = new QHBoxLayout;
    top->setSpacing(14);
    top->addWidget(icon, 0, Qt::AlignTop);
    auto* const texts = new QVBoxLayout;
    texts->setSpacing(8);
    texts->addWidget(heading);
    texts->addWidget(body);
    top->addLayout(texts, 1);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(16);
    column->addLayout(top);
    column->addWidget(buttons);
}

}  // namespace bitlathe::ui
