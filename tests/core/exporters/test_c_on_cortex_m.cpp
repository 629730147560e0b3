#include "core/deploy/lower.h"
#include "core/exporters/exporter.h"
#include "core/exporters/target_budget.h"
#include "tests/core/exporters/c_cases.h"
#include "tests/reference/cortex_m.h"

#include <QtTest>

#include <filesystem>

using namespace bitlathe::core;
using namespace bitlathe::tests;

/// Exported C on emulated processors, 100 test images: every output that of the integer model, every section as long as
/// predicted, no more instructions than promised. bitlathe-emulate runs all configurations.
class TestCOnCortexM : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        if (const std::string missing = missingForCortexM(); !missing.empty()) {
            QSKIP(missing.c_str());
        }
    }

    void bundled_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("bits");
        QTest::addColumn<QString>("cpu");
        QTest::addColumn<QString>("optimisation");
        QTest::addColumn<qint64>("mostInstructions");
        const QString mobileNet = "mobilenet_v1_025_fmnist";
        const QString resNet = "resnet8_fmnist";
        // The goals: CMSIS-NN needs 10.68 million at 8 bits.
        QTest::newRow("MobileNetV1 W8A8") << mobileNet << "W8A8"
                                          << "cortex-m4"
                                          << "-O2" << qint64{9'500'000};
        QTest::newRow("MobileNetV1 W4A8") << mobileNet << "W4A8"
                                          << "cortex-m4"
                                          << "-O2" << qint64{10'500'000};
        QTest::newRow("MobileNetV1 W2A8") << mobileNet << "W2A8"
                                          << "cortex-m4"
                                          << "-O2" << qint64{11'500'000};
        QTest::newRow("MobileNetV1 MixPC") << mobileNet << "MixPC"
                                           << "cortex-m7"
                                           << "-Os" << qint64{84'000'000};
        QTest::newRow("ResNet-8 W4A4") << resNet << "W4A4"
                                       << "cortex-m7"
                                       << "-O2" << qint64{84'000'000};
    }
    void bundled() {
        QFETCH(QString, model);
        QFETCH(QString, bits);
        QFETCH(QString, cpu);
        QFETCH(QString, optimisation);
        QFETCH(qint64, mostInstructions);
        const CCase made = cCaseOf(bundledModel(model.toStdString()), bits.toStdString());
        const IntegerGraph graph = lower(made.model, made.plan);
        // What a user sees as the budget of a C target.
        TargetOptions options;
        options.plan = &made.plan;
        const TargetBudget budget = targetBudget(made.model, made.config, {}, options);
        QVERIFY2(budget.exported, budget.refusal.c_str());
        const CFootprint sizes = budget.exported->sizes;
        const CVectors vectors = cVectors(graph, 100);
        const QTemporaryDir folder;
        const std::vector<std::string> files =
            exporterRegistry().create({"c", {}})->write(made.model, made.plan, folder.path().toStdString());
        const CortexMRun run = runOnCortexM(std::filesystem::path(files.front()).parent_path().string(),
                                            {cpu.toStdString(), optimisation.toStdString()}, vectors.inputs);

        QCOMPARE(run.outputs.size(), vectors.outputs.size());
        QCOMPARE(differences(run.outputs, vectors.outputs), std::int64_t{0});
        QCOMPARE(run.sections.weights, sizes.weightBytes);
        QCOMPARE(run.sections.parameters, sizes.parameterBytes);
        QCOMPARE(run.sections.constants, sizes.descriptionBytes);
        QCOMPARE(run.sections.arena, sizes.arenaBytes);
        QVERIFY2(run.sections.code < 12288, qPrintable(QString::number(run.sections.code)));
        QVERIFY2(run.instructions > 1'000'000 && run.instructions < mostInstructions,
                 qPrintable(QString::number(run.instructions)));
    }
};

QTEST_GUILESS_MAIN(TestCOnCortexM)
#include "test_c_on_cortex_m.moc"
