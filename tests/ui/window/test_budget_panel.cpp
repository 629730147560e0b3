#include <string>

#include "plots/ram_timeline_plot.h"
#include "plots/rom_bar.h"
#include "plots/tensor_timeline_plot.h"
#include "small_bench.h"
#include "tests/support/patience.h"
#include "ui/document/config_edits.h"
#include "ui/document/layer_title.h"
#include "ui/panels/budget_panel.h"

#include <QTest>

using namespace bitlathe;
using namespace bitlathe::ui;

namespace {}  // namespace

class TestBudgetPanel final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_document = std::make_unique<QuantDocument>();
        m_document->open(tests::smallContent(tests::smallModel()));
        m_document->setDevice(tests::smallDevice());
        m_selection = std::make_unique<Selection>();
        m_panel = std::make_unique<BudgetPanel>(*m_document, *m_selection);
        m_panel->resize(1000, 300);
    }
    void cleanup() {
        m_panel.reset();
        m_selection.reset();
        m_document.reset();
    }

    /// Both reckonings stand side by side, each with its own figures.
    void romIsSplitTwice() {
        QTRY_VERIFY_WITH_TIMEOUT(m_panel->figures().target() != nullptr, tests::kPatienceMs);
        const core::TargetBudget& target = *m_panel->figures().target();
        QVERIFY2(target.exported.has_value(), target.refusal.c_str());
        const core::RomSplit formula = core::romSplit(m_document->budget(), *m_document->device());
        QCOMPARE(formula.weightBytes + formula.requantBytes + formula.tableBytes,
                 m_document->budget().romBytes);
        for (const qint64 bytes : {formula.weightBytes, formula.requantBytes,
                                   target.exportedSplit.weightBytes, target.exportedSplit.requantBytes,
                                   target.exportedSplit.tableBytes, target.exported->ramBytes()}) {
            QVERIFY2(m_panel->romText().contains(groupedNumber(bytes)), qPrintable(m_panel->romText()));
        }
        QVERIFY(!m_panel->romText().contains(QStringLiteral("assumed")));
        m_document->setStatistics(nullptr);
        QTRY_VERIFY_WITH_TIMEOUT(m_panel->figures().target() != nullptr, tests::kPatienceMs);
        QVERIFY2(m_panel->romText().contains(QStringLiteral("assumed")), qPrintable(m_panel->romText()));
    }

    void peakIsASum() {
        const core::Budget& budget = m_document->budget();
        const core::LayerBudget& peak = budget.layers[static_cast<std::size_t>(budget.peakLayer)];
        for (const QString& part : {layerTitle(peak.layer), groupedNumber(peak.inputBytes),
                                    groupedNumber(peak.outputBytes), groupedNumber(budget.peakRamBytes)}) {
            QVERIFY2(m_panel->peak().contains(part), qPrintable(m_panel->peak()));
        }
        m_panel->choose(MemoryView::InOut);
        QVERIFY(!m_panel->peak().contains(QStringLiteral("held")));
        m_panel->choose(MemoryView::Arena);
        QVERIFY2(m_panel->peak().contains(QStringLiteral("arena")), qPrintable(m_panel->peak()));
    }

    /// Every tensor from the step that makes it to the last that reads it; no two alive share a byte.
    void tensorsHaveTheirTime() {
        m_panel->choose(MemoryView::Tensors);
        QVERIFY(m_panel->ramPlot()->isHidden());
        const auto& spans = m_panel->tensorPlot()->spans();
        const core::TensorLifetimes lifetimes = core::tensorLifetimes(*m_document->model());
        QCOMPARE(spans.size(), lifetimes.tensors.size());
        QVERIFY(m_panel->tensorPlot()->totalBytes() >= m_document->budget().peakRamBytes);
        for (std::size_t i = 0; i < spans.size(); ++i) {
            QCOMPARE(spans[i].first, std::max(0, lifetimes.tensors[i].producer));
            QCOMPARE(spans[i].last, lifetimes.tensors[i].lastLayer);
            for (std::size_t k = 0; k < i; ++k) {
                const bool areAlive = spans[i].first <= spans[k].last && spans[k].first <= spans[i].last;
                const bool areApart = spans[i].offset >= spans[k].offset + spans[k].bytes ||
                                      spans[k].offset >= spans[i].offset + spans[i].bytes;
                QVERIFY(!areAlive || areApart);
            }
        }
    }

    void exportedFiguresAreTheExportersOwn() {
        m_panel->choose(MemoryView::ExportedC);
        QTRY_VERIFY_WITH_TIMEOUT(m_panel->tensorPlot()->hasData(), tests::kPatienceMs);
        const core::CBudget& exported = *m_panel->figures().target()->exported;
        QCOMPARE(m_panel->tensorPlot()->spans().size(), exported.buffers.size());
        QCOMPARE(m_panel->romBar()->totalBytes(), exported.romBytes());
        QVERIFY2(m_panel->verdict().contains(
                     groupedNumber(m_document->device()->ramLimitBytes() - exported.ramBytes())),
                 qPrintable(m_panel->verdict()));
        QVERIFY(m_panel->peak().contains(QStringLiteral("scratch")));
    }

    /// What cannot be exported says why, in the view and beside the formulas.
    void refusalIsShown() {
        m_panel->choose(MemoryView::ExportedC);
        QTRY_VERIFY_WITH_TIMEOUT(m_panel->tensorPlot()->hasData(), tests::kPatienceMs);
        const core::LayerId layer = m_document->model()->layers[4].id;
        setBits(*m_document, {layer}, core::SiteKind::Weight, 12);
        QVERIFY2(!m_panel->tensorPlot()->hasData(), "figures of another configuration do not stay");
        QTRY_VERIFY_WITH_TIMEOUT(m_panel->figures().target() != nullptr, tests::kPatienceMs);
        QVERIFY2(m_panel->romText().contains(QString::fromStdString(layer.str())),
                 qPrintable(m_panel->romText()));
        QVERIFY(m_panel->tensorPlot()->emptyText().contains(QString::fromStdString(layer.str())));
        m_document->undoStack()->undo();
        QTRY_VERIFY_WITH_TIMEOUT(m_panel->tensorPlot()->hasData(), tests::kPatienceMs);
    }

    void withoutAModelThereIsNothing() {
        m_document->close();
        for (const MemoryView view : {MemoryView::Tensors, MemoryView::ExportedC, MemoryView::Alive}) {
            m_panel->choose(view);
            QVERIFY(m_panel->peak().isEmpty());
            QVERIFY(m_panel->verdict().isEmpty());
            QVERIFY(!m_panel->ramPlot()->hasData());
        }
    }

private:
    std::unique_ptr<QuantDocument> m_document;
    std::unique_ptr<Selection> m_selection;
    std::unique_ptr<BudgetPanel> m_panel;
};

QTEST_MAIN(TestBudgetPanel)
#include "test_budget_panel.moc"
