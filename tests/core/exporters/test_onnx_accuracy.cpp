#include "tests/core/exporters/bundled_models.h"

#include <QtTest>

#include <cmath>

using namespace bitlathe::core;
using namespace bitlathe::tests;

/// The claim of the README: an exported model classifies as the workbench said, on all 10,000 test images.
class TestOnnxAccuracy : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void sameTop1_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<Scheme>("scheme");
        const QString mobileNet = "mobilenet_v1_025_fmnist";
        QTest::newRow("MobileNetV1 W8A8 per tensor") << mobileNet << Scheme{8, 8, Granularity::Kind::Tensor};
        QTest::newRow("MobileNetV1 W8A8 per channel")
            << mobileNet << Scheme{8, 8, Granularity::Kind::Channel};
        QTest::newRow("MobileNetV1 W4A8 per channel")
            << mobileNet << Scheme{4, 8, Granularity::Kind::Channel};
        QTest::newRow("ResNet-8 W8A8 per channel")
            << QString("resnet8_fmnist") << Scheme{8, 8, Granularity::Kind::Channel};
    }
    void sameTop1() {
        QFETCH(QString, model);
        QFETCH(Scheme, scheme);
        const CalibratedModel& calibrated = bundledModel(model.toStdString());
        const QuantPlan plan = planOf(calibrated, scheme);
        const BatchSource images = testImages(10'000);
        const Samples samples = samplesOf(images);
        QCOMPARE(samples.labels.size(), std::size_t(10'000));
        const EvaluationResult mine = engine().evaluate(calibrated.model, plan, images, RunContext());
        const double theirs = top1Percent(onnxLogits(calibrated.model, plan, samples, true), samples.labels);
        qInfo("engine %.2f %%, ONNX Runtime %.2f %%", mine.top1Percent(), theirs);
        QVERIFY(mine.top1Percent() > 80);
        QVERIFY(std::abs(mine.top1Percent() - theirs) <= 0.1);
    }
};

QTEST_GUILESS_MAIN(TestOnnxAccuracy)
#include "test_onnx_accuracy.moc"
