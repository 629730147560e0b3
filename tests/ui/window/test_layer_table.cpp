#include <string>

#include "small_bench.h"
#include "ui/models/layer_filter_model.h"
#include "ui/models/layer_table_delegate.h"
#include "ui/models/layer_table_model.h"
#include "ui/models/layer_tree_model.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/model_panel.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QLineEdit>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>
#include <QTreeView>

using namespace bitlathe;
using namespace bitlathe::ui;

class TestLayerTable final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_document = std::make_unique<QuantDocument>();
        m_selection = std::make_unique<Selection>();
        m_document->open(tests::smallContent(tests::smallModel()));
    }

    void cleanup() {
        m_document.reset();
        m_selection.reset();
    }

    void modelsKeepTheRules() {
        LayerTableModel table(*m_document, *m_selection);
        LayerFilterModel filter;
        filter.setSourceModel(&table);
        LayerTreeModel tree(*m_document);
        QAbstractItemModelTester tableTester(&table, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QAbstractItemModelTester filterTester(&filter,
                                              QAbstractItemModelTester::FailureReportingMode::QtTest);
        QAbstractItemModelTester treeTester(&tree, QAbstractItemModelTester::FailureReportingMode::QtTest);
        table.setData(table.index(3, LayerTableModel::WeightBits), "4", Qt::EditRole);
        filter.setFilterText("block 3");
        filter.sort(LayerTableModel::OutputSqnr);
        m_document->close();
        m_document->open(tests::smallContent(tests::smallModel("resnet8", {})));
        QCOMPARE(table.rowCount(), static_cast<int>(m_document->model()->layers.size()) + 1);
    }

    void showsWhatTheDocumentHolds() {
        LayerTableModel table(*m_document, *m_selection);
        QCOMPARE(table.layerAt(0), core::kInputLayer);
        const int stem = 1;
        const auto cell = [&](int column) { return table.index(stem, column).data().toString(); };
        QCOMPARE(cell(LayerTableModel::Number), QStringLiteral("0"));
        QCOMPARE(cell(LayerTableModel::Name), QStringLiteral("stem"));
        QCOMPARE(cell(LayerTableModel::Params), QStringLiteral("72"));
        QCOMPARE(cell(LayerTableModel::WeightBits), QStringLiteral("8"));
        QCOMPARE(cell(LayerTableModel::WeightScheme), QStringLiteral("sym, channel"));
        QCOMPARE(cell(LayerTableModel::RangeMethod), QStringLiteral("min max"));
        QVERIFY(cell(LayerTableModel::OutputSqnr).toDouble() > 20);
        QVERIFY(!table.index(0, LayerTableModel::WeightBits).flags().testFlag(Qt::ItemIsEditable));
        QVERIFY(table.index(0, LayerTableModel::ActivationBits).flags().testFlag(Qt::ItemIsEditable));
    }

    void editReachesEverySelectedRowInOneStep() {
        LayerTableModel table(*m_document, *m_selection);
        const std::vector<core::LayerId> chosen = {table.layerAt(2), table.layerAt(3), table.layerAt(5)};
        m_selection->select(chosen);
        QVERIFY(table.setData(table.index(3, LayerTableModel::WeightBits), "4", Qt::EditRole));
        for (const core::LayerId& layer : chosen) {
            QCOMPARE(m_document->layerConfig(layer).weight.bits->bits(), 4);
        }
        QCOMPARE(m_document->layerConfig(table.layerAt(4)).weight.bits->bits(), 8);
        QCOMPARE(m_document->undoStack()->count(), 1);
        m_document->undoStack()->undo();
        for (const core::LayerId& layer : chosen) {
            QCOMPARE(m_document->layerConfig(layer).weight.bits->bits(), 8);
        }
        // A row outside the selection is edited alone.
        QVERIFY(table.setData(table.index(7, LayerTableModel::WeightBits), "2", Qt::EditRole));
        QCOMPARE(m_document->layerConfig(chosen[0]).weight.bits->bits(), 8);
    }

    void refusesWhatIsNoBitWidth() {
        LayerTableModel table(*m_document, *m_selection);
        QSignalSpy refused(&table, &LayerTableModel::editRefused);
        QVERIFY(!table.setData(table.index(2, LayerTableModel::WeightBits), "17", Qt::EditRole));
        QCOMPARE(refused.size(), 1);
        QVERIFY(!table.setData(table.index(2, LayerTableModel::Name), "x", Qt::EditRole));
        QCOMPARE(m_document->undoStack()->count(), 0);
    }

    void keysSetBits_data() {
        QTest::addColumn<int>("key");
        QTest::addColumn<Qt::KeyboardModifiers>("modifiers");
        QTest::addColumn<int>("weightBits");
        QTest::addColumn<int>("activationBits");
        const Qt::KeyboardModifiers none = Qt::NoModifier;
        const Qt::KeyboardModifiers shift = Qt::ShiftModifier;
        for (int bits = 2; bits <= 7; ++bits) {
            QTest::addRow("%d", bits) << int(Qt::Key_0) + bits << none << bits << 8;
            QTest::addRow("shift %d", bits) << int(Qt::Key_0) + bits << shift << 8 << bits;
        }
        QTest::addRow("F") << int(Qt::Key_F) << none << 0 << 8;
        QTest::addRow("shift F") << int(Qt::Key_F) << shift << 8 << 0;
        QTest::addRow("shift dollar, US layout") << int(Qt::Key_Dollar) << shift << 8 << 4;
    }
    void keysSetBits() {
        QFETCH(int, key);
        QFETCH(Qt::KeyboardModifiers, modifiers);
        QFETCH(int, weightBits);
        QFETCH(int, activationBits);
        LayersPanel panel(*m_document, *m_selection);
        panel.show();
        const core::LayerId layer = m_document->model()->layers[2].id;
        m_selection->selectOnly(layer);
        if (key == Qt::Key_Dollar) {
            QTest::sendKeyEvent(QTest::Click, panel.table(), Qt::Key_Dollar, QStringLiteral("$"), modifiers);
        } else {
            QTest::keyClick(panel.table(), static_cast<Qt::Key>(key), modifiers);
        }
        const core::LayerQuant quant = m_document->layerConfig(layer);
        QCOMPARE(quant.weight.bits ? quant.weight.bits->bits() : 0, weightBits);
        QCOMPARE(quant.output.bits ? quant.output.bits->bits() : 0, activationBits);
        QCOMPARE(m_document->undoStack()->count(), 1);
    }

    void walksByError() {
        LayersPanel panel(*m_document, *m_selection);
        panel.show();
        const auto ranked = m_document->layersByError();
        QTest::keyClick(panel.table(), Qt::Key_Down, Qt::AltModifier);
        QCOMPARE(m_selection->current(), ranked[0]);
        QTest::keyClick(panel.table(), Qt::Key_Down, Qt::AltModifier);
        QCOMPARE(m_selection->current(), ranked[1]);
        QTest::keyClick(panel.table(), Qt::Key_Up, Qt::AltModifier);
        QCOMPARE(m_selection->current(), ranked[0]);
    }

    void editorOffersTheRegistry() {
        LayersPanel panel(*m_document, *m_selection);
        panel.resize(1000, 500);
        panel.show();
        const QModelIndex cell = panel.table()->model()->index(2, LayerTableModel::WeightScheme);
        panel.table()->setCurrentIndex(cell);
        panel.table()->edit(cell);
        auto* const combo = panel.table()->findChild<QComboBox*>();
        QVERIFY(combo != nullptr);
        const int affine = combo->findText(QStringLiteral("affine, tensor"));
        QVERIFY(affine >= 0);
        combo->setCurrentIndex(affine);
        Q_EMIT combo->activated(affine);
        const core::SiteQuant quant = m_document->layerConfig(m_document->model()->layers[1].id).weight;
        QCOMPARE(quant.quantizer.name, "affine");
        QVERIFY(quant.granularity.kind == core::Granularity::Kind::Tensor);
    }

    void filterFindsByWords() {
        LayersPanel panel(*m_document, *m_selection);
        panel.show();
        auto* const edit = panel.findChild<QLineEdit*>();
        QTest::keyClicks(edit, QStringLiteral("depth 1x"));
        QCOMPARE(panel.table()->model()->rowCount(), 0);
        edit->setText(QStringLiteral("depthwise block"));
        QCOMPARE(panel.table()->model()->rowCount(), 13);
        QTest::keyClick(edit, Qt::Key_Escape);
        QCOMPARE(panel.table()->model()->rowCount(),
                 static_cast<int>(m_document->model()->layers.size()) + 1);
    }

    void copiesWhatIsSelected() {
        LayersPanel panel(*m_document, *m_selection);
        m_selection->select({m_document->model()->layers[0].id, m_document->model()->layers[1].id});
        QTest::keyClick(panel.table(), Qt::Key_C, Qt::ControlModifier);
        const QStringList lines =
            QApplication::clipboard()->text().split(QLatin1Char('\n'), Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), 3);
        QCOMPARE(lines[0].split(QLatin1Char('\t')).size(),
                 static_cast<qsizetype>(LayerTableModel::kColumnCount));
        QVERIFY(lines[1].startsWith(QStringLiteral("0\tstem\t")));
    }

    void oneSelectionForTableAndGraph() {
        LayersPanel panel(*m_document, *m_selection);
        ModelPanel graph(*m_document, *m_selection);
        panel.show();
        graph.show();
        const auto& layers = m_document->model()->layers;
        m_selection->select({layers[1].id, layers[2].id});
        QCOMPARE(panel.table()->selectionModel()->selectedRows().size(), 2);
        QCOMPARE(graph.view()->selectionModel()->selectedIndexes().size(),
                 1);  // the closed block stands for both
        graph.view()->selectionModel()->setCurrentIndex(graph.view()->model()->index(3, 0),  // block 2
                                                        QItemSelectionModel::ClearAndSelect);
        QCOMPARE(m_selection->layers().size(), std::size_t{2});
        QCOMPARE(m_selection->layers()[0], layers[3].id);
        QCOMPARE(panel.table()->selectionModel()->selectedRows().size(), 2);
        m_selection->clear();
        QVERIFY(panel.table()->selectionModel()->selectedRows().isEmpty());
    }

private:
    std::unique_ptr<QuantDocument> m_document;
    std::unique_ptr<Selection> m_selection;
};

QTEST_MAIN(TestLayerTable)
#include "test_layer_table.moc"
