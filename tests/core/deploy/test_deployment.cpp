#include "core/deploy/deployment_report.h"
#include "core/deploy/exact_value.h"
#include "core/deploy/lower.h"
#include "core/deploy/reference_engine.h"
#include "core/types/error.h"
#include "tests/core/exporters/bundled_models.h"

#include <QtTest>

#include <cmath>

using namespace bitlathe::core;
using namespace bitlathe::tests;

/// The bundled networks as integers against the engine's fake-quantized ones, on test images.
class TestDeployment : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void integersAgree_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<Scheme>("scheme");
        QTest::addColumn<int>("images");
        const QString mobileNet = "mobilenet_v1_025_fmnist";
        const QString resNet = "resnet8_fmnist";
        QTest::newRow("MobileNetV1 W8A8 per tensor")
            << mobileNet << Scheme{8, 8, Granularity::Kind::Tensor} << 500;
        QTest::newRow("MobileNetV1 W4A8 per channel")
            << mobileNet << Scheme{4, 8, Granularity::Kind::Channel} << 100;
        QTest::newRow("MobileNetV1 W8A8 affine weights")
            << mobileNet << Scheme{8, 8, Granularity::Kind::Channel, "affine", "affine"} << 100;
        QTest::newRow("ResNet-8 W8A8 per channel")
            << resNet << Scheme{8, 8, Granularity::Kind::Channel} << 500;
        QTest::newRow("ResNet-8 W4A4 per channel")
            << resNet << Scheme{4, 4, Granularity::Kind::Channel} << 100;
    }
    void integersAgree() {
        QFETCH(QString, model);
        QFETCH(Scheme, scheme);
        QFETCH(int, images);
        const CalibratedModel& calibrated = bundledModel(model.toStdString());
        const QuantPlan plan = planOf(calibrated, scheme);
        const BatchSource data = testImages(images);
        const DeploymentReport report = deploymentReport(engine(), calibrated.model, plan, data,
                                                         {.threads = 1, .compareImages = 500}, RunContext());
        QCOMPARE(report.comparedImages, std::int64_t{images});
        QCOMPARE(report.integer.samples, std::int64_t{images});
        QVERIFY(report.compared() > 500 * 10);
        for (const LayerAgreement& layer : report.layers) {
            const std::string text = layer.layer.str() + ": " + layer.reason();
            QVERIFY2(layer.explained == layer.differing, text.c_str());
            // Float32 errs by some 2^-16 of a step in layers like these, twice that around each boundary.
            QVERIFY2(static_cast<double>(layer.differing) < 1e-3 * static_cast<double>(layer.compared) + 1,
                     text.c_str());
        }
        const EvaluationResult simulated = engine().evaluate(calibrated.model, plan, data, RunContext());
        qInfo("%lld of %lld codes differ; top-1 %.2f %% fake-quantized, %.2f %% integer",
              static_cast<long long>(report.differing()), static_cast<long long>(report.compared()),
              simulated.top1Percent(), report.integer.top1Percent());
        // A code that differs by one may turn over an image whose two best classes are as good as equal.
        QVERIFY(std::abs(report.integer.correct - simulated.correct) <= 2);
    }

    /// With power-of-two steps and sums below 2^24 float32 has nothing to round: not one code may differ, with
    /// the ties of shifts among them.
    void powerOfTwoIsExact() {
        for (const char* model : {"mobilenet_v1_025_fmnist", "resnet8_fmnist"}) {
            const CalibratedModel& calibrated = bundledModel(model);
            const QuantPlan plan =
                planOf(calibrated, {8, 8, Granularity::Kind::Tensor, "power_of_two", "power_of_two"});
            const DeploymentReport report = deploymentReport(
                engine(), calibrated.model, plan, testImages(128), {.compareImages = 128}, RunContext());
            std::int64_t exactLayers = 0;
            for (const LayerAgreement& layer : report.layers) {
                exactLayers += layer.isExact ? 1 : 0;
                QVERIFY2(!layer.isExact || layer.differing == 0,
                         (layer.layer.str() + ": " + layer.reason()).c_str());
                QVERIFY2(layer.differing == layer.explained, layer.reason().c_str());
            }
            QVERIFY(exactLayers >= 8);
        }
    }

    /// The fast engine on whole bundled networks, images it did not choose.
    void enginesAgreeOnBundledNets() {
        for (const char* model : {"mobilenet_v1_025_fmnist", "resnet8_fmnist"}) {
            const CalibratedModel& calibrated = bundledModel(model);
            const IntegerGraph graph = lower(calibrated.model, planOf(calibrated, {4, 8}));
            IntegerEngine fast(graph);
            IntegerEngine portable(graph, {.kernels = IntegerEngineOptions::Kernels::Portable});
            const Samples samples = samplesOf(testImages(500));
            QVERIFY(fast.run(samples.images) == portable.run(samples.images));
            const auto size = static_cast<std::size_t>(graph.inputTensor().elements());
            for (std::size_t i = 0; i < 3; ++i) {
                const Codes input = inputCodes(graph, std::span(samples.images).subspan(i * size, size));
                QVERIFY(fast.runCodes(input) ==
                        runReference(graph, input)[static_cast<std::size_t>(graph.output)]);
            }
        }
    }

    void otherImagesAreRefused() {
        const CalibratedModel& calibrated = bundledModel("resnet8_fmnist");
        IntegerEngine integer(lower(calibrated.model, planOf(calibrated, {})));
        DataSpec spec;  // no padding: 28 x 28
        const BatchSource images(openDataset(spec, DataSplit::Test), spec, {});
        QVERIFY_EXCEPTION_THROWN(evaluateInteger(integer, images, RunContext()), Error);
    }
};

QTEST_GUILESS_MAIN(TestDeployment)
#include "test_deployment.moc"
