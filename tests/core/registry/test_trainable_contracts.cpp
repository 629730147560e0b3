// What every registered quantizer promises to training: run over all of them, their defaults and their choices.

#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/quantizer.h"
#include "core/quantizers/trainable_quantizer.h"
#include "core/registry/registry.h"
#include "core/types/collect_statistics.h"
#include "core/types/error.h"
#include "tests/support/method_variants.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

using namespace bitlathe::core;
using bitlathe::tests::methodText;

namespace {

constexpr std::int64_t kSlices = 3;
constexpr std::int64_t kRun = 60;

std::vector<MethodSpec> variants(const MethodInfo& info) {
    return bitlathe::tests::methodVariants(info, false);
}

std::vector<float> gauss(std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& x : values) {
        x = normal(generator);
    }
    return values;
}

/// A tensor of three slices, with everything a quantizer may want to know of it.
struct Subject {
    SiteKind kind;
    SliceLayout layout;
    std::vector<float> x;
    std::vector<SiteStatistics> statistics;
    FitInput input;

    explicit Subject(SiteKind which, bool isRectified, bool isConstant = false)
        : kind(which), layout(which == SiteKind::Weight ? SliceLayout{1, kSlices, kRun}
                                                        : SliceLayout{4, kSlices, kRun / 4}),
          x(gauss(kSlices * kRun, 5)) {
        for (float& value : x) {
            value = isConstant ? 0.0F : (isRectified ? std::max(value, 0.0F) : value);
        }
        input.kind = kind;
        statistics.reserve(kSlices);
        for (std::int64_t s = 0; s < kSlices; ++s) {
            std::vector<float> own;
            for (std::int64_t o = 0; o < layout.outer; ++o) {
                const auto begin = x.begin() + (o * layout.slices + s) * layout.inner;
                own.insert(own.end(), begin, begin + layout.inner);
            }
            statistics.push_back(collectStatistics(own, 1, 1, kRun));
            FitSlice slice;
            slice.range = {statistics.back().minimum, statistics.back().maximum};
            if (kind == SiteKind::Weight) {
                slice.values = std::span(x).subspan(static_cast<std::size_t>(s * kRun), kRun);
            } else {
                slice.statistics = &statistics.back();
            }
            input.slices.push_back(slice);
        }
    }
};

/// The learner's parameters in a trainer's hands.
struct Values {
    std::vector<std::vector<float>> numbers;
    explicit Values(const TrainableQuantizer& learner) {
        for (const LearnedParameter& parameter : learner.parameters()) {
            numbers.push_back(parameter.start);
        }
    }
    std::vector<std::span<const float>> read() const { return {numbers.begin(), numbers.end()}; }
    std::vector<std::span<float>> write() { return {numbers.begin(), numbers.end()}; }
};

std::unique_ptr<TrainableQuantizer> learnerOf(const Quantizer& quantizer, const Subject& subject, int bits) {
    try {
        return quantizer.trainable(subject.input, BitWidth(bits));
    } catch (const Error& error) {
        // A width it does not have; anything else is a failure.
        return error.code() == ErrorCode::InvalidConfig && QString(error.what()).contains("bit") ? nullptr
                                                                                                 : throw;
    }
}

std::vector<float> forward(const TrainableQuantizer& learner, const std::vector<float>& x,
                           const SliceLayout& layout, const Values& values) {
    std::vector<float> out(x.size());
    learner.forward(x, out, layout, values.read());
    return out;
}

}  // namespace

class TestTrainableContracts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void quantizers_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("variant");
        for (const MethodInfo& info : quantizerRegistry().list()) {
            const std::vector<MethodSpec> specs = variants(info);
            for (std::size_t i = 0; i < specs.size(); ++i) {
                QTest::newRow(qPrintable(methodText(specs[i])))
                    << QString::fromStdString(info.name) << static_cast<int>(i);
            }
        }
    }
    void quantizers() {
        QFETCH(QString, name);
        QFETCH(int, variant);
        const MethodSpec spec =
            variants(quantizerRegistry().info(name.toStdString()))[static_cast<std::size_t>(variant)];
        const std::unique_ptr<Quantizer> quantizer = quantizerRegistry().create(spec);
        for (const SiteKind kind : {SiteKind::Weight, SiteKind::Output}) {
            for (const bool isRectified : {false, true}) {
                const Subject subject(kind, isRectified);
                for (const int bits : {1, 2, 3, 4, 8}) {
                    const auto learner = learnerOf(*quantizer, subject, bits);
                    if (learner == nullptr) {
                        continue;
                    }
                    checkStart(*learner);
                    checkGrid(*quantizer, *learner, subject, bits);
                    checkBackward(*learner, subject);
                    checkUpdate(*learner, subject);
                    if (learner->isElementwise()) {
                        checkBeyondTheEnds(*learner, subject);
                    }
                }
            }
            const Subject zeros(kind, false, true);
            for (const int bits : {1, 2, 4}) {
                const auto learner = learnerOf(*quantizer, zeros, bits);
                if (learner != nullptr) {
                    checkStart(*learner);
                    checkBackward(*learner, zeros);
                    const Values values(*learner);
                    for (const float y : forward(*learner, zeros.x, zeros.layout, values)) {
                        QCOMPARE(y, 0.0F);
                    }
                }
            }
        }
    }

private:
    void checkStart(const TrainableQuantizer& learner) {
        std::map<std::string, int> names;
        for (const LearnedParameter& parameter : learner.parameters()) {
            QCOMPARE(++names[parameter.name], 1);
            QCOMPARE(static_cast<std::int64_t>(parameter.start.size()), kSlices * parameter.perSlice);
            for (const float value : parameter.start) {
                QVERIFY(std::isfinite(value) && value >= parameter.minimum && value <= parameter.maximum);
            }
        }
    }

    /// Forward, the stored grid and the post-training fit are one and the same.
    void checkGrid(const Quantizer& quantizer, const TrainableQuantizer& learner, const Subject& subject,
                   int bits) {
        const Values values(learner);
        const int axis = subject.kind == SiteKind::Weight ? 0 : 1;
        const QParams grid = learner.grid(subject.x, subject.layout, values.read(), axis);
        QCOMPARE(grid.slices(), std::size_t{kSlices});
        std::vector<float> expected(subject.x.size());
        fakeQuantizeTensor(subject.x, expected, grid, subject.layout.outer, subject.layout.slices,
                           subject.layout.inner);
        QCOMPARE(forward(learner, subject.x, subject.layout, values), expected);
        QVERIFY(quantizer.fit(subject.input, BitWidth(bits), axis) == grid);
        const QParams alone =
            quantizer.fit({subject.kind, {subject.input.slices[0]}}, BitWidth(bits), std::nullopt);
        QCOMPARE(alone.slices(), std::size_t{1});
        QVERIFY(!alone.axis.has_value());
        QVERIFY(grid.quantMax - grid.quantMin < (1 << bits));
    }

    void checkBackward(const TrainableQuantizer& learner, const Subject& subject) {
        const Values values(learner);
        Values gradients(learner);
        const std::vector<float> g = gauss(subject.x.size(), 9);
        std::vector<float> dx(subject.x.size(), std::nanf(""));
        learner.backward(subject.x, g, dx, subject.layout, values.read(), gradients.write());
        QVERIFY(std::all_of(dx.begin(), dx.end(), [](float value) { return std::isfinite(value); }));
        for (std::size_t p = 0; p < gradients.numbers.size(); ++p) {
            for (const float value : gradients.numbers[p]) {
                QVERIFY(std::isfinite(value));
                QVERIFY(learner.parameters()[p].isLearnedByGradient || value == 0.0F);
            }
        }
        std::vector<float> inPlace = g;
        learner.backward(subject.x, inPlace, inPlace, subject.layout, values.read(), gradients.write());
        QCOMPARE(inPlace, dx);
        std::vector<float> wrong(subject.x.size() - 1);
        QVERIFY_EXCEPTION_THROWN(learner.forward(subject.x, wrong, subject.layout, values.read()), Error);
    }

    void checkUpdate(const TrainableQuantizer& learner, const Subject& subject) {
        Values values(learner);
        const Values before(learner);
        const bool isUpdated = learner.update(subject.x, subject.layout, values.write());
        for (const auto& numbers : values.numbers) {
            QVERIFY(std::all_of(numbers.begin(), numbers.end(),
                                [](float value) { return std::isfinite(value); }));
        }
        QVERIFY(isUpdated || values.numbers == before.numbers);
    }

    /// Far outside, every quantizer is a function of its parameters without any rounding in the way: there its
    /// gradient has to be the derivative, but for the factor its paper scales it by.
    void checkBeyondTheEnds(const TrainableQuantizer& learner, const Subject& subject) {
        const bool isOneSided = *std::min_element(subject.x.begin(), subject.x.end()) >= 0.0F;
        for (std::size_t p = 0; p < learner.parameters().size(); ++p) {
            const LearnedParameter& parameter = learner.parameters()[p];
            // Two thresholds that share an affine grid do not move their own end alone: its derivative is not the
            // straight-through one.
            const bool isCoupled = parameter.name == "lower" || parameter.name == "upper";
            if (!parameter.isLearnedByGradient || isCoupled) {
                continue;
            }
            std::vector<double> factors;
            for (const unsigned seed : {21U, 22U}) {
                std::vector<float> x = gauss(subject.x.size(), seed);
                for (float& value : x) {
                    value = std::copysign(1e4F, isOneSided ? 1.0F : value);
                }
                const std::vector<float> g = gauss(x.size(), seed + 10);
                Values gradients(learner);
                std::vector<float> dx(x.size());
                const Values values(learner);
                learner.backward(x, g, dx, subject.layout, values.read(), gradients.write());
                for (std::size_t i = 0; i < parameter.start.size(); ++i) {
                    if (hasTwin(parameter, i)) {
                        continue;  // two equal levels of a codebook: values belong to either
                    }
                    const double derivative = difference(learner, x, g, subject.layout, p, i);
                    const auto gradient = static_cast<double>(gradients.numbers[p][i]);
                    if (std::fabs(derivative) > 1e-3) {
                        factors.push_back(gradient / derivative);
                    } else {
                        QVERIFY(std::fabs(gradient) < 1e-2);
                    }
                }
            }
            for (const double factor : factors) {
                QVERIFY2(factor > 0 && std::fabs(factor / factors[0] - 1) < 0.03,
                         qPrintable(QString("%1: %2 against %3")
                                        .arg(QString::fromStdString(parameter.name))
                                        .arg(factor)
                                        .arg(factors[0])));
            }
        }
    }

    static bool hasTwin(const LearnedParameter& parameter, std::size_t i) {
        const auto width = static_cast<std::size_t>(parameter.perSlice);
        const auto begin = parameter.start.begin() + static_cast<std::ptrdiff_t>(i / width * width);
        return std::count(begin, begin + static_cast<std::ptrdiff_t>(width), parameter.start[i]) > 1;
    }

    /// Central difference of sum(g * forward) over one parameter value.
    static double difference(const TrainableQuantizer& learner, const std::vector<float>& x,
                             const std::vector<float>& g, const SliceLayout& layout, std::size_t p,
                             std::size_t i) {
        const float at = Values(learner).numbers[p][i];
        const float step = std::max(1e-3F * std::fabs(at), 1e-4F);
        double sum = 0;
        for (const float sign : {1.0F, -1.0F}) {
            Values values(learner);
            values.numbers[p][i] = at + sign * step;
            const std::vector<float> y = forward(learner, x, layout, values);
            for (std::size_t k = 0; k < y.size(); ++k) {
                sum += static_cast<double>(sign * g[k]) * static_cast<double>(y[k]);
            }
        }
        return sum / (2.0 * static_cast<double>(step));
    }
};

QTEST_APPLESS_MAIN(TestTrainableContracts)
#include "test_trainable_contracts.moc"
