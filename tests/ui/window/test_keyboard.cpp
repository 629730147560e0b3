#include "tests/ui/window/window_bench.h"

#include "ui/dialogs/data_dialog.h"
#include "ui/dialogs/error_dialog.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/dialogs/fit_dialog.h"
#include "ui/dialogs/shortcuts_dialog.h"
#include "ui/dialogs/train_dialog.h"
#include "ui/panels/folded_section.h"
#include "ui/panels/panel_dock.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSlider>
#include <QAbstractSpinBox>
#include <QAccessible>
#include <QComboBox>
#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QRadioButton>
#include <QScrollBar>
#include <QTableWidget>
#include <QToolBar>

#include <map>
#include <set>

using namespace bitlathe;
using namespace bitlathe::ui;

namespace {

QString described(const QWidget& widget) {
    return QStringLiteral("%1 '%2' in %3")
        .arg(QLatin1String(widget.metaObject()->className()), widget.objectName(),
             widget.parentWidget() ? QLatin1String(widget.parentWidget()->metaObject()->className())
                                   : QLatin1String());
}

QString accessibleName(QWidget* widget) {
    QAccessibleInterface* const interface = QAccessible::queryAccessibleInterface(widget);
    return interface != nullptr ? interface->text(QAccessible::Name) : QString();
}

/// Arrows lead to it from the one that is chosen.
bool isOther(const QWidget& widget) {
    const auto* const radio = qobject_cast<const QRadioButton*>(&widget);
    return radio != nullptr && !radio->isChecked();
}

QString namesOf(const std::vector<QWidget*>& widgets) {
    QStringList names;
    for (QWidget* const widget : widgets) {
        names += accessibleName(widget);
    }
    return names.join(QStringLiteral(", "));
}

/// Controls a person works with, without the parts Qt makes them of.
std::vector<QWidget*> controlsOf(const QWidget& root) {
    std::vector<QWidget*> controls;
    for (QWidget* const widget : root.findChildren<QWidget*>()) {
        const bool isControl = qobject_cast<QAbstractButton*>(widget) || qobject_cast<QComboBox*>(widget) ||
                               qobject_cast<QLineEdit*>(widget) || qobject_cast<QAbstractSpinBox*>(widget) ||
                               qobject_cast<QAbstractSlider*>(widget) ||
                               qobject_cast<QAbstractItemView*>(widget);
        const bool isPart = qobject_cast<QComboBox*>(widget->parentWidget()) ||
                            qobject_cast<QAbstractSpinBox*>(widget->parentWidget()) ||
                            qobject_cast<QLineEdit*>(widget->parentWidget()) ||
                            qobject_cast<QScrollBar*>(widget) || widget->objectName().startsWith(u"qt_") ||
                            widget->inherits("QTabBar") || widget->inherits("QHeaderView") ||
                            widget->inherits("QTableCornerButton");
        const QWidget* const view = widget->parentWidget() ? widget->parentWidget()->parentWidget() : nullptr;
        if (isControl && !isPart && qobject_cast<const QComboBox*>(view) == nullptr &&
            widget->window() == root.window()) {
            controls.push_back(widget);
        }
    }
    return controls;
}

}  // namespace

/// Everything by keyboard, and everything with a name for those who hear the window.
class TestKeyboard final : public QObject, private tests::WindowBench {
    Q_OBJECT

private Q_SLOTS:
    void init() { setUp(); }
    void cleanup() { tearDown(); }

    void everyActionOfTheMenusHasAKeyOfItsOwn() {
        start({});
        m_actions.clear();
        for (const QAction* const action : m_application->window().menuBar()->actions()) {
            collect(*action->menu());
        }
        QVERIFY(m_actions.size() > 30);
        std::map<QString, QString> owners;
        for (const QAction* const action : m_actions) {
            QStringList keys;
            for (const QKeySequence& key : action->shortcuts()) {
                keys += key.toString();
            }
            if (keys.isEmpty()) {  // the window listens for it
                keys += action->text().section(QLatin1Char('\t'), 1);
            }
            for (const QString& key : keys) {
                QVERIFY2(!key.isEmpty(), qPrintable(action->text() + QStringLiteral(" has no shortcut")));
                const auto [owner, isNew] = owners.emplace(key, action->text());
                QVERIFY2(isNew,
                         qPrintable(QStringLiteral("%1: %2 and %3").arg(key, owner->second, action->text())));
            }
        }
    }

    void theShortcutsAreListed() {
        start({});
        QTest::keyClick(&m_application->window(), Qt::Key_F1);
        auto* const dialog = m_application->window().findChild<ShortcutsDialog*>();
        QVERIFY(dialog != nullptr);
        std::set<QString> keys;
        for (int row = 0; row < dialog->table()->rowCount(); ++row) {
            keys.insert(dialog->table()->item(row, 1)->text());
        }
        for (const char* const key : {"F9", "Ctrl+1", "Alt+Down", "2 … 8, F"}) {
            QVERIFY2(keys.contains(QString::fromUtf8(key)), key);
        }
    }

    void theControlsOfTheWindowHaveNames() {
        open();
        checkNames(m_application->window());
    }

    void dialogsAreWalkedByTab_data() {
        QTest::addColumn<QString>("name");
        for (const char* const name : {"train", "fit", "export", "data", "error", "shortcuts"}) {
            QTest::addRow("%s", name) << QString::fromLatin1(name);
        }
    }
    void dialogsAreWalkedByTab() {
        QFETCH(QString, name);
        open();
        const std::unique_ptr<QDialog> dialog = newDialog(name);
        dialog->setAttribute(Qt::WA_DeleteOnClose, false);
        for (auto* const fold : dialog->findChildren<FoldedSection*>()) {
            fold->setOpen(true);
        }
        dialog->show();
        QVERIFY(QTest::qWaitForWindowActive(dialog.get()));
        checkNames(*dialog);
        if (const auto* const fit = qobject_cast<FitDialog*>(dialog.get())) {
            QTRY_VERIFY_WITH_TIMEOUT(!fit->isSearching(),
                                     tests::kPatienceMs);  // buttons wake up with an answer
        }
        if (const auto* const exporting = qobject_cast<ExportDialog*>(dialog.get())) {
            QTRY_VERIFY_WITH_TIMEOUT(!exporting->isChecking(), tests::kPatienceMs);
        }

        // From one control round to it again: every control that can be used is met, and the walk follows the
        // eye, left to right and down, but for the jump to another column and back to the beginning.
        QTRY_VERIFY_WITH_TIMEOUT(dialog->focusWidget() != nullptr, tests::kPatienceMs);
        std::vector<QWidget*> walk;
        std::set<QWidget*> met;
        for (QWidget* at = dialog->focusWidget(); met.insert(at).second; at = dialog->focusWidget()) {
            walk.push_back(at);
            QTest::keyClick(at, Qt::Key_Tab);
        }
        for (QWidget* const control : controlsOf(*dialog)) {
            const bool takesTab = (control->focusPolicy() & Qt::TabFocus) != 0 && control->isEnabled() &&
                                  control->isVisible() && control->focusProxy() == nullptr &&
                                  !isOther(*control);
            QVERIFY2(!takesTab || met.contains(control),
                     qPrintable(described(*control) + QStringLiteral(" '%1' is not among %2")
                                                          .arg(accessibleName(control), namesOf(walk))));
        }
        int jumps = 0;
        for (std::size_t i = 1; i < walk.size(); ++i) {
            const auto top = [&](std::size_t at) { return walk[at]->mapTo(dialog.get(), QPoint()).y(); };
            jumps += top(i) < top(i - 1) - 12 ? 1 : 0;
        }
        QVERIFY2(jumps <= 2, qPrintable(namesOf(walk)));
    }

    /// Undocking has a key: docks show their buttons under the mouse alone.
    void thePanelInUseFloats() {
        open();
        MainWindow& window = m_application->window();
        PanelDock& runs = *window.dock(QStringLiteral("runs"));
        runs.raise();
        runs.findChild<QLineEdit*>()->setFocus();
        QTest::keyClick(&window, Qt::Key_F, Qt::ControlModifier | Qt::ShiftModifier);
        QVERIFY(runs.isFloating());
        window.restoreDefaultLayout();
        QVERIFY(!runs.isFloating());
    }

private:
    void open() {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr && !bench.jobs().isBusy(),
                                 tests::kPatienceMs);
        bench.selection().selectOnly(bench.document().model()->layers[4].id);
    }

    std::unique_ptr<QDialog> newDialog(const QString& name) {
        MainWindow& window = m_application->window();
        QuantDocument& document = m_application->workbench().document();
        if (name == QLatin1String("data")) {
            return std::make_unique<DataDialog>(document.recipe().data, document.calibration(), &window);
        }
        if (name == QLatin1String("error")) {
            return std::make_unique<ErrorDialog>(QStringLiteral("What"), QStringLiteral("Why"), &window);
        }
        if (name == QLatin1String("shortcuts")) {
            return std::make_unique<ShortcutsDialog>(window.menuBar()->actions(), &window);
        }
        if (name == QLatin1String("train")) {
            window.chooseTraining();
            return std::unique_ptr<QDialog>(window.findChild<TrainDialog*>());
        }
        if (name == QLatin1String("fit")) {
            window.fitToDevice();
            return std::unique_ptr<QDialog>(window.findChild<FitDialog*>());
        }
        window.chooseExport();
        return std::unique_ptr<QDialog>(window.findChild<ExportDialog*>());
    }

    static void checkNames(const QWidget& root) {
        for (QWidget* const control : controlsOf(root)) {
            QVERIFY2(!accessibleName(control).isEmpty(), qPrintable(described(*control) + " has no name"));
            const auto* const button = qobject_cast<QAbstractButton*>(control);
            if (button != nullptr && !button->icon().isNull() && button->text().isEmpty()) {
                QVERIFY2(!button->toolTip().isEmpty(), qPrintable(described(*button) + " has no tip"));
            }
        }
    }

    /// Actions that do something; recent files and the choice of a theme are lists.
    void collect(const QMenu& menu) {
        for (const QAction* const action : menu.actions()) {
            if (action->menu() != nullptr) {
                const bool isList = action->text().contains(QStringLiteral("recent")) ||
                                    action->text().contains(QStringLiteral("Theme"));
                if (!isList) {
                    collect(*action->menu());
                }
            } else if (!action->isSeparator()) {
                m_actions.push_back(action);
            }
        }
    }

    std::vector<const QAction*> m_actions;
};

QTEST_MAIN(TestKeyboard)
#include "test_keyboard.moc"
