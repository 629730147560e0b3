#include <string>

#include "core/ptq/post_training.h"
#include "core/registry/registry.h"
#include "small_bench.h"
#include "ui/document/config_edits.h"
#include "ui/document/site_evaluation.h"
#include "ui/panels/method_editor.h"
#include "ui/panels/post_training_panel.h"

#include <QDoubleSpinBox>
#include <QListWidget>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace bitlathe;
using namespace bitlathe::ui;

class TestPostTrainingPanel final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_document = std::make_unique<QuantDocument>();
        m_document->open(tests::smallContent(tests::smallModel()));
        m_panel = std::make_unique<PostTrainingPanel>(*m_document);
        m_panel->resize(900, 240);
        m_panel->show();
        m_panel->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(m_panel.get()));
    }
    void cleanup() {
        m_panel.reset();
        m_document.reset();
    }

    void addRemoveAndUndo() {
        m_panel->add(QStringLiteral("weight_clipping"));
        m_panel->add(QStringLiteral("weight_correction"));
        QCOMPARE(names(), (QStringList{"weight_clipping", "weight_correction"}));
        QCOMPARE(m_panel->list()->count(), 2);
        QCOMPARE(m_panel->list()->currentRow(), 1);
        m_panel->list()->setFocus();
        QTest::keyClick(m_panel->list(), Qt::Key_Delete);
        QCOMPARE(names(), QStringList{"weight_clipping"});
        m_document->undoStack()->undo();
        QCOMPARE(names(), (QStringList{"weight_clipping", "weight_correction"}));
        m_document->undoStack()->undo();
        m_document->undoStack()->undo();
        QVERIFY(names().isEmpty());
        QCOMPARE(m_panel->list()->count(), 0);
        QVERIFY(m_panel->summary().isEmpty());
    }

    /// An order that cannot work is refused with both names, and nothing is pushed.
    void impossibleOrdersAreRefused() {
        QSignalSpy refused(m_panel.get(), &PostTrainingPanel::editRefused);
        m_panel->add(QStringLiteral("weight_clipping"));
        m_panel->add(QStringLiteral("weight_correction"));
        m_panel->moveCurrent(-1);
        QCOMPARE(refused.size(), 1);
        QVERIFY2(refused[0][0].toString().contains(QStringLiteral("weight_clipping")),
                 qPrintable(refused[0][0].toString()));
        QCOMPARE(names(), (QStringList{"weight_clipping", "weight_correction"}));
        QCOMPARE(m_document->undoStack()->count(), 2);
        QVERIFY(!setPostTraining(*m_document, {{"no_such_method", {}}}, QStringLiteral("x")).isEmpty());
        QCOMPARE(m_document->undoStack()->count(), 2);
    }

    void reorderingIsUndoable() {
        m_panel->add(QStringLiteral("bias_correction"));
        m_panel->add(QStringLiteral("bias_correction"));
        QVERIFY(setPostTraining(*m_document,
                                {{"bias_correction", {{"form", 1.0}}}, {"bias_correction", {{"form", 0.0}}}},
                                QStringLiteral("test"))
                    .isEmpty());
        m_panel->list()->setCurrentRow(0);
        m_panel->list()->setFocus();
        QTest::keyClick(m_panel->list(), Qt::Key_Down, Qt::AltModifier);
        QCOMPARE(m_panel->list()->currentRow(), 1);
        QCOMPARE(m_document->config().postTraining[1].params.at("form"), 1.0);
        m_document->undoStack()->undo();
        QCOMPARE(m_document->config().postTraining[0].params.at("form"), 1.0);
    }

    /// Typing one parameter step by step is one undo step.
    void parametersComeFromTheRegistry() {
        m_panel->add(QStringLiteral("weight_clipping"));
        auto* const ratio = m_panel->editor()->findChild<QDoubleSpinBox*>();
        QVERIFY(ratio != nullptr);
        QCOMPARE(ratio->value(), core::postTrainingRegistry().info("weight_clipping").params[0].defaultValue);
        ratio->setValue(8);
        ratio->setValue(9);
        QCOMPARE(m_document->config().postTraining[0].params.at("ratio"), 9.0);
        QCOMPARE(m_document->undoStack()->count(), 2);
        m_document->undoStack()->undo();
        QVERIFY(m_document->config().postTraining[0].params.empty());
    }

    void savedWithTheRecipeAndPerConfiguration() {
        m_panel->add(QStringLiteral("weight_clipping"));
        const experiments::Recipe recipe = m_document->toRecipe();
        const core::QuantConfig again =
            experiments::buildConfig(recipe.variants.front().config, *m_document->model());
        QVERIFY(again.postTraining == m_document->config().postTraining);
        m_document->setVariants(m_document->variants(), 1);
        QCOMPARE(m_panel->list()->count(), 0);
        m_document->setVariants(m_document->variants(), 0);
        QCOMPARE(m_panel->list()->count(), 1);
    }

    /// Each mode is stored and undone; a kept batch norm quantizes the unfolded weights.
    void batchNormModes() {
        const auto& layers = m_document->model()->layers;
        const auto layer = std::find_if(layers.begin(), layers.end(),
                                        [](const core::Layer& each) { return each.hasBatchNorm; });
        QVERIFY(layer != layers.end());
        const core::SiteId weight{layer->id, core::SiteKind::Weight};
        const core::Range folded = m_document->siteStatistics(weight)->histogram.occupiedRange();
        for (const core::BatchNormMode mode :
             {core::BatchNormMode::NotFolded, core::BatchNormMode::Icn, core::BatchNormMode::FakeBn}) {
            QCOMPARE(setBatchNormMode(*m_document, {layer->id}, mode), QString());
            QCOMPARE(m_document->layerConfig(layer->id).batchNorm, mode);
            const SiteQuestion question = m_document->question(weight);
            const core::SiteStatistics exact = core::weightStatistics(
                core::layerWeights(*question.model, *question.model->findLayer(layer->id)));
            QCOMPARE(m_document->siteStatistics(weight)->maximum, exact.maximum);
            QVERIFY2(m_document->siteState(weight).problem.isEmpty(),
                     qPrintable(m_document->siteState(weight).problem));
            const core::QuantConfig again = experiments::buildConfig(
                m_document->toRecipe().variants.front().config, *m_document->model());
            QCOMPARE(again.layers.at(layer->id).batchNorm, mode);
            m_document->undoStack()->undo();
            QCOMPARE(m_document->siteStatistics(weight)->histogram.occupiedRange(), folded);
        }
    }

    void layersCanBeLeftOut() {
        const core::LayerId layer = m_document->model()->layers.front().id;
        QCOMPARE(setTakesPostTraining(*m_document, {layer}, false), QString());
        QVERIFY(!m_document->layerConfig(layer).takesPostTraining);
        m_document->undoStack()->undo();
        QVERIFY(m_document->layerConfig(layer).takesPostTraining);
    }

private:
    QStringList names() const {
        QStringList result;
        for (const core::MethodSpec& method : m_document->config().postTraining) {
            result += QString::fromStdString(method.name);
        }
        return result;
    }

    std::unique_ptr<QuantDocument> m_document;
    std::unique_ptr<PostTrainingPanel> m_panel;
};

QTEST_MAIN(TestPostTrainingPanel)
#include "test_post_training_panel.moc"
