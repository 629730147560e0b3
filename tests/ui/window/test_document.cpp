#include <string>

#include "small_bench.h"
#include "tests/support/patience.h"
#include "ui/commands/set_data_command.h"
#include "ui/commands/set_device_command.h"
#include "ui/commands/set_layer_config_command.h"
#include "ui/commands/set_variants_command.h"
#include "ui/document/config_edits.h"
#include "ui/document/layer_title.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTest>

using namespace bitlathe;
using namespace bitlathe::ui;

namespace {

core::SiteId output(const core::LayerId& layer) {
    return {layer, core::SiteKind::Output};
}

}  // namespace

class TestDocument final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_model = tests::smallModel();
        m_document = std::make_unique<QuantDocument>();
        m_document->open(tests::smallContent(m_model));
        m_layer = m_model->layers[3].id;
    }

    void opensWithEverythingDerived() {
        QVERIFY(m_document->hasModel());
        QVERIFY(m_document->undoStack()->isClean());
        QCOMPARE(m_document->budget().layers.size(), m_model->layers.size());
        for (const core::Layer& layer : m_model->layers) {
            if (layer.isQuantizable) {
                QVERIFY2(m_document->siteState(output(layer.id)).error.has_value(), layer.id.str().c_str());
            }
        }
        QCOMPARE(
            m_document->layersByError().size(),
            static_cast<std::size_t>(std::count_if(m_model->layers.begin(), m_model->layers.end(),
                                                   [](const auto& layer) { return layer.isQuantizable; })));
    }

    void layerConfigPushUndoRedo() {
        const core::LayerQuant before = m_document->layerConfig(m_layer);
        const double sqnrBefore = m_document->siteState({m_layer, core::SiteKind::Weight}).error->sqnrDb;
        const auto romBefore = m_document->budget().romBytes;
        QSignalSpy changed(m_document.get(), &QuantDocument::layerConfigChanged);
        QVERIFY(setBits(*m_document, {m_layer}, core::SiteKind::Weight, 4).isEmpty());
        QCOMPARE(changed.size(), 1);
        QCOMPARE(m_document->layerConfig(m_layer).weight.bits->bits(), 4);
        const double sqnrAfter = m_document->siteState({m_layer, core::SiteKind::Weight}).error->sqnrDb;
        // Four bits less are 24 dB for a uniform error; per-channel clipping leaves it between 15 and 35.
        QVERIFY(sqnrBefore - sqnrAfter > 15 && sqnrBefore - sqnrAfter < 35);
        QVERIFY(m_document->budget().romBytes < romBefore);
        m_document->undoStack()->undo();
        QVERIFY(m_document->layerConfig(m_layer) == before);
        QCOMPARE(m_document->budget().romBytes, romBefore);
        QCOMPARE(m_document->siteState({m_layer, core::SiteKind::Weight}).error->sqnrDb, sqnrBefore);
        m_document->undoStack()->redo();
        QCOMPARE(m_document->layerConfig(m_layer).weight.bits->bits(), 4);
    }

    void editsThatChangeNothingLeaveNoStep() {
        setBits(*m_document, {m_layer}, core::SiteKind::Weight, 8);
        QCOMPARE(m_document->undoStack()->count(), 0);
        m_document->undoStack()->push(
            new SetLayerConfigCommand(*m_document, {{m_layer, m_document->layerConfig(m_layer)}}, "nothing"));
        QCOMPARE(m_document->undoStack()->count(), 0);
    }

    void oneGestureIsOneStep() {
        const quint64 drag = m_document->nextGesture();
        for (const double upper : {5.0, 4.0, 3.0}) {
            setManualRange(*m_document, output(m_layer), core::Range{0, upper}, drag);
        }
        QCOMPARE(m_document->undoStack()->count(), 1);
        QCOMPARE(m_document->config().site(output(m_layer)).manualRange->upper, 3.0);
        setManualRange(*m_document, output(m_layer), core::Range{0, 2.0}, m_document->nextGesture());
        QCOMPARE(m_document->undoStack()->count(), 2);
        m_document->undoStack()->undo();
        m_document->undoStack()->undo();
        QVERIFY(!m_document->config().site(output(m_layer)).manualRange);
    }

    void aGestureThatEndsWhereItBeganDisappears() {
        const core::LayerQuant before = m_document->layerConfig(m_layer);
        const quint64 drag = m_document->nextGesture();
        setManualRange(*m_document, output(m_layer), core::Range{0, 2}, drag);
        m_document->undoStack()->push(
            new SetLayerConfigCommand(*m_document, {{m_layer, before}}, "back", drag));
        QCOMPARE(m_document->undoStack()->count(), 0);
        QVERIFY(m_document->layerConfig(m_layer) == before);
        QVERIFY(m_document->undoStack()->isClean());
    }

    void manualRangeChangesErrorAgainstObserver() {
        const SiteState before = m_document->siteState(output(m_layer));
        setManualRange(*m_document, output(m_layer), core::Range{0, 2.0 * (1 + 0.1 * 3)});
        const SiteState& after = m_document->siteState(output(m_layer));
        QVERIFY(after.error->clippedShare > before.error->clippedShare);
        QVERIFY(after.error->sqnrDb != before.error->sqnrDb);
        QCOMPARE(after.observerError->sqnrDb, before.error->sqnrDb);
    }

    void aRefusedEditChangesNothing() {
        const QString refusal =
            setObserver(*m_document, {m_layer}, core::SiteKind::Output, {"no_such_observer", {}});
        QVERIFY(refusal.contains("no_such_observer"));
        QVERIFY(refusal.contains("min_max"));
        QCOMPARE(m_document->undoStack()->count(), 0);
    }

    void inputIsALayerToo() {
        QVERIFY(setBits(*m_document, {core::kInputLayer}, core::SiteKind::Output, 4).isEmpty());
        QCOMPARE(m_document->config().input.bits->bits(), 4);
        m_document->undoStack()->undo();
        QCOMPARE(m_document->config().input.bits->bits(), 8);
    }

    void variantsPushUndoRedo() {
        m_document->undoStack()->push(
            new SetVariantsCommand(*m_document, m_document->variants(), 1, "float"));
        QCOMPARE(m_document->activeVariant(), 1);
        QVERIFY(m_document->config().layers.empty());
        QVERIFY(m_document->layersByError().empty());
        m_document->undoStack()->undo();
        QCOMPARE(m_document->activeVariant(), 0);
        QVERIFY(!m_document->layersByError().empty());
        m_document->undoStack()->redo();
        QCOMPARE(m_document->activeVariant(), 1);
    }

    void devicePushUndoRedo() {
        QSignalSpy changed(m_document.get(), &QuantDocument::deviceChanged);
        m_document->undoStack()->push(new SetDeviceCommand(*m_document, tests::smallDevice()));
        QCOMPARE(m_document->device()->id, "small");
        m_document->undoStack()->undo();
        QVERIFY(!m_document->device());
        m_document->undoStack()->redo();
        QCOMPARE(m_document->device()->id, "small");
        QCOMPARE(changed.size(), 3);
        m_document->undoStack()->push(new SetDeviceCommand(*m_document, tests::smallDevice()));
        QCOMPARE(m_document->undoStack()->count(), 1);
    }

    void otherDataDropStatisticsAndUndoBringsThemBack() {
        const auto statistics = m_document->statistics();
        core::DataSpec data = m_document->recipe().data;
        data.pad = 3;
        m_document->undoStack()->push(new SetDataCommand(*m_document, data, m_document->calibration()));
        QVERIFY(!m_document->statistics());
        QCOMPARE(m_document->recipe().data.pad, 3);
        QVERIFY(!m_document->siteState(output(m_layer)).error);
        QVERIFY(m_document->siteState(output(m_layer)).problem.contains("Calibrate"));
        m_document->undoStack()->undo();
        QCOMPARE(m_document->statistics(), statistics);
        QCOMPARE(m_document->recipe().data.pad, 0);
        m_document->undoStack()->redo();
        QVERIFY(!m_document->statistics());
    }

    void statisticsOfAnotherModelAreRefused() {
        auto foreign = std::make_shared<core::Statistics>(*m_document->statistics());
        foreign->modelHash = "another";
        QVERIFY(!m_document->setStatistics(foreign));
        QVERIFY(m_document->statistics() != foreign);
    }

    void recipeCarriesTheEdits() {
        setBits(*m_document, {m_layer}, core::SiteKind::Weight, 3);
        m_document->setDevice(tests::smallDevice());
        const experiments::Recipe recipe = m_document->toRecipe();
        QCOMPARE(recipe.variants.size(), std::size_t{2});
        QCOMPARE(recipe.device, "small");
        QVERIFY(experiments::buildConfig(recipe.variants[0].config, *m_model) == m_document->config());
        QCOMPARE(m_document->toActiveRecipe().variants.size(), std::size_t{1});
    }

    /// Passes over many weights run aside; the newest edit's answer is the one that stays.
    void longPassesAnswerLaterAndTheNewestWins() {
        const auto large = tests::smallModel("resnet18", {});
        m_document->open(tests::smallContent(large));
        const auto biggest =
            std::max_element(large->layers.begin(), large->layers.end(),
                             [](const auto& a, const auto& b) { return a.weightCount < b.weightCount; });
        const core::SiteId site{biggest->id, core::SiteKind::Weight};
        QTRY_VERIFY_WITH_TIMEOUT(!m_document->siteState(site).isPending, tests::kPatienceMs);
        setBits(*m_document, {biggest->id}, core::SiteKind::Weight, 2);
        setBits(*m_document, {biggest->id}, core::SiteKind::Weight, 6);
        QVERIFY(m_document->siteState(site).isPending);
        QVERIFY(!m_document->siteState(site).error);
        QTRY_VERIFY_WITH_TIMEOUT(m_document->siteState(site).error.has_value(), tests::kPatienceMs);
        // 6 bits per channel lie well above 20 dB, 2 bits well below.
        QVERIFY(m_document->siteState(site).error->sqnrDb > 20);
    }

    void titlesForPeople() {
        QCOMPARE(layerTitle(core::LayerId("blocks.6.pointwise.conv")), QStringLiteral("block 6 · pointwise"));
        QCOMPARE(layerTitle(core::LayerId("stem.conv")), QStringLiteral("stem"));
        QCOMPARE(layerTitle(core::LayerId("conv")), QStringLiteral("conv"));
        QCOMPARE(groupedNumber(1234567), QStringLiteral("1,234,567"));
    }

private:
    std::shared_ptr<const core::PreparedModel> m_model;
    std::unique_ptr<QuantDocument> m_document;
    core::LayerId m_layer;
};

QTEST_MAIN(TestDocument)
#include "test_document.moc"
