#include "tests/ui/window/window_bench.h"

#include "core/quantizers/quantizer.h"
#include "ui/document/config_edits.h"
#include "ui/models/layer_table_model.h"
#include "ui/panels/inspector_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/panel_dock.h"

#include <QHeaderView>
#include <QScrollArea>
#include <QScrollBar>
#include <QTableView>
#include <QToolBar>
#include <QToolButton>

using namespace bitlathe;
using namespace bitlathe::ui;

/// What laptops have: 1280x800 and 1366x768, less what a window manager keeps for itself.
class TestSmallScreen final : public QObject, private tests::WindowBench {
    Q_OBJECT

private Q_SLOTS:
    void init() { setUp(); }
    void cleanup() { tearDown(); }

    void nothingIsCut_data() {
        QTest::addColumn<QSize>("size");
        QTest::addRow("1280x800") << QSize(1272, 764);
        QTest::addRow("1366x768") << QSize(1358, 732);
        QTest::addRow("1600x1000") << QSize(1592, 964);
    }
    void nothingIsCut() {
        QFETCH(QSize, size);
        open(size);
        MainWindow& window = m_application->window();
        QCOMPARE(window.size(), size);

        QWidget* const more =
            window.findChild<QToolBar*>()->findChild<QWidget*>(QStringLiteral("qt_toolbar_ext_button"));
        QVERIFY2(more == nullptr || !more->isVisible(), "a button of the toolbar is hidden");

        const QTableView& table = *window.layersPanel()->table();
        QTRY_COMPARE_WITH_TIMEOUT(table.horizontalScrollBar()->maximum(), 0, tests::kPatienceMs);
        QStyleOptionViewItem option;
        option.fontMetrics = table.fontMetrics();
        for (int column = 0; column < LayerTableModel::kColumnCount; ++column) {
            const bool mayBeElided = column == LayerTableModel::Name || column == LayerTableModel::Kind ||
                                     column == LayerTableModel::RangeMethod;
            for (int row = 0; row < table.model()->rowCount() && !mayBeElided; ++row) {
                const QModelIndex index = table.model()->index(row, column);
                QVERIFY2(table.isColumnHidden(column) ||
                             table.itemDelegate()->sizeHint(option, index).width() <=
                                 table.columnWidth(column),
                         qPrintable(index.data().toString()));
            }
        }
    }

    /// Whatever quantizer a layer has, with all its parameters.
    void theInspectorIsAsWideAsItsDock() {
        open({1272, 764});
        QuantDocument& document = m_application->workbench().document();
        InspectorPanel& inspector = *m_application->window().inspectorPanel();
        for (const core::MethodInfo& method : core::quantizerRegistry().list()) {
            for (const auto tab : {InspectorPanel::Weight, InspectorPanel::Output}) {
                inspector.setTab(tab);
                const auto kind =
                    tab == InspectorPanel::Weight ? core::SiteKind::Weight : core::SiteKind::Output;
                setQuantizer(document, {m_layer}, kind, {method.name, {}},
                             core::Granularity{core::Granularity::Kind::Tensor, 0});
                for (const QScrollArea* const area : inspector.findChildren<QScrollArea*>()) {
                    if (area->isVisible()) {
                        QVERIFY2(area->widget()->minimumSizeHint().width() <= area->viewport()->width(),
                                 qPrintable(QString::fromStdString(method.name) + widestOf(*area->widget())));
                    }
                }
            }
        }
    }

    /// No panel in front makes the window higher than the screen.
    void noPanelPushesTheWindow() {
        const QSize size(1272, 764);
        open(size);
        MainWindow& window = m_application->window();
        for (const char* const name : {"budget", "runs", "compare", "log", "post_training", "training"}) {
            window.dock(QLatin1String(name))->raise();
            QCoreApplication::processEvents();
            QVERIFY2(window.minimumSizeHint().height() <= size.height(), name);
            QCOMPARE(window.size(), size);
        }
    }

private:
    void open(const QSize& size) {
        start(m_recipe);
        Workbench& bench = m_application->workbench();
        QTRY_VERIFY_WITH_TIMEOUT(bench.document().statistics() != nullptr && !bench.jobs().isBusy(),
                                 tests::kPatienceMs);
        m_layer = bench.document().model()->layers[4].id;
        bench.selection().selectOnly(m_layer);
        m_application->window().resize(size);
        m_application->window().restoreDefaultLayout();
        // Docks take their sizes with the next layout.
        QTRY_VERIFY_WITH_TIMEOUT(m_application->window().layersPanel()->width() > size.width() / 3,
                                 tests::kPatienceMs);
        QCoreApplication::processEvents();
    }

    static QString widestOf(const QWidget& page) {
        QString text;
        for (const QWidget* const part : page.findChildren<QWidget*>(Qt::FindDirectChildrenOnly)) {
            text += QStringLiteral(" %1 '%2' %3")
                        .arg(QLatin1String(part->metaObject()->className()), part->accessibleName())
                        .arg(part->minimumSizeHint().width());
        }
        return text;
    }

    core::LayerId m_layer;
};

QTEST_MAIN(TestSmallScreen)
#include "test_small_screen.moc"
