#include "core/deploy/integer_engine.h"
#include "core/deploy/integer_kernels.h"
#include "core/deploy/lower.h"
#include "core/deploy/reference_engine.h"
#include "core/types/error.h"
#include "tests/support/random_model.h"

#include <QtTest>

#include <random>

using namespace bitlathe::core;
using namespace bitlathe::tests;

namespace {

/// Input codes of `count` images over the whole code range, one after another.
Codes randomCodes(const IntegerTensor& tensor, std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    Codes codes(count * static_cast<std::size_t>(tensor.elements()));
    for (std::int32_t& code : codes) {
        code = static_cast<std::int32_t>(tensor.lowestCode() +
                                         static_cast<std::int64_t>(generator() % (1U << tensor.bits)));
    }
    return codes;
}

Codes part(const Codes& codes, std::size_t index, std::int64_t size) {
    const auto first = codes.begin() + static_cast<std::ptrdiff_t>(index) * size;
    return {first, first + size};
}

}  // namespace

class TestIntegerEngine : public QObject {
    Q_OBJECT

private Q_SLOTS:
    /// Every layer of random networks, random bits, on codes over the whole range: all kernels, one to three
    /// threads, give the reference engine's codes.
    void equalsTheReference_data() {
        QTest::addColumn<bool>("powerOfTwo");
        QTest::addColumn<bool>("thresholds");
        QTest::addColumn<bool>("isLastOutputFloat");
        QTest::addColumn<bool>("floors");
        QTest::newRow("any grid") << false << false << false << false;
        QTest::newRow("power of two: shifts and ties") << true << false << false << false;
        QTest::newRow("thresholds, raw logits") << false << true << true << false;
        QTest::newRow("floor") << false << false << true << true;
    }
    void equalsTheReference() {
        QFETCH(bool, powerOfTwo);
        QFETCH(bool, thresholds);
        QFETCH(bool, isLastOutputFloat);
        QFETCH(bool, floors);
        for (unsigned seed = 100; seed < 130; ++seed) {
            const PreparedModel model = randomModel(seed);
            const QuantPlan plan =
                randomPlan(model, seed, {.powerOfTwo = powerOfTwo, .isLastOutputFloat = isLastOutputFloat});
            LoweringOptions options;
            options.thresholds = thresholds;
            if (floors) {
                options.requantization = Rounding::Floor;
            }
            const IntegerGraph graph = lower(model, plan, options);
            IntegerEngine fast(graph);
            IntegerEngine portable(graph, {.threads = 3, .kernels = IntegerEngineOptions::Kernels::Portable});
            QCOMPARE(portable.kernelName(), std::string("portable"));
            compare(graph, fast, portable, seed);
            if (avx2Kernels() != nullptr) {
                IntegerEngine avx2(graph, {.threads = 2, .kernels = IntegerEngineOptions::Kernels::Avx2});
                QCOMPARE(avx2.kernelName(), std::string("avx2"));
                compare(graph, fast, avx2, seed);
            }
        }
    }

    void everyLayerAlone() {
        const PreparedModel model = randomModel(7);
        const IntegerGraph graph = lower(model, randomPlan(model, 7));
        IntegerEngine engine(graph, {.threads = 2});
        const Codes input = randomCodes(graph.inputTensor(), 9, 1);
        const auto layers = engine.runAllLayers(input);
        for (std::size_t k = 0; k < graph.layers.size(); ++k) {
            std::vector<Codes> inputs;
            for (const int index : graph.layers[k].inputs) {
                Codes codes = input;
                for (std::size_t j = 0; j < k; ++j) {
                    codes = graph.layers[j].output == index ? layers[j] : codes;
                }
                inputs.push_back(codes);
            }
            QCOMPARE(engine.runLayer(k, inputs), layers[k]);
        }
    }

    void realInputsAndOutputs() {
        const PreparedModel model = randomModel(11);
        for (const bool isRaw : {false, true}) {
            const IntegerGraph graph = lower(model, randomPlan(model, 11, {.isLastOutputFloat = isRaw}));
            IntegerEngine engine(graph);
            const std::vector<float> image = randomImage(model, 5);
            std::vector<float> images = image;
            images.insert(images.end(), image.begin(), image.end());
            const std::vector<float> made = engine.run(images);
            const IntegerTensor& output = graph.outputTensor();
            const Codes codes =
                runReference(graph, inputCodes(graph, image))[static_cast<std::size_t>(graph.output)];
            QCOMPARE(made.size(), 2 * codes.size());
            for (std::size_t i = 0; i < made.size(); ++i) {
                const std::int32_t code = codes[i % codes.size()] - output.zeroPoint;
                QCOMPARE(made[i], static_cast<float>(code * output.scale));
            }
        }
    }

    void memoryIsOneArena() {
        const PreparedModel model = randomModel(12);
        const IntegerGraph graph = lower(model, randomPlan(model, 12));
        std::int64_t all = 0;
        for (const IntegerTensor& tensor : graph.tensors) {
            all += tensor.elements();
        }
        const IntegerEngine engine(graph);
        QVERIFY(engine.arenaBytes() > 0);
        QVERIFY(engine.arenaBytes() < all);  // tensors that do not live together share bytes
    }

    void badInput() {
        const PreparedModel model = randomModel(13);
        const IntegerGraph graph = lower(model, randomPlan(model, 13));
        IntegerEngine engine(graph);
        QVERIFY_EXCEPTION_THROWN(engine.run(std::vector<float>(3)), Error);
        QVERIFY_EXCEPTION_THROWN(IntegerEngine(graph, {.threads = 0}), Error);
        QVERIFY_EXCEPTION_THROWN(runReference(graph, Codes(1)), Error);
        Codes tooLarge(static_cast<std::size_t>(graph.inputTensor().elements()), 0);
        tooLarge[0] = 300;
        QVERIFY_EXCEPTION_THROWN(runReference(graph, tooLarge), Error);
        QVERIFY(engine.run({}).empty());
    }

private:
    static void compare(const IntegerGraph& graph, IntegerEngine& fast, IntegerEngine& portable,
                        unsigned seed) {
        constexpr std::size_t kImages = 3;
        const Codes input = randomCodes(graph.inputTensor(), kImages, seed);
        const auto fastLayers = fast.runAllLayers(input);
        const auto portableLayers = portable.runAllLayers(input);
        for (std::size_t image = 0; image < kImages; ++image) {
            const auto expected = runReference(graph, part(input, image, graph.inputTensor().elements()));
            for (std::size_t k = 0; k < graph.layers.size(); ++k) {
                const IntegerLayer& layer = graph.layers[k];
                const std::int64_t size = graph.tensor(layer.output).elements();
                const QString where = QString("seed %1, layer %2").arg(seed).arg(layer.id.str().c_str());
                const Codes& reference = expected[static_cast<std::size_t>(layer.output)];
                QVERIFY2(part(fastLayers[k], image, size) == reference,
                         qPrintable(where + ", " + fast.kernelName().c_str()));
                QVERIFY2(part(portableLayers[k], image, size) == reference, qPrintable(where + ", portable"));
            }
            QCOMPARE(part(fast.runCodes(input), image, graph.outputTensor().elements()),
                     expected[static_cast<std::size_t>(graph.output)]);
        }
    }
};

QTEST_APPLESS_MAIN(TestIntegerEngine)
#include "test_integer_engine.moc"
