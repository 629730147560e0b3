#include <string>

#include "plots/histogram_plot.h"
#include "plots/rom_bar.h"
#include "small_bench.h"
#include "ui/document/config_edits.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/method_editor.h"
#include "ui/panels/site_page.h"

#include "core/observers/observer.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLineEdit>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>

using namespace bitlathe;
using namespace bitlathe::ui;

class TestInspector final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_document = std::make_unique<QuantDocument>();
        m_selection = std::make_unique<Selection>();
        m_document->open(tests::smallContent(tests::smallModel()));
        m_layer = m_document->model()->layers[3].id;
        m_selection->selectOnly(m_layer);
        m_page = std::make_unique<SitePage>(core::SiteKind::Output, *m_document, *m_selection);
        m_page->resize(380, 640);
        m_page->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_page.get()));
    }

    void cleanup() {
        m_page.reset();
        m_document.reset();
        m_selection.reset();
    }

    /// A real drag with the mouse on the upper handle.
    void dragChangesTheFiguresAndIsOneStep() {
        plots::HistogramPlot* const plot = m_page->histogram();
        const QString before = m_page->figures();
        QVERIFY(!before.isEmpty());
        const core::Range range = *plot->range();
        const QPoint grip(static_cast<int>(plot->xOf(range.upper)), plot->height() / 2);
        QTest::mousePress(plot, Qt::LeftButton, {}, grip);
        QString during = before;
        for (int i = 1; i <= 8; ++i) {
            QTest::mouseMove(plot, grip - QPoint(12 * i, 0));
            QVERIFY2(m_page->figures() != during,
                     "the figures answer in the same call, before any event is processed");
            during = m_page->figures();
        }
        QTest::mouseRelease(plot, Qt::LeftButton, {}, grip - QPoint(96, 0));
        QCOMPARE(m_document->undoStack()->count(), 1);
        const core::SiteQuant quant = m_document->config().site({m_layer, core::SiteKind::Output});
        QVERIFY(quant.manualRange.has_value());
        QVERIFY(quant.manualRange->upper < range.upper);
        m_document->undoStack()->undo();
        QCOMPARE(m_page->figures(), before);
        QCOMPARE(plot->range()->upper, range.upper);
    }

    void escapeDuringADragLeavesNoTrace() {
        plots::HistogramPlot* const plot = m_page->histogram();
        const core::LayerQuant before = m_document->layerConfig(m_layer);
        const QPoint grip(static_cast<int>(plot->xOf(plot->range()->upper)), plot->height() / 2);
        QTest::mousePress(plot, Qt::LeftButton, {}, grip);
        QTest::mouseMove(plot, grip - QPoint(40, 0));
        QTest::mouseMove(plot, grip - QPoint(60, 0));
        QCOMPARE(m_document->undoStack()->count(), 1);
        QTest::keyClick(plot, Qt::Key_Escape);
        QTest::mouseRelease(plot, Qt::LeftButton, {}, grip - QPoint(60, 0));
        QVERIFY(m_document->layerConfig(m_layer) == before);
        QCOMPARE(m_document->undoStack()->count(), 0);
    }

    void typedBoundsAndReset() {
        const QList<QLineEdit*> edits = m_page->findChildren<QLineEdit*>();
        const auto named = [&](const QString& name) {
            for (QLineEdit* const edit : edits) {
                if (edit->accessibleName() == name) {
                    return edit;
                }
            }
            return static_cast<QLineEdit*>(nullptr);
        };
        QLineEdit* const upper = named(QStringLiteral("Upper clip"));
        QVERIFY(upper != nullptr);
        upper->setFocus();
        upper->setText(QStringLiteral("2.5"));
        QTest::keyClick(upper, Qt::Key_Return);
        QCOMPARE(m_document->config().site({m_layer, core::SiteKind::Output}).manualRange->upper, 2.5);

        QSignalSpy refused(m_page.get(), &SitePage::editRefused);
        upper->setText(QStringLiteral("wide"));
        QTest::keyClick(upper, Qt::Key_Return);
        QCOMPARE(refused.size(), 1);
        QCOMPARE(upper->text().toDouble(), 2.5);

        for (QToolButton* const button : m_page->findChildren<QToolButton*>()) {
            if (button->accessibleName().contains(QStringLiteral("method"))) {
                button->click();
            }
        }
        QVERIFY(!m_document->config().site({m_layer, core::SiteKind::Output}).manualRange);
    }

    void figuresFollowUndo() {
        const QString before = m_page->figures();
        setBits(*m_document, {m_layer}, core::SiteKind::Output, 3);
        QVERIFY(m_page->figures() != before);
        m_document->undoStack()->undo();
        QCOMPARE(m_page->figures(), before);
    }

    void budgetFollowsEdits() {
        m_document->setDevice(tests::smallDevice(200'000, 30'000));
        BudgetPanel budget(*m_document, *m_selection);
        const QString before = budget.verdict();
        QVERIFY2(before.contains(QStringLiteral("Too big")), qPrintable(before));
        std::vector<core::LayerId> all;
        for (const core::Layer& layer : m_document->model()->layers) {
            all.push_back(layer.id);
        }
        setBits(*m_document, all, core::SiteKind::Weight, 4);
        QVERIFY2(budget.verdict().contains(QStringLiteral("Fits")), qPrintable(budget.verdict()));
        QCOMPARE(budget.romBar()->totalBytes(), m_document->budget().romBytes);
        m_document->undoStack()->undo();
        QCOMPARE(budget.verdict(), before);
    }

    void editorsComeFromTheRegistry() {
        MethodEditor editor(QStringLiteral("Range from"), core::observerRegistry().list());
        auto* const choice = editor.findChild<QComboBox*>();
        QCOMPARE(choice->count(), static_cast<int>(core::observerRegistry().list().size()));
        QSignalSpy edited(&editor, &MethodEditor::specEdited);
        editor.setSpec({"percentile", {{"percentile", 99.0}}});
        QCOMPARE(edited.size(), 0);
        auto* const number = editor.findChild<QDoubleSpinBox*>();
        QVERIFY(number != nullptr);
        QCOMPARE(number->value(), 99.0);
        number->setValue(98.0);
        QCOMPARE(edited.size(), 1);
        QCOMPARE(editor.spec().params.at("percentile"), 98.0);
        number->setValue(97.0);
        QCOMPARE(edited[0][1], edited[1][1]);  // one series: one undo step
    }

    void saysWhatIsMissing() {
        m_document->setStatistics(nullptr);
        QVERIFY(m_page->histogram()->emptyText().contains(QStringLiteral("Calibrate")));
        m_selection->clear();
        QVERIFY(m_page->histogram()->emptyText().contains(QStringLiteral("Select a layer")));
    }

private:
    std::unique_ptr<QuantDocument> m_document;
    std::unique_ptr<Selection> m_selection;
    std::unique_ptr<SitePage> m_page;
    core::LayerId m_layer;
};

QTEST_MAIN(TestInspector)
#include "test_inspector.moc"
