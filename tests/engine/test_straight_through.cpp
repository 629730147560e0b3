#include "engine/straight_through.h"

#include "core/quantizers/fake_quantize.h"
#include "engine/fake_quantize_op.h"
#include "engine/tensor_bridge.h"
#include "tests/support/random_graph.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones_like.h>

#include <QtTest>

using namespace bitlathe;
using tests::randomTensor;

namespace {

core::QParams gridOf(std::int64_t slices, std::optional<int> axis) {
    core::QParams grid;
    for (std::int64_t i = 0; i < slices; ++i) {
        grid.scale.push_back(0.1F + 0.05F * static_cast<float>(i));
        grid.zeroPoint.push_back(static_cast<std::int32_t>(i % 3));
    }
    grid.quantMin = -4;
    grid.quantMax = 3;
    grid.axis = axis;
    return grid;
}

}  // namespace

class TestStraightThrough : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void gradientIsTheKernelsInEveryOrder_data() {
        QTest::addColumn<int>("axis");
        QTest::addColumn<bool>("isChannelsLast");
        for (const int axis : {-1, 0, 1}) {
            for (const bool isChannelsLast : {false, true}) {
                QTest::addRow("axis %d%s", axis, isChannelsLast ? " channels last" : "")
                    << axis << isChannelsLast;
            }
        }
    }
    void gradientIsTheKernelsInEveryOrder() {
        QFETCH(int, axis);
        QFETCH(bool, isChannelsLast);
        const core::Shape shape{3, 5, 4, 7};
        const core::QParams grid = axis < 0 ? gridOf(1, std::nullopt) : gridOf(shape[axis], axis);
        const at::Tensor values = engine::wrap(randomTensor(shape, 1));
        const at::Tensor gradient = engine::wrap(randomTensor(shape, 2));
        at::Tensor x = (isChannelsLast ? engine::toChannelsLast(values) : values).clone();
        x.requires_grad_(true);
        const at::Tensor y = engine::fakeQuantizeStraightThrough(x, grid);
        QCOMPARE(y.strides().vec(), x.strides().vec());
        y.backward(gradient);
        QVERIFY(at::equal(y, engine::fakeQuantize(x.detach(), grid)));
        // One value at a time, by the reference kernel.
        const at::Tensor plain = x.detach().contiguous();
        const at::Tensor found = x.grad().contiguous();
        for (std::int64_t i = 0; i < plain.numel(); ++i) {
            const std::int64_t channel = axis < 0 ? 0 : axis == 0 ? i / (5 * 4 * 7) : i / (4 * 7) % 5;
            float expected = 0;
            core::fakeQuantizeBackward({plain.data_ptr<float>() + i, 1}, {gradient.data_ptr<float>() + i, 1},
                                       {&expected, 1}, grid, static_cast<std::size_t>(channel));
            QCOMPARE(found.data_ptr<float>()[i], expected);
        }
    }

    void withoutGradientItIsFakeQuantization() {
        const core::QParams grid = gridOf(1, std::nullopt);
        const at::Tensor x = engine::wrap(randomTensor({4, 6}, 3));
        const at::Tensor y = engine::fakeQuantizeStraightThrough(x, grid);
        QVERIFY(!y.requires_grad());
        QVERIFY(at::equal(y, engine::fakeQuantize(x, grid)));
    }

    void expandedGradientsPass() {
        const core::QParams grid = gridOf(1, std::nullopt);
        const at::Tensor x = engine::wrap(randomTensor({4, 6}, 4)).clone().requires_grad_(true);
        engine::fakeQuantizeStraightThrough(x, grid).sum().backward();
        at::Tensor expected = at::ones_like(x.detach());
        core::fakeQuantizeBackward({x.detach().data_ptr<float>(), 24}, {expected.data_ptr<float>(), 24},
                                   {expected.data_ptr<float>(), 24}, grid);
        QVERIFY(at::equal(x.grad(), expected));
    }
};

QTEST_GUILESS_MAIN(TestStraightThrough)
#include "test_straight_through.moc"
