#include <string>

#include "plots/channel_bits_plot.h"
#include "plots/error_curve_plot.h"
#include "plots/histogram_plot.h"
#include "plots/number_text.h"
#include "plots/plot_table.h"
#include "plots/rom_bar.h"
#include "small_bench.h"
#include "tests/support/patience.h"
#include "ui/document/coding_costs.h"
#include "ui/document/config_edits.h"
#include "ui/document/site_evaluation.h"
#include "ui/models/range_method_model.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/channels_page.h"
#include "ui/panels/method_editor.h"
#include "ui/panels/site_page.h"

#include "core/observers/observer.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLineEdit>
#include <QSignalSpy>
#include <QTableView>
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

    void rangesOfEachBatchTakeNoClip() {
        QVERIFY(setManualRange(*m_document, {m_layer, core::SiteKind::Output}, core::Range{0, 3}).isEmpty());
        auto* const time = named(QStringLiteral("Range taken"));
        QVERIFY(time != nullptr);
        choose(*time, static_cast<int>(core::RangeTime::Online));
        const core::SiteQuant output = m_document->layerConfig(m_layer).output;
        QVERIFY(output.ranges == core::RangeTime::Online);
        QVERIFY(!output.manualRange);
        for (const auto* const bound : m_page->findChildren<QLineEdit*>()) {
            if (bound->accessibleName().endsWith(QStringLiteral("clip"))) {
                QVERIFY(!bound->isEnabled());
            }
        }
        m_document->undoStack()->undo();
        QVERIFY(m_document->layerConfig(m_layer).output.manualRange.has_value());
        QCOMPARE(time->currentData().toInt(), static_cast<int>(core::RangeTime::Offline));
    }

    void paddingIsAChoiceOfConvolutions() {
        SitePage page(core::SiteKind::Weight, *m_document, *m_selection);
        QComboBox* const padding = named(page, QStringLiteral("Padding"));
        QVERIFY(padding != nullptr);
        for (const core::Layer& layer : m_document->model()->layers) {
            m_selection->selectOnly(layer.id);
            const core::LayerQuant before = m_document->layerConfig(layer.id);
            QCOMPARE(padding->isEnabled(),
                     layer.kind == core::LayerKind::Conv || layer.kind == core::LayerKind::DepthwiseConv);
            choose(*padding, static_cast<int>(core::PaddingOrder::BeforeQuantization));
            QCOMPARE(m_document->layerConfig(layer.id).padding == core::PaddingOrder::BeforeQuantization,
                     padding->isEnabled());
            QVERIFY(padding->isEnabled() || m_document->layerConfig(layer.id) == before);
        }
    }

    void scalesOfGroups() {
        auto* const scales = named(QStringLiteral("Scales"));
        scales->setCurrentIndex(scales->findText(QStringLiteral("groups of 8")));
        Q_EMIT scales->activated(scales->currentIndex());
        const core::Granularity chosen = m_document->layerConfig(m_layer).output.granularity;
        QVERIFY(chosen.kind == core::Granularity::Kind::Group);
        QCOMPARE(static_cast<int>(chosen.groupSize), 8);
        QCOMPARE(scales->currentText(), QStringLiteral("groups of 8"));
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

    /// Every range method is in the table, least error first, and Enter takes its range as one undo step.
    void rangeMethodsAreJudgedAndTaken() {
        QAbstractItemModel* const methods = m_page->rangeMethods()->model();
        QTRY_COMPARE_WITH_TIMEOUT(methods->rowCount(),
                                  static_cast<int>(core::observerRegistry().list().size()),
                                  tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(m_page->curve()->hasData(), tests::kPatienceMs);
        const core::SiteId site{m_layer, core::SiteKind::Output};
        std::map<std::string, ObserverChoice> expected;
        for (const ObserverChoice& choice : observerChoices(m_document->question(site))) {
            expected[choice.name] = choice;
        }
        double least = 0;
        for (int row = 0; row < methods->rowCount(); ++row) {
            const QModelIndex cell = methods->index(row, RangeMethodModel::Error);
            const ObserverChoice& choice =
                expected.at(cell.data(RangeMethodModel::NameRole).toString().toStdString());
            QCOMPARE(cell.data().toString(), plots::shortValue(choice.meanSquaredError));
            QVERIFY(choice.meanSquaredError >= least);
            least = choice.meanSquaredError;
        }
        // Nothing beats the method that searches for the least error, and min-max clips nothing.
        QVERIFY(expected.at("mse").meanSquaredError <= expected.at("min_max").meanSquaredError);
        // The grid is shifted so that zero is a level: the outermost values lie up to half a step beyond it.
        QVERIFY(expected.at("min_max").clippingError < 0.05 * expected.at("min_max").meanSquaredError);

        const core::LayerQuant before = m_document->layerConfig(m_layer);
        int row = 0;
        while (methods->index(row, 0).data(RangeMethodModel::NameRole).toString() !=
               QLatin1String("percentile")) {
            ++row;
        }
        m_page->rangeMethods()->setCurrentIndex(methods->index(row, 0));
        m_page->rangeMethods()->setFocus();
        QTest::keyClick(m_page->rangeMethods(), Qt::Key_Return);
        QCOMPARE(m_document->config().site(site).observer.name, std::string("percentile"));
        QCOMPARE(m_document->undoStack()->count(), 1);
        m_document->undoStack()->undo();
        QVERIFY(m_document->layerConfig(m_layer) == before);
    }

    /// The stems are the values after quantization: all values, on the levels of the grid.
    void levelSharesCountEveryValue() {
        setBits(*m_document, {m_layer}, core::SiteKind::Output, 3);
        const core::SiteId site{m_layer, core::SiteKind::Output};
        const SiteState& state = m_document->siteState(site);
        const auto shares = levelShares(m_document->question(site), *state.qparams);
        QCOMPARE(shares.size(), std::size_t{8});
        double total = 0;
        for (const core::LevelShare& share : shares) {
            total += share.count;
        }
        QVERIFY(std::abs(total - static_cast<double>(m_document->siteStatistics(site)->count)) < 1e-6);
        // Per channel: the exact dequantized weights.
        const core::SiteId weight{m_layer, core::SiteKind::Weight};
        double weights = 0;
        for (const core::LevelShare& share :
             levelShares(m_document->question(weight), *m_document->siteState(weight).qparams)) {
            weights += share.count;
        }
        QCOMPARE(weights, static_cast<double>(m_document->layer(m_layer)->weightCount));
    }

    void codingCostsFollowEdits() {
        CodingCosts costs(*m_document);
        m_page->setCodingCosts(&costs);
        const core::SiteId weight{m_layer, core::SiteKind::Weight};
        QTRY_VERIFY_WITH_TIMEOUT(costs.find(weight) != nullptr && !costs.isBusy(), tests::kPatienceMs);
        const core::CodingCost before = *costs.find(weight);
        QCOMPARE(before.values, m_document->layer(m_layer)->weightCount);
        QVERIFY(before.entropyBits <= before.huffmanBits && before.huffmanBits <= before.entropyBits + 1);
        QCOMPARE(costs.total(core::SiteKind::Weight).plainBytes,
                 m_document->budget().romBytes - romOfParameters());
        setBits(*m_document, {m_layer}, core::SiteKind::Weight, 2);
        QTRY_VERIFY_WITH_TIMEOUT(!costs.isBusy(), tests::kPatienceMs);
        QVERIFY(costs.find(weight)->huffmanBits <= 2);
        QVERIFY(costs.find(weight)->plainBytes < before.plainBytes);
        setBits(*m_document, {m_layer}, core::SiteKind::Weight, std::nullopt);
        QTRY_VERIFY_WITH_TIMEOUT(costs.find(weight) == nullptr, tests::kPatienceMs);
        m_document->undoStack()->setIndex(0);
        QTRY_VERIFY_WITH_TIMEOUT(costs.find(weight) != nullptr && !costs.isBusy(), tests::kPatienceMs);
        QCOMPARE(costs.find(weight)->codedBytes, before.codedBytes);
    }

    void channelsShowRangesAndBits() {
        ChannelsPage page(*m_document, *m_selection);
        page.resize(380, 600);
        const plots::PlotTable bits = page.bits()->table(plots::TableExtent::All);
        const core::QParams qparams = *m_document->siteState({m_layer, core::SiteKind::Weight}).qparams;
        QCOMPARE(bits.rows.size(), qparams.scale.size());
        for (const auto& row : bits.rows) {
            // Narrow symmetric codes: 255 of them, and a channel's own scale is used up on its wider side.
            QVERIFY(std::abs(row[1].toDouble() - std::log2(255.0)) < 1e-12);
            QVERIFY(row[2].toDouble() > 6.9 && row[2].toDouble() <= row[1].toDouble());
        }
        setQuantizer(*m_document, {m_layer}, core::SiteKind::Weight, {"symmetric", {}},
                     core::Granularity{core::Granularity::Kind::Tensor, 0});
        QVERIFY2(page.bits()->meanUsed() < std::log2(255.0) - 0.2,
                 "one scale for all wastes the small channels");
    }

    void saysWhatIsMissing() {
        m_document->setStatistics(nullptr);
        QVERIFY(m_page->histogram()->emptyText().contains(QStringLiteral("Calibrate")));
        m_selection->clear();
        QVERIFY(m_page->histogram()->emptyText().contains(QStringLiteral("Select a layer")));
    }

private:
    /// What the budget counts beside packed weights.
    std::int64_t romOfParameters() const {
        std::int64_t bytes = 0;
        for (const core::LayerBudget& layer : m_document->budget().layers) {
            bytes += layer.biasBytes + layer.requantBytes;
        }
        return bytes;
    }

    /// The box a screen reader knows by this name.
    QComboBox* named(const QString& name) const { return named(*m_page, name); }
    static QComboBox* named(const QWidget& page, const QString& name) {
        for (QComboBox* const box : page.findChildren<QComboBox*>()) {
            if (box->accessibleName() == name) {
                return box;
            }
        }
        return nullptr;
    }
    /// As a person picks an item.
    static void choose(QComboBox& box, int value) {
        box.setCurrentIndex(box.findData(value));
        Q_EMIT box.activated(box.currentIndex());
    }

    std::unique_ptr<QuantDocument> m_document;
    std::unique_ptr<Selection> m_selection;
    std::unique_ptr<SitePage> m_page;
    core::LayerId m_layer;
};

QTEST_MAIN(TestInspector)
#include "test_inspector.moc"
