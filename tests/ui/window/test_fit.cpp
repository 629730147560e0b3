#include <string>

#include "core/search/fit.h"
#include "plots/pareto_plot.h"
#include "small_bench.h"
#include "tests/support/patience.h"
#include "ui/dialogs/fit_dialog.h"
#include "ui/dialogs/fit_settings.h"
#include "ui/dialogs/limit_slider.h"
#include "ui/models/fit_change_model.h"
#include "ui/models/layer_table_model.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QComboBox>
#include <QMenu>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QSpinBox>
#include <QTableView>
#include <QTest>
#include <QToolButton>

#include <set>

using namespace bitlathe;
using namespace bitlathe::ui;

namespace {

/// Bits of the configuration before as the reference: W8A8 needs some 218 KB of ROM and 12 KB of RAM.
constexpr std::int64_t kTightRom = 120'000;
constexpr std::int64_t kTightRam = 20'000;

}  // namespace

Q_DECLARE_METATYPE(core::FitMethod)
Q_DECLARE_METATYPE(core::RamModel)

class TestFit final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_document = std::make_unique<QuantDocument>();
        m_document->open(tests::smallContent(tests::smallModel()));
        m_document->setDevice(tests::smallDevice(kTightRom, kTightRam));
    }
    void cleanup() { m_document.reset(); }

    void proposalIsTheSearchAndTheBudget_data() {
        QTest::addColumn<core::FitMethod>("method");
        QTest::addColumn<core::RamModel>("ramModel");
        for (const core::FitMethod method : {core::FitMethod::MixPL, core::FitMethod::MixPC,
                                             core::FitMethod::Ilp, core::FitMethod::Greedy}) {
            for (const core::RamModel model :
                 {core::RamModel::InOut, core::RamModel::Lifetimes, core::RamModel::Arena}) {
                QTest::addRow("%s %s", core::fitMethodName(method).data(), core::ramModelName(model).data())
                    << method << model;
            }
        }
    }
    void proposalIsTheSearchAndTheBudget() {
        QFETCH(core::FitMethod, method);
        QFETCH(core::RamModel, ramModel);
        FitQuestion question = tightQuestion();
        question.search.method = method;
        question.search.ramModel = ramModel;
        const FitProposal proposal = proposeFit(question);
        const core::FitResult expected =
            core::fitBits(*question.model, question.config, question.search, nullptr);
        QVERIFY2(expected.isFeasible, expected.verdict.c_str());
        QVERIFY2(proposal.isFeasible, qPrintable(proposal.verdict));
        QVERIFY(proposal.config == expected.config);
        QCOMPARE(proposal.budget.romBytes, expected.budget.romBytes);
        QCOMPARE(proposal.budget.peakRamBytes, expected.budget.peakRamBytes);
        QCOMPARE(proposal.budget.ramModel, ramModel);
        QVERIFY(proposal.budget.romBytes <= kTightRom && proposal.budget.peakRamBytes <= kTightRam);
        QCOMPARE(proposal.before.romBytes, m_document->budget().romBytes);
        QVERIFY2(!proposal.method.isEmpty(), "says what found it");
    }

    void widthsAreKept() {
        FitQuestion question = tightQuestion();
        question.search.method = core::FitMethod::Greedy;
        question.search.bits.weights = {7, 5, 3};
        question.search.bits.activations = {8, 6};
        const FitProposal proposal = proposeFit(question);
        QVERIFY2(proposal.isFeasible, qPrintable(proposal.verdict));
        const std::set<int> weights{7, 5, 3}, activations{8, 6};
        for (const FitChange& change : compareConfigs(*question.model, question.config, proposal.config)) {
            QVERIFY(!change.hasWeights || weights.contains(change.weightAfter->bits()));
            QVERIFY(!change.outputAfter || activations.contains(change.outputAfter->bits()));
        }
    }

    /// A main region too small for the model, and a bank beside it that takes what is left over.
    void otherBanksTakeTensors() {
        core::Device device = tests::smallDevice(kTightRom, kTightRam);
        device.ram.push_back({"CCM", 16'384, false, false, "not contiguous with the main RAM"});
        FitQuestion question = tightQuestion();
        question.search.ramModel = core::RamModel::Arena;
        question.search.bits.activations = {8};
        const std::int64_t whole =
            core::computeBudget(*question.model, question.config, core::RamModel::Arena).arena.bytes;
        const std::int64_t mainBytes = whole - 1000;
        core::useBanks(question.search, core::ramBanks(device), mainBytes);
        QCOMPARE(question.search.limits.ramBytes, mainBytes);
        QVERIFY(!proposeFit(question).isFeasible);
        core::useBanks(question.search, core::ramBanks(device, true), mainBytes);
        QCOMPARE(question.search.limits.ramBytes, mainBytes + 16'384);
        const FitProposal proposal = proposeFit(question);
        QVERIFY2(proposal.isFeasible, qPrintable(proposal.verdict));
        QVERIFY(proposal.budget.arena.isPlaced());
        QVERIFY(proposal.budget.arena.bankBytes[0] <= mainBytes);
        QVERIFY(proposal.budget.arena.bankBytes[1] > 0);
        QVERIFY2(proposal.verdict.contains(QStringLiteral("CCM")), qPrintable(proposal.verdict));
    }

    void impossibleLimitsNameTheLayer() {
        FitQuestion question = tightQuestion();
        question.search.limits.romBytes = 1000;
        const FitProposal proposal = proposeFit(question);
        QVERIFY(!proposal.isFeasible);
        QVERIFY(!proposal.bindingLayer.empty());
        QVERIFY(proposal.config == question.config);
        QVERIFY2(proposal.verdict.contains(QStringLiteral("ROM")), qPrintable(proposal.verdict));
    }

    /// The search refuses widths that cannot be, and the proposal says so instead of throwing.
    void whatTheSearchRefusesIsSaid() {
        FitQuestion question = tightQuestion();
        question.search.bits.weights = {12};
        const FitProposal proposal = proposeFit(question);
        QVERIFY(!proposal.isFeasible);
        QVERIFY2(proposal.verdict.contains(QStringLiteral("12")), qPrintable(proposal.verdict));
        QVERIFY(proposal.config == question.config);
    }

    /// Accepting is one undo step, and undo brings everything back.
    void acceptedIsOneStep() {
        const core::QuantConfig before = m_document->config();
        FitDialog dialog(*m_document);
        QSignalSpy evaluate(&dialog, &FitDialog::evaluateRequested);
        QTRY_VERIFY_WITH_TIMEOUT(dialog.proposal().isFeasible, tests::kPatienceMs);
        QCOMPARE(dialog.settings()->romLimit()->value(), kTightRom);
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
        QTRY_VERIFY_WITH_TIMEOUT(dialog.proposal().isFeasible, tests::kPatienceMs);
        dialog.show();
        QTest::keyClick(&dialog, Qt::Key_Escape);
        QVERIFY(!dialog.isVisible());
        QVERIFY(m_document->config() == before);
        QCOMPARE(m_document->undoStack()->count(), 0);
    }

    void slidersSearchAnewAndTheNewestWins() {
        FitDialog dialog(*m_document);
        QTRY_VERIFY_WITH_TIMEOUT(dialog.proposal().isFeasible, tests::kPatienceMs);
        const std::int64_t atDevice = dialog.proposal().budget.romBytes;
        // Down to what nothing fits, in steps as a drag makes them.
        for (int step = dialog.settings()->romLimit()->slider()->value(); step >= 0; step -= 50) {
            dialog.settings()->romLimit()->slider()->setValue(step);
        }
        dialog.settings()->romLimit()->slider()->setValue(0);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isSearching(), tests::kPatienceMs);
        QVERIFY(!dialog.proposal().isFeasible);
        QVERIFY2(dialog.verdict().startsWith(QStringLiteral("✗")), qPrintable(dialog.verdict()));
        QVERIFY(!dialog.findChild<QPushButton*>(QStringLiteral("acceptFit"))->isEnabled());
        dialog.settings()->romLimit()->box()->setValue(static_cast<int>(kTightRom));
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isSearching(), tests::kPatienceMs);
        QVERIFY(dialog.proposal().isFeasible);
        QCOMPARE(dialog.proposal().budget.romBytes, atDevice);
    }

    /// What the firmware keeps is taken off the limits, and accepting keeps it, in one undo step.
    void allowancesMoveTheLimits() {
        FitDialog dialog(*m_document);
        QTRY_VERIFY_WITH_TIMEOUT(dialog.proposal().isFeasible, tests::kPatienceMs);
        const core::QuantConfig before = m_document->config();
        FitSettings& settings = *dialog.settings();
        settings.stackBytes()->setValue(12'288);
        settings.codeBytes()->setValue(8'192);
        QCOMPARE(settings.ramLimit()->value(), kTightRam - 12'288);
        QCOMPARE(settings.romLimit()->value(), kTightRom - 8'192);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isSearching(), tests::kPatienceMs);
        QVERIFY2(dialog.proposal().isFeasible, qPrintable(dialog.verdict()));
        QVERIFY(dialog.proposal().budget.romBytes <= kTightRom - 8'192);
        QCOMPARE(m_document->device()->reservedRamBytes, std::int64_t{0});
        dialog.findChild<QPushButton*>(QStringLiteral("acceptFit"))->click();
        QCOMPARE(m_document->device()->reservedRamBytes, std::int64_t{12'288});
        QCOMPARE(m_document->device()->romLimitBytes(), kTightRom - 8'192);
        QCOMPARE(m_document->undoStack()->count(), 1);
        m_document->undoStack()->undo();
        QCOMPARE(m_document->device()->reservedRamBytes, std::int64_t{0});
        QVERIFY(m_document->config() == before);
    }

    void settingsAskForWhatTheyShow() {
        core::Device device = tests::smallDevice(kTightRom, kTightRam);
        device.ram.push_back({"CCM", 16'384, false, false, "not contiguous with the main RAM"});
        FitSettings settings(m_document->budget(), device);
        QSignalSpy changed(&settings, &FitSettings::changed);
        QSignalSpy space(&settings, &FitSettings::spaceChanged);
        QVERIFY2(!settings.banks()->isEnabled(), "only an arena places tensors");
        settings.choose(core::FitMethod::Greedy);
        QCOMPARE(changed.size(), 1);
        QCOMPARE(space.size(), 0);
        settings.ramModel()->setCurrentIndex(
            settings.ramModel()->findData(static_cast<int>(core::RamModel::Arena)));
        QVERIFY(settings.banks()->isEnabled());
        settings.banks()->menu()->actions().front()->setChecked(true);
        settings.weightBits(2)->setChecked(false);
        settings.weightBits(3)->setChecked(true);
        settings.activationBits(4)->setChecked(false);
        QCOMPARE(space.size(), 5);
        const core::FitRequest request = settings.request();
        QCOMPARE(request.method, core::FitMethod::Greedy);
        QCOMPARE(request.ramModel, core::RamModel::Arena);
        QCOMPARE(request.banks.size(), std::size_t{2});
        QCOMPARE(request.banks[1].name, std::string("CCM"));
        QCOMPARE(request.limits.ramBytes, settings.ramLimit()->value() + 16'384);
        QCOMPARE(request.bits.weights, (std::vector<int>{8, 4, 3}));
        QCOMPARE(request.bits.activations, (std::vector<int>{8, 2}));
        settings.activationBits(8)->setChecked(false);
        settings.activationBits(2)->setChecked(false);
        QVERIFY2(settings.activationBits(2)->isChecked(), "the last width stays");
    }

    void withoutADeviceThereIsNothingToKeep() {
        m_document->setDevice(std::nullopt);
        FitDialog dialog(*m_document);
        QVERIFY(!dialog.settings()->stackBytes()->isEnabled());
        QVERIFY(!dialog.settings()->codeBytes()->isEnabled());
        QCOMPARE(dialog.settings()->romLimit()->value(), m_document->budget().romBytes);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isSearching(), tests::kPatienceMs);
        QVERIFY2(dialog.proposal().isFeasible, qPrintable(dialog.verdict()));
    }

    void tableShowsWhatChanges() {
        FitDialog dialog(*m_document);
        QTRY_VERIFY_WITH_TIMEOUT(dialog.proposal().isFeasible, tests::kPatienceMs);
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
        QTRY_VERIFY_WITH_TIMEOUT(dialog.pareto()->hasData(), tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isSearching(), tests::kPatienceMs);
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
        FitQuestion question;
        question.model = resnet;
        question.config = startingConfig(*resnet);
        question.search.method = core::FitMethod::Ilp;
        const core::Budget wide = core::computeBudget(*resnet, question.config);
        question.search.limits = {wide.romBytes / 2, wide.peakRamBytes, {}};
        const FitProposal proposal = proposeFit(question);
        QVERIFY2(proposal.isFeasible, qPrintable(proposal.verdict));
        QVERIFY(proposal.budget.romBytes <= question.search.limits.romBytes);
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
    FitQuestion tightQuestion() const {
        FitQuestion question;
        question.model = m_document->model();
        question.config = m_document->config();
        question.search.method = core::FitMethod::MixPC;
        question.search.limits = {kTightRom, kTightRam, {}};
        return question;
    }

    std::unique_ptr<QuantDocument> m_document;
};

QTEST_MAIN(TestFit)
#include "test_fit.moc"
