#include "app/screenshots.h"

#include "ui/main_window.h"
#include "ui/panels/panel_dock.h"
#include "ui/panels/runs_panel.h"

#include <QApplication>
#include <QDir>
#include <QEventLoop>
#include <QItemSelectionModel>
#include <QTableView>
#include <QTimer>

#include <algorithm>

#include <cstdio>

namespace bitlathe::app {

namespace {

/// Long enough for layouts, fonts and queued repaints to settle.
constexpr int kSettleMs = 400;

}  // namespace

Screenshots::Screenshots(Application& application, QString folder)
    : QObject(&application), m_application(application), m_folder(std::move(folder)) {
    QDir().mkpath(m_folder);
    connect(&application.workbench(), &ui::Workbench::failed, this,
            [](const QString& what, const QString& text) {
                std::fprintf(stderr, "%s: %s\n", qPrintable(what), qPrintable(text));
                QApplication::exit(1);
            });
    connect(&application.workbench().document(), &ui::QuantDocument::statisticsChanged, this,
            &Screenshots::calibrated);
}

void Screenshots::calibrated() {
    ui::Workbench& workbench = m_application.workbench();
    if (workbench.document().statistics() == nullptr) {
        return;
    }
    workbench.document().disconnect(this);
    connect(&workbench.jobs(), &experiments::JobRunner::idle, this,
            [this] { QTimer::singleShot(kSettleMs, this, &Screenshots::takeAll); });
    workbench.runRecipe();
}

void Screenshots::takeAll() {
    ui::Workbench& workbench = m_application.workbench();
    ui::MainWindow& window = m_application.window();
    workbench.jobs().disconnect(this);
    // The last configuration of a recipe is the one it leads up to; the layer that loses most is the one to
    // look at.
    ui::QuantDocument& document = workbench.document();
    document.setVariants(document.variants(), static_cast<int>(document.variants().size()) - 1);
    if (const auto ranked = document.layersByError(); !ranked.empty()) {
        workbench.selection().selectOnly(ranked.front());
    }
    QTableView* const runs = window.runsPanel()->table();
    window.runsPanel()->refresh();
    for (int row = 0; row < std::min(2, runs->model()->rowCount()); ++row) {
        runs->selectionModel()->select(runs->model()->index(row, 0),
                                       QItemSelectionModel::Select | QItemSelectionModel::Rows);
    }
    const ui::ThemeChoice before = m_application.settings().theme();
    for (const auto& [choice, suffix] :
         {std::pair(ui::ThemeChoice::Light, "light"), std::pair(ui::ThemeChoice::Dark, "dark")}) {
        m_application.settings().setTheme(choice);
        for (const auto& [panel, name] :
             {std::pair("budget", "window"), std::pair("runs", "runs"), std::pair("compare", "compare")}) {
            window.dock(QLatin1String(panel))->raise();
            grab(QStringLiteral("%1_%2").arg(QLatin1String(name), QLatin1String(suffix)));
        }
    }
    m_application.settings().setTheme(before);
    QApplication::quit();
}

void Screenshots::grab(const QString& name) {
    QEventLoop settling;
    QTimer::singleShot(kSettleMs, &settling, &QEventLoop::quit);
    settling.exec();
    const QString path = m_folder + QLatin1Char('/') + name + QStringLiteral(".png");
    if (!m_application.window().grab().save(path)) {
        std::fprintf(stderr, "'%s' cannot be written\n", qPrintable(path));
        QApplication::exit(1);
    }
}

}  // namespace bitlathe::app
