#include <string>

#include "core/search/memory_driven.h"
#include "plots/pareto_plot.h"
#include "small_bench.h"
#include "ui/dialogs/fit_dialog.h"
#include "ui/dialogs/limit_slider.h"
#include "ui/models/fit_change_model.h"
#include "ui/models/layer_table_model.h"

#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QSpinBox>
#include <QTableView>
#include <QTest>

using namespace bitlathe;
using namespace bitlathe::ui;

namespace {

/// Bits of the configuration before as the reference: W8A8 needs some 218 KB of ROM and 12 KB of RAM.
constexpr std::int64_t kTightRom = 120'000;
constexpr std::int64_t kTightRam = 20'000;

}  // namespace

class TestFit final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_document = std::make_unique<QuantDocument>();
        m_document->open(tests::smallContent(tests::smallModel()));
        m_document->setDevice(tests::smallDevice(kTightRom, kTightRam));
    }
    void cleanup() { m_document.reset(); }

    void proposalIsTheSearchAndTheBudget() {
        FitRequest request;
        request.model = m_document->model();
        request.config = m_document->config();
        request.romLimitBytes = kTightRom;
        request.ramLimitBytes = kTightRam;
        const FitProposal proposal = proposeFit(request);
        QVERIFY2(proposal.isFeasible, qPrintable(proposal.verdict));
        core::MemoryDrivenOptions options;
        options.romLimitBytes = kTightRom;
        options.ramLimitBytes = kTightRam;
        options.mode = core::MemoryDrivenOptions::Mode::MixPC;
        core::QuantConfig expected = m_document->config();
        core::applyBits(core::memoryDrivenBits(*m_document->model(), options), *m_document->model(),
                        expected);
        QVERIFY(proposal.config == expected);
        QCOMPARE(proposal.budget.romBytes, core::computeBudget(*m_document->model(), expected).romBytes);
        QVERIFY(proposal.budget.romBytes <= kTightRom && proposal.budget.peakRamBytes <= kTightRam);
        QCOMPARE(proposal.before.romBytes, m_document->budget().romBytes);
    }

    void impossibleLimitsNameTheLayer() {
        FitRequest request;
        request.model = m_document->model();
        request.config = m_document->config();
        request.romLimitBytes = 1000;
        request.ramLimitBytes = kTightRam;
        const FitProposal proposal = proposeFit(request);
        QVERIFY(!proposal.isFeasible);
        QVERIFY(!proposal.bindingLayer.empty());
        QVERIFY(proposal.config == request.config);
        QVERIFY2(proposal.verdict.contains(QStringLiteral("ROM")), qPrintable(proposal.verdict));
    }

    /// The search refuses widths that cannot be, and the proposal says so instead of throwing.
    void whatTheSearchRefusesIsSaid() {
        FitRequest request;
        request.model = m_document->model();
        request.config = m_document->config();
        request.romLimitBytes = request.ramLimitBytes = 1'000'000;
        request.bits = {12};
        const FitProposal proposal = proposeFit(request);
        QVERIFY(!proposal.isFeasible);
        QVERIFY2(proposal.verdict.contains(QStringLiteral("12")), qPrintable(proposal.verdict));
        QVERIFY(proposal.config == request.config);
    }

    /// Accepting is one undo step, and undo brings everything back.
    void acceptedIsOneStep() {
        const core::QuantConfig before = m_document->config();
        FitDialog dialog(*m_document);
        QSignalSpy evaluate(&dialog, &FitDialog::evaluateRequested);
        QTRY_VERIFY(dialog.proposal().isFeasible);
        QCOMPARE(dialog.romLimit()->value(), kTightRom);
        const core::QuantConfig proposed = dialog.proposal().config;
        QVERIFY(!(proposed == before));
        QVERIFY2(m_document->config() == before, "a proposal changes nothing yet");
        dialog.findChild<QPushButton*>(QStringLiteral("acceptFit"))->click();
        QVERIFY(m_document->config() == proposed);
        QCOMPARE(m_document->undoStack()->count(), 1);
        QVERIFY2(m_document->undoStack()->undoText().contains(QStringLiteral("Small")),
                 qPrintable(m_document->undoStack()->undoText()));
        QCOMPARE(evaluate.size(), 0);
        m_document->undoStack()->undo();
        QVERIFY(m_document->config() == before);
    }

    void cancelLeavesNoTrace() {
        const core::QuantConfig before = m_document->config();
        FitDialog dialog(*m_document);
        QTRY_VERIFY(dialog.proposal().isFeasible);
        dialog.show();
        QTest::keyClick(&dialog, Qt::Key_Escape);
        QVERIFY(!dialog.isVisible());
        QVERIFY(m_document->config() == before);
        QCOMPARE(m_document->undoStack()->count(), 0);
    }

    void slidersSearchAnewAndTheNewestWins() {
        FitDialog dialog(*m_document);
        QTRY_VERIFY(dialog.proposal().isFeasible);
        const std::int64_t atDevice = dialog.proposal().budget.romBytes;
        // Down to what nothing fits, in steps as a drag makes them.
        for (int step = dialog.romLimit()->slider()->value(); step >= 0; step -= 50) {
            dialog.romLimit()->slider()->setValue(step);
        }
        dialog.romLimit()->slider()->setValue(0);
        QTRY_VERIFY(!dialog.isSearching());
        QVERIFY(!dialog.proposal().isFeasible);
        QVERIFY2(dialog.verdict().startsWith(QStringLiteral("✗")), qPrintable(dialog.verdict()));
        QVERIFY(!dialog.findChild<QPushButton*>(QStringLiteral("acceptFit"))->isEnabled());
        dialog.romLimit()->box()->setValue(static_cast<int>(kTightRom));
        QTRY_VERIFY(!dialog.isSearching());
        QVERIFY(dialog.proposal().isFeasible);
        QCOMPARE(dialog.proposal().budget.romBytes, atDevice);
    }

    void tableShowsWhatChanges() {
        FitDialog dialog(*m_document);
        QTRY_VERIFY(dialog.proposal().isFeasible);
        const auto changes =
            compareConfigs(*m_document->model(), m_document->config(), dialog.proposal().config);
        const auto changed = std::count_if(changes.begin(), changes.end(),
                                           [](const FitChange& change) { return change.isChanged; });
        QVERIFY(changed > 0);
        const QAbstractItemModel* const rows = dialog.table()->model();
        QCOMPARE(rows->rowCount(), static_cast<int>(changed));
        std::int64_t rom = 0;
        for (const FitChange& change : changes) {
            rom += change.romAfter;
        }
        QCOMPARE(rom, dialog.proposal().budget.romBytes);
        for (int row = 0; row < rows->rowCount(); ++row) {
            const auto id = rows->index(row, 0).data(FitChangeModel::LayerRole).toString().toStdString();
            const auto found = std::find_if(changes.begin(), changes.end(), [&](const FitChange& change) {
                return change.layer.str() == id;
            });
            QVERIFY(found->isChanged);
            const QVariant bits =
                rows->index(row, FitChangeModel::OutputAfter).data(LayerTableModel::BitsRole);
            QCOMPARE(bits.toInt(), found->outputAfter ? found->outputAfter->bits() : 0);
        }
    }

    /// A made-up table: weights lose one image in a hundred for each bit below 8, activations three.
    void theFrontIsClickedAndAccepted() {
        auto table = std::make_shared<core::SensitivityTable>();
        table->samples = 1000;
        table->floatCorrect = 900;
        for (const core::Layer& layer : m_document->model()->layers) {
            for (const int bits : {8, 4, 2}) {
                if (layer.hasWeights()) {
                    table->add({{layer.id, core::SiteKind::Weight},
                                bits,
                                0,
                                0.001 * (8 - bits),
                                20,
                                900 - (8 - bits)});
                }
                table->add({{layer.id, core::SiteKind::Output},
                            bits,
                            0,
                            0.003 * (8 - bits),
                            20,
                            900 - 3 * (8 - bits)});
            }
        }
        table->add({{core::kInputLayer, core::SiteKind::Output}, 8, 0, 0, 20, 900});
        const core::QuantConfig before = m_document->config();
        FitDialog dialog(*m_document);
        QVERIFY(!dialog.pareto()->hasData());
        dialog.setSensitivity(table);
        QTRY_VERIFY(dialog.pareto()->hasData());
        QTRY_VERIFY(!dialog.isSearching());
        QVERIFY2(dialog.proposal().estimatedTop1.has_value(),
                 "measured sensitivities choose the optimal search");
        const auto& points = dialog.pareto()->points();
        QVERIFY(points.size() >= 2);
        for (std::size_t i = 1; i < points.size(); ++i) {
            QVERIFY(points[i].romBytes >= points[i - 1].romBytes);
        }
        dialog.setMeasured({{-7, QStringLiteral("measured"), 150'000, 89.0, {}, false, 12'288}});
        QCOMPARE(dialog.pareto()->points().size(), points.size());

        QSignalSpy queued(&dialog, &FitDialog::evaluatePointRequested);
        Q_EMIT dialog.pareto()->pointClicked(0, {});
        QCOMPARE(dialog.proposal().budget.romBytes, dialog.pareto()->points()[0].romBytes);
        QCOMPARE(*dialog.proposal().estimatedTop1, dialog.pareto()->points()[0].accuracyPercent);
        dialog.findChild<QPushButton*>(QStringLiteral("queuePoint"))->click();
        QCOMPARE(queued.size(), 1);
        QVERIFY2(m_document->config() == before, "queueing a point changes nothing");
        const core::QuantConfig proposed = dialog.proposal().config;
        dialog.findChild<QPushButton*>(QStringLiteral("acceptFit"))->click();
        QVERIFY(m_document->config() == proposed);
        QCOMPARE(m_document->undoStack()->count(), 1);
        m_document->undoStack()->undo();
        QVERIFY(m_document->config() == before);
    }

    void optimalTakesGraphsWithBranches() {
        const auto resnet = tests::smallModel("resnet8", {{"classes", 10}, {"channels", 1}, {"size", 32}});
        FitRequest request;
        request.model = resnet;
        request.config = startingConfig(*resnet);
        request.method = FitMethod::Optimal;
        const core::Budget wide = core::computeBudget(*resnet, request.config);
        request.romLimitBytes = wide.romBytes / 2;
        request.ramLimitBytes = wide.peakRamBytes;
        const FitProposal proposal = proposeFit(request);
        QVERIFY2(proposal.isFeasible, qPrintable(proposal.verdict));
        QVERIFY(proposal.budget.romBytes <= request.romLimitBytes);
        QVERIFY(!proposal.estimatedTop1);
    }

    void modelKeepsTheRules() {
        FitChangeModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.setChanges(compareConfigs(*m_document->model(), m_document->config(), {}));
        model.setChanges(compareConfigs(*m_document->model(), m_document->config(), m_document->config()));
        QCOMPARE(model.changedCount(), 0);
        model.setChanges({});
        QCOMPARE(model.rowCount(), 0);
    }

    void limitsTakeNoNonsense() {
        LimitSlider limit(QStringLiteral("ROM"));
        limit.setMaximum(1000);
        QSignalSpy changed(&limit, &LimitSlider::valueChanged);
        limit.setValue(5000);
        QCOMPARE(limit.value(), qint64{1000});
        limit.setValue(-5);
        QCOMPARE(limit.value(), qint64{0});
        limit.setValue(0);
        QCOMPARE(changed.size(), 2);
        limit.slider()->setValue(500);
        QCOMPARE(limit.value(), qint64{500});
        QCOMPARE(limit.box()->value(), 500);
        limit.box()->setValue(123);
        QCOMPARE(limit.value(), qint64{123});
    }

private:
    std::unique_ptr<QuantDocument> m_document;
};

QTEST_MAIN(TestFit)
#include "test_fit.moc"
