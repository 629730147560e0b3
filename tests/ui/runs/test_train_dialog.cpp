#include <string>

#include "core/graph/prepare.h"
#include "core/zoo/zoo.h"
#include "experiments/resources/resource_folder.h"
#include "tests/ui/window/small_bench.h"
#include "ui/dialogs/train/optimizer_section.h"
#include "ui/dialogs/train_dialog.h"
#include "ui/models/parameter_rule_model.h"
#include "ui/panels/folded_section.h"

#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QLineEdit>
#include <QPushButton>
#include <QRadioButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QtTest>

#include <filesystem>

using namespace bitlathe;
using namespace bitlathe::ui;
using experiments::QatStage;

namespace {

/// Every option away from its default.
QatStage unusualStage() {
    QatStage stage;
    core::TrainOptions& options = stage.options;
    options.epochs = 3;
    options.batchSize = 64;
    options.learningRate = 0.0375;
    options.optimizer = {"adamw", {{"beta1", 0.8}}};
    options.schedule = {{"multistep", {{"factor", 0.25}}}, {0.7, 1.3}, 0.5, 1.0 / 3};
    options.weightDecay = 3e-5;
    core::ParameterRule ranges;
    ranges.kinds = {core::ParameterKind::Range, core::ParameterKind::Bias};
    ranges.learningRateFactor = 0.1;
    core::ParameterRule named;
    named.name = "stem.*";
    named.maxElements = 100;
    named.weightDecay = 0;
    options.rules = {ranges, named};
    options.labelSmoothing = 0.1;
    options.distillation = {0.4, 2.5};
    options.augmentation = {true, 3};
    options.clipGradientNorm = 1.5;
    options.precision = core::Precision::BFloat16;
    options.keep = core::KeptWeights::Best;
    options.validationSamples = 500;
    options.checkpointMinutes = 2.5;
    stage.samples = 5000;
    stage.quantization.batchNorm = core::BatchNormTraining::DelayedFold;
    stage.quantization.foldDelayEpochs = 0.4;
    stage.quantization.freezeBatchNormAtEpoch = 2.25;
    stage.quantization.freezeRangesAtEpoch = 2.5;
    stage.quantization.quantizeActivationsFromEpoch = 0.125;
    return stage;
}

nlohmann::json jsonOf(const experiments::Stage& stage) {
    experiments::Recipe recipe;
    recipe.name = "one stage";
    recipe.model.zoo = "resnet8";
    recipe.stages = {stage};
    return recipe.toJson().at("stages");
}

TrainDialog::Offer offerOf(const QatStage& stage) {
    TrainDialog::Offer offer;
    offer.request.quantized = stage;
    offer.configuration = "LSQ W4A4";
    return offer;
}

template <typename Widget>
Widget* named(const QDialog& dialog, const char* name) {
    return dialog.findChild<Widget*>(QLatin1String(name));
}

}  // namespace

class TestTrainDialog : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void givesBackEveryOptionItWasGiven() {
        const TrainDialog dialog(offerOf(unusualStage()));
        QVERIFY2(dialog.problem().isEmpty(), qPrintable(dialog.problem()));
        QVERIFY(dialog.request().isQuantized);
        const nlohmann::json given = jsonOf(dialog.request().quantized);
        const nlohmann::json wanted = jsonOf(unusualStage());
        QVERIFY2(given == wanted, (given.dump(1) + "\nwanted\n" + wanted.dump(1)).c_str());
    }

    void floatTrainingGivesBackEveryOptionToo() {
        TrainDialog::Offer offer;
        offer.request.isQuantized = false;
        offer.request.floating.options = unusualStage().options;
        offer.request.floating.output = "trained.pt";
        const TrainDialog dialog(offer);
        QVERIFY(!dialog.request().isQuantized);
        const nlohmann::json given = jsonOf(dialog.request().floating);
        QVERIFY2(given == jsonOf(offer.request.floating), given.dump(1).c_str());
        QVERIFY(!dialog.fold(0)->isVisibleTo(&dialog));  // nothing of quantization is asked
    }

    /// Looking at the other kind and coming back loses nothing of either.
    void bothKindsKeepTheirOptions() {
        TrainDialog dialog(offerOf(unusualStage()));
        named<QRadioButton>(dialog, "trainFloat")->click();
        QVERIFY(!dialog.request().isQuantized);
        QCOMPARE(dialog.request().options().epochs, core::TrainOptions().epochs);
        named<QSpinBox>(dialog, "epochs")->setValue(9);
        named<QRadioButton>(dialog, "trainQuantized")->click();
        QVERIFY(jsonOf(dialog.request().quantized) == jsonOf(unusualStage()));
        QCOMPARE(dialog.request().floating.options.epochs, 9);
    }

    /// Milestones and freezes lie at shares of the training to a person.
    void longerTrainingsMoveWhatLiesInsideThem() {
        TrainDialog dialog(offerOf(unusualStage()));
        named<QSpinBox>(dialog, "epochs")->setValue(6);
        const QatStage stage = dialog.request().quantized;
        QCOMPARE(stage.options.schedule.milestones, (std::vector<double>{1.4, 2.6}));
        QCOMPARE(*stage.quantization.freezeBatchNormAtEpoch, 4.5);
        QCOMPARE(*stage.quantization.freezeRangesAtEpoch, 5.0);
        QVERIFY2(dialog.problem().isEmpty(), qPrintable(dialog.problem()));
    }

    void whatCannotStartSaysWhy() {
        TrainDialog dialog(offerOf(unusualStage()));
        auto* const start = named<QPushButton>(dialog, "startTraining");
        QVERIFY(start->isEnabled());
        named<QLineEdit>(dialog, "milestones")->setText("0.5, later");
        QVERIFY(dialog.problem().contains("Milestones"));
        QVERIFY(!start->isEnabled());
        named<QLineEdit>(dialog, "milestones")->setText("2, 1");  // do not ascend: core says it
        QVERIFY(!dialog.problem().isEmpty());
        named<QLineEdit>(dialog, "milestones")->setText("1, 2");
        QVERIFY2(dialog.problem().isEmpty(), qPrintable(dialog.problem()));
        QVERIFY(start->isEnabled());
    }

    void aConfigurationThatCannotBeTrainedIsSaid() {
        TrainDialog::Offer offer = offerOf(unusualStage());
        offer.quantizedProblem = "It has post-training methods.";
        TrainDialog dialog(offer);
        QCOMPARE(dialog.problem(), offer.quantizedProblem);
        QVERIFY(!named<QPushButton>(dialog, "startTraining")->isEnabled());
        named<QRadioButton>(dialog, "trainFloat")->click();
        QVERIFY2(dialog.problem().isEmpty(), qPrintable(dialog.problem()));
    }

    void startsFromARunOfTheLog() {
        TrainDialog::Offer offer = offerOf(unusualStage());
        offer.runs = {{12, "12 · LSQ W8A8 · 91.00 %"}, {7, "7 · LSQ W8A8 · 90.00 %"}};
        TrainDialog dialog(offer);
        auto* const start = named<QComboBox>(dialog, "startFrom");
        QCOMPARE(start->count(), 3);
        QCOMPARE(dialog.request().startRun, 0);
        start->setCurrentIndex(2);
        QCOMPARE(dialog.request().startRun, 7);
        named<QSpinBox>(dialog, "workers")->setValue(2);
        QVERIFY(dialog.problem().contains("workers"));
    }

    void summariesTellWhatIsFolded() {
        const TrainDialog dialog(offerOf(unusualStage()));
        QVERIFY2(dialog.fold(0)->summary().contains("2.25"), qPrintable(dialog.fold(0)->summary()));
        QVERIFY2(dialog.fold(1)->summary().contains("2 rule"), qPrintable(dialog.fold(1)->summary()));
        QVERIFY2(dialog.fold(2)->summary().contains("0.1"), qPrintable(dialog.fold(2)->summary()));
        QVERIFY2(dialog.fold(3)->summary().contains("bfloat16"), qPrintable(dialog.fold(3)->summary()));
        QVERIFY(!dialog.fold(1)->isOpen());
    }

    void rulesAreEditedAsText() {
        ParameterRuleModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QSignalSpy refused(&model, &ParameterRuleModel::refused);
        model.add({});
        const auto edit = [&](int column, const QString& text) {
            return model.setData(model.index(0, column), text, Qt::EditRole);
        };
        QVERIFY(edit(ParameterRuleModel::Kinds, "batch norm, depthwise_conv"));
        QVERIFY(edit(ParameterRuleModel::Name, "blocks.*"));
        QVERIFY(edit(ParameterRuleModel::MaxElements, "64"));
        QVERIFY(edit(ParameterRuleModel::LearningRate, "0.1"));
        QVERIFY(edit(ParameterRuleModel::WeightDecay, "0"));
        const core::ParameterRule rule = model.rules().front();
        QVERIFY(rule.kinds ==
                (std::vector{core::ParameterKind::BatchNorm, core::ParameterKind::DepthwiseConv}));
        QCOMPARE(rule.name, std::string("blocks.*"));
        QCOMPARE(rule.maxElements, 64);
        QCOMPARE(*rule.learningRateFactor, 0.1);
        QCOMPARE(*rule.weightDecay, 0.0);
        QCOMPARE(refused.size(), 0);
        for (const auto& [column, text] : {std::pair(ParameterRuleModel::Kinds, "norm"),
                                           std::pair(ParameterRuleModel::MaxElements, "many"),
                                           std::pair(ParameterRuleModel::LearningRate, "-1"),
                                           std::pair(ParameterRuleModel::WeightDecay, "nan")}) {
            QVERIFY2(!edit(column, text), text);
        }
        QCOMPARE(refused.size(), 4);
        QVERIFY(model.rules().front() == rule);
        QVERIFY(edit(ParameterRuleModel::LearningRate, ""));
        QVERIFY(!model.rules().front().learningRateFactor);
        model.remove(0);
        QCOMPARE(model.rowCount(), 0);
    }

    void decayEverythingFollowsTheGuideline() {
        OptimizerSection section;
        TrainingRequest request;
        request.quantized.options.weightDecay = 0;
        section.load(request);
        QVERIFY(!core::decayGuidelineFindings(request.options()).empty());
        section.decayEverythingButton()->click();
        section.store(request);
        const std::vector<std::string> findings = core::decayGuidelineFindings(request.options());
        QVERIFY2(findings.empty(), findings.empty() ? "" : findings.front().c_str());
    }

    /// One set of published options, in the recipes; what the window suggests for a scheme is that.
    void suggestionsAreThoseOfTheBundledRecipes_data() {
        QTest::addColumn<QString>("path");
        for (const auto& entry :
             std::filesystem::directory_iterator(experiments::resourceFolder() / "recipes")) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with("qat_")) {
                QTest::newRow(name.c_str()) << QString::fromStdString(entry.path().string());
            }
        }
    }
    void suggestionsAreThoseOfTheBundledRecipes() {
        QFETCH(QString, path);
        const experiments::Recipe recipe = experiments::Recipe::load(path.toStdString());
        const bool isMobile = recipe.model.file.find("mobilenet") != std::string::npos;
        const auto model =
            isMobile ? tests::smallModel()
                     : tests::smallModel("resnet8", {{"classes", 10}, {"channels", 1}, {"size", 32}});
        QatStage own;
        for (const experiments::Stage& stage : recipe.stages) {
            if (const auto* const qat = std::get_if<QatStage>(&stage)) {
                own = *qat;
            }
        }
        QVERIFY(!recipe.variants.empty());
        for (const experiments::Variant& variant : recipe.variants) {
            QatStage suggested = suggestedQat(experiments::buildConfig(variant.config, *model));
            if (own.options.epochs != suggested.options.epochs) {
                // A longer training can use a higher rate and a teacher, and has epochs to choose from.
                suggested.options.epochs = own.options.epochs;
                suggested.options.learningRate = own.options.learningRate;
                suggested.options.distillation = own.options.distillation;
                suggested.options.keep = own.options.keep;
                suggested.options.validationSamples = own.options.validationSamples;
            }
            QVERIFY2(jsonOf(suggested) == jsonOf(own),
                     (variant.name + jsonOf(suggested).dump(1) + "\nrecipe\n" + jsonOf(own).dump(1)).c_str());
        }
    }

    /// What Start runs is a recipe that reads back as it was written.
    void aTrainingIsARecipe() {
        QuantDocument document;
        document.open(tests::smallContent(tests::smallModel()));
        TrainingRequest request = suggestedTraining(document);
        QVERIFY(request.isQuantized);
        request.startRun = 5;
        const experiments::Recipe recipe = trainingRecipe(document, request);
        QCOMPARE(recipe.variants.size(), std::size_t{1});
        QCOMPARE(recipe.variants.front().name, std::string("W8A8"));
        QCOMPARE(recipe.model.run, 5);
        QVERIFY(std::holds_alternative<QatStage>(recipe.stages[1]));
        const experiments::Recipe again = experiments::Recipe::parse(recipe.toJson());
        QVERIFY(again.toJson() == recipe.toJson());

        request.isQuantized = false;
        const experiments::Recipe floating = trainingRecipe(document, request);
        QVERIFY(floating.variants.empty());
        QVERIFY(std::holds_alternative<experiments::TrainStage>(floating.stages.front()));
    }

    void floatConfigurationsAndMethodsThatSetGridsAreNotTrained() {
        QuantDocument document;
        document.open(tests::smallContent(tests::smallModel()));
        QVERIFY(quantizedTrainingProblem(document).isEmpty());
        document.setPostTraining({{"bias_correction", {}}});
        QVERIFY(quantizedTrainingProblem(document).isEmpty());
        document.setPostTraining({{"bias_correction", {}}, {"weight_bit_allocation", {}}});
        QVERIFY(quantizedTrainingProblem(document).contains("post-training"));
        document.setVariants(document.variants(), 1);  // float
        QVERIFY(quantizedTrainingProblem(document).contains("float"));
        QVERIFY(!suggestedTraining(document).isQuantized);
    }
};

QTEST_MAIN(TestTrainDialog)
#include "test_train_dialog.moc"
