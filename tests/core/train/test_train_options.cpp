#include "core/train/learning_rate_schedule.h"
#include "core/train/parameter_rules.h"
#include "core/types/error.h"

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe::core;

namespace {

bool isNear(double a, double b) {
    return std::fabs(a - b) <= 1e-12 * std::max(1.0, std::fabs(b));  // a few roundings of doubles
}

ScheduleSpec spec(const std::string& name, ParamValues params = {}, std::vector<double> milestones = {}) {
    ScheduleSpec result;
    result.method = {name, std::move(params)};
    result.milestones = std::move(milestones);
    return result;
}

// Ten epochs of a hundred steps.
constexpr TrainingSpan kSpan{10, 100};

}  // namespace

class TestTrainOptions : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void schedulesByHand() {
        QVERIFY(makeSchedule(spec("constant"), 0.1, kSpan)->rate(999) == 0.1);
        const auto multistep = makeSchedule(spec("multistep", {{"factor", 0.2}}, {3, 6.5}), 0.1, kSpan);
        QVERIFY(isNear(multistep->rate(299), 0.1));
        QVERIFY(isNear(multistep->rate(300), 0.02));
        QVERIFY(isNear(multistep->rate(649), 0.02));
        QVERIFY(isNear(multistep->rate(650), 0.004));
        const auto exponential = makeSchedule(spec("exponential", {{"factor", 0.5}}), 0.8, kSpan);
        QVERIFY(isNear(exponential->rate(99), 0.8));
        QVERIFY(isNear(exponential->rate(300), 0.1));
        // (1 - 0.25)^2 of the way from 0.01 to 0.1
        const auto polynomial =
            makeSchedule(spec("polynomial", {{"power", 2}, {"end_factor", 0.1}}), 0.1, kSpan);
        QVERIFY(isNear(polynomial->rate(250), 0.01 + 0.09 * 0.5625));
        // Half way down the second segment, epochs 4 to 10.
        const auto cosine = makeSchedule(spec("cosine", {{"restart_factor", 0.5}}, {4}), 0.1, kSpan);
        QVERIFY(isNear(cosine->rate(0), 0.1));
        QVERIFY(isNear(cosine->rate(200), 0.05));
        QVERIFY(isNear(cosine->rate(400), 0.05));
        QVERIFY(isNear(cosine->rate(700), 0.025));
    }

    void imagesAreHeldOutWhereAChoiceIsMade() {
        TrainOptions options;
        QCOMPARE(heldOutSamples(options, 60'000), std::int64_t{0});  // the last epoch is no choice
        options.keep = KeptWeights::Best;
        QCOMPARE(heldOutSamples(options, 60'000), std::int64_t{6'000});
        QCOMPARE(heldOutSamples(options, 7), std::int64_t{1});
        options.validationSamples = 0;
        QCOMPARE(heldOutSamples(options, 60'000), std::int64_t{0});
        options.validationSamples = 99;
        QCOMPARE(heldOutSamples(options, 100), std::int64_t{99});
        for (const std::int64_t available : {99, 50, 1}) {
            try {
                heldOutSamples(options, available);
                QFAIL("nothing is left to learn from");
            } catch (const Error& error) {
                QCOMPARE(error.code(), ErrorCode::InvalidConfig);
                const std::string expected = "validation_samples = 99 of " + std::to_string(available);
                QVERIFY2(std::string(error.what()).find(expected) != std::string::npos, error.what());
            }
        }
        options.validationSamples = -1;
        QVERIFY_EXCEPTION_THROWN(heldOutSamples(options, 100), Error);
        QVERIFY_EXCEPTION_THROWN(validateTrainOptions(options), Error);
    }

    void warmUpRisesIntoTheSchedule() {
        ScheduleSpec warm = spec("constant");
        warm.warmUpEpochs = 2;
        warm.warmUpStart = 0.2;
        const auto schedule = makeSchedule(warm, 1, kSpan);
        QVERIFY(isNear(schedule->rate(0), 0.2));
        QVERIFY(isNear(schedule->rate(100), 0.6));
        QVERIFY(isNear(schedule->rate(200), 1));
        QVERIFY(isNear(schedule->rate(900), 1));
    }

    void everyScheduleStaysFiniteAndBelowItsRate() {
        for (const MethodInfo& info : scheduleMethods()) {
            const auto schedule = makeSchedule(spec(info.name), 0.3, {1, 7});
            for (std::int64_t step = 0; step < 7; ++step) {
                const double rate = schedule->rate(step);
                QVERIFY2(std::isfinite(rate) && rate >= 0 && rate <= 0.3 * (1 + 1e-12), info.name.c_str());
            }
        }
    }

    void wrongSchedulesAreRefused() {
        for (const ScheduleSpec& wrong :
             {spec("cosin"), spec("multistep", {{"factr", 1}}), spec("multistep", {}, {5, 3}),
              spec("multistep", {}, {12}), spec("multistep", {}, {0})}) {
            QVERIFY_EXCEPTION_THROWN(makeSchedule(wrong, 0.1, kSpan), Error);
        }
        ScheduleSpec tooWarm = spec("constant");
        tooWarm.warmUpEpochs = 10;
        QVERIFY_EXCEPTION_THROWN(makeSchedule(tooWarm, 0.1, kSpan), Error);
    }

    void rulesApplyInOrder() {
        TrainOptions options;
        options.weightDecay = 1e-4;
        ParameterRule small;
        small.maxElements = 64;
        small.weightDecay = 0;
        ParameterRule stem;
        stem.name = "stem.*";
        stem.learningRateFactor = 0.1;
        ParameterRule ranges;
        ranges.kinds = {ParameterKind::Range};
        ranges.weightDecay = 5e-4;
        options.rules = {small, stem, ranges};
        const auto settings = [&](const char* name, ParameterKind kind, std::int64_t elements) {
            return parameterSettings(options, name, kind, elements);
        };
        QVERIFY((settings("head.weight", ParameterKind::Linear, 640) == ParameterSettings{1, 1e-4}));
        QVERIFY((settings("head.weight", ParameterKind::Linear, 64) == ParameterSettings{1, 0}));
        QVERIFY((settings("head.bias", ParameterKind::Bias, 640) == ParameterSettings{1, 0}));
        QVERIFY((settings("stem.conv.weight", ParameterKind::Conv, 640) == ParameterSettings{0.1, 1e-4}));
        QVERIFY((settings("stem.conv.weight.step", ParameterKind::Range, 1) == ParameterSettings{0.1, 5e-4}));
        // A range whose paper decays it, before the rules.
        QVERIFY(
            (parameterSettings(options, "x", ParameterKind::Range, 1, 1e-3) == ParameterSettings{1, 5e-4}));
        options.rules.clear();
        QVERIFY(
            (parameterSettings(options, "x", ParameterKind::Range, 1, 1e-3) == ParameterSettings{1, 1e-3}));
    }

    void theDecayGuidelineFindsWhatDoesNotDecay() {
        TrainOptions options;
        options.weightDecay = 1e-4;
        const std::vector<std::string> findings = decayGuidelineFindings(options);
        QCOMPARE(findings.size(), std::size_t{2});  // biases and batch norm
        QVERIFY(findings[0].find("'bias'") != std::string::npos);
        ParameterRule all;
        all.weightDecay = 1e-4;
        options.rules = {all};
        QVERIFY(decayGuidelineFindings(options).empty());
        options.rules[0].weightDecay = 1e-5;
        QVERIFY(decayGuidelineFindings(options)[0].find("small") != std::string::npos);
    }

    void wrongOptionsAreRefused_data() {
        QTest::addColumn<int>("which");
        for (int i = 0; i < 9; ++i) {
            QTest::newRow(qPrintable(QString::number(i))) << i;
        }
    }
    void wrongOptionsAreRefused() {
        QFETCH(int, which);
        TrainOptions options;
        validateTrainOptions(options);
        const double nan = std::numeric_limits<double>::quiet_NaN();
        switch (which) {
        case 0:
            options.epochs = 0;
            break;
        case 1:
            options.learningRate = nan;
            break;
        case 2:
            options.weightDecay = -1;
            break;
        case 3:
            options.labelSmoothing = 1;
            break;
        case 4:
            options.distillation.weight = 1.5;
            break;
        case 5:
            options.distillation.temperature = 0;
            break;
        case 6:
            options.device = "tpu";
            break;
        case 7:
            options.optimizer = {"lion", {}};
            break;
        default:
            options.clipGradientNorm = nan;
            break;
        }
        try {
            validateTrainOptions(options);
            QFAIL("accepted");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidConfig);
        }
    }
};

QTEST_GUILESS_MAIN(TestTrainOptions)
#include "test_train_options.moc"
