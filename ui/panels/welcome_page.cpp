#include "ui/panels/welcome_page.h"

#include "ui/settings/app_settings.h"
#include "ui/settings/icons.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

namespace {

constexpr qsizetype kShownRecentFiles = 5;

QLabel* label(const QString& text, const char* role, QWidget* parent) {
    auto* const result = new QLabel(text, parent);
    result->setProperty("role", QString::fromLatin1(role));
    result->setWordWrap(true);
    return result;
}

}  // namespace

WelcomePage::WelcomePage(AppSettings& settings, const QString& demoPath, QWidget* parent)
    : QWidget(parent), m_settings(settings) {
    m_choices = new QWidget(this);
    auto* const column = new QVBoxLayout(m_choices);
    column->setSpacing(10);
    column->addWidget(label(tr("Quantize a network, see what it costs"), "heading", m_choices));
    column->addWidget(label(
        tr("Open a model, turn bits and ranges per layer, and watch the error and the memory of a device "
           "answer. Runs are kept in a log you can compare and repeat."),
        "muted", m_choices));
    column->addSpacing(8);
    auto* const buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    if (!demoPath.isEmpty()) {
        auto* const demo = new QPushButton(tr("Open the demo"), m_choices);
        demo->setObjectName(QStringLiteral("openDemoButton"));
        demo->setProperty("primary", true);
        setThemedIcon(demo, QStringLiteral("!run"));
        demo->setToolTip(tr("A MobileNet trained on Fashion-MNIST with five configurations to compare"));
        connect(demo, &QPushButton::clicked, this, [this, demoPath] { Q_EMIT fileRequested(demoPath); });
        buttons->addWidget(demo);
    }
    auto* const open = new QPushButton(tr("Open a file…"), m_choices);
    setThemedIcon(open, QStringLiteral("open"));
    connect(open, &QPushButton::clicked, this, &WelcomePage::openRequested);
    buttons->addWidget(open);
    buttons->addStretch();
    column->addLayout(buttons);
    column->addWidget(label(tr("or drop a model (.pt), a recipe (.json) or a project (.bitlathe) here"),
                            "caption", m_choices));

    m_recent = new QWidget(m_choices);
    auto* const recent = new QVBoxLayout(m_recent);
    recent->setContentsMargins(0, 14, 0, 0);
    recent->setSpacing(2);
    recent->addWidget(label(tr("Recent"), "strong", m_recent));
    m_recentRows = new QVBoxLayout;
    m_recentRows->setSpacing(0);
    recent->addLayout(m_recentRows);
    column->addWidget(m_recent);
    m_choices->setMaximumWidth(460);

    m_busy = new QWidget(this);
    auto* const busy = new QVBoxLayout(m_busy);
    QLabel* const busyText = label({}, "muted", m_busy);
    busyText->setObjectName(QStringLiteral("busyText"));
    busyText->setAlignment(Qt::AlignCenter);
    auto* const bar = new QProgressBar(m_busy);
    bar->setRange(0, 0);
    bar->setTextVisible(false);
    bar->setFixedHeight(6);
    bar->setAccessibleName(tr("Reading the model"));
    busy->addWidget(busyText);
    busy->addWidget(bar);
    m_busy->setFixedWidth(320);
    m_busy->hide();

    auto* const rows = new QVBoxLayout(this);
    rows->addStretch(2);
    auto* const middle = new QHBoxLayout;
    middle->addStretch();
    middle->addWidget(m_choices, 4);
    middle->addWidget(m_busy);
    middle->addStretch();
    rows->addLayout(middle);
    rows->addStretch(3);

    connect(&settings, &AppSettings::recentFilesChanged, this, &WelcomePage::refreshRecent);
    refreshRecent();
}

void WelcomePage::setBusy(const QString& fileName) {
    m_choices->setVisible(fileName.isEmpty());
    m_busy->setVisible(!fileName.isEmpty());
    m_busy->findChild<QLabel*>(QStringLiteral("busyText"))->setText(tr("Reading %1").arg(fileName));
}

void WelcomePage::refreshRecent() {
    while (QLayoutItem* const item = m_recentRows->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    const QStringList files = m_settings.recentFiles();
    for (const QString& path : files.mid(0, kShownRecentFiles)) {
        const QFileInfo info(path);
        auto* const row = new QPushButton(info.fileName(), m_recent);
        row->setProperty("flat", true);
        row->setStyleSheet(QStringLiteral("text-align: left;"));
        row->setToolTip(path);
        setThemedIcon(row, info.suffix() == QLatin1String("pt")     ? QStringLiteral("model")
                           : info.suffix() == QLatin1String("json") ? QStringLiteral("recipe")
                                                                    : QStringLiteral("data"));
        connect(row, &QPushButton::clicked, this, [this, path] { Q_EMIT fileRequested(path); });
        m_recentRows->addWidget(row);
    }
    m_recent->setVisible(!files.isEmpty());
}

}  // namespace bitlathe::ui
