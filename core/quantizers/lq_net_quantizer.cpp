#include "core/quantizers/lq_net_quantizer.h"

#include "core/quantizers/fit_sample.h"
#include "core/quantizers/learned_basis.h"
#include "core/quantizers/level_table.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

constexpr double kRidge = 1e-4;

LevelTable tableOf(const BasisLevels& levels) {
    LevelTable table;
    table.levels.assign(levels.levels.begin(), levels.levels.end());
    // From the float levels: a midpoint of doubles could round past one of two levels that agree as floats.
    return midpointTable(std::move(table.levels));
}

std::vector<double> startBasis(const FitSlice& slice, int bits, bool isHalfWave, int iterations) {
    const FitSample sample = fitSample(slice);
    const double size = std::sqrt(momentsOf(sample).meanSquare);
    std::vector<double> basis = isHalfWave ? initialActivationBasis(bits) : initialWeightBasis(bits, 1.0);
    for (double& v : basis) {
        v *= size > 0 ? size : 1.0;
    }
    if (size == 0) {
        return basis;
    }
    // The ridge is meant for values of order one and a few hundred of them; here it follows their size.
    const double ridge = kRidge * sample.total;
    for (int i = 0; i < iterations; ++i) {
        const BasisLevels levels = basisLevels(basis, isHalfWave);
        const LevelSums sums = sumsByLevel(sample, levels.thresholds);
        const std::vector<double> next =
            leastSquaresBasis(sums.sum, sums.weight, levels, basis, isHalfWave, ridge);
        const bool isStill = std::equal(next.begin(), next.end(), basis.begin(),
                                        [&](double a, double b) { return std::fabs(a - b) <= 1e-7 * size; });
        basis = next;
        if (isStill) {
            break;
        }
    }
    return basis;
}

class BasisTrainable final : public SliceTrainable {
public:
    BasisTrainable(const FitInput& input, int bits, bool isHalfWave, int iterations, double momentum)
        : SliceTrainable(true), m_isHalfWave(isHalfWave), m_isWeight(input.kind == SiteKind::Weight),
          m_momentum(momentum) {
        LearnedParameter basis;
        basis.name = "basis";
        basis.perSlice = bits;
        basis.isLearnedByGradient = false;
        const std::size_t index = declare(std::move(basis));
        for (const FitSlice& slice : input.slices) {
            start(index, startBasis(slice, bits, isHalfWave, iterations));
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        return tableGrid({tableOf(levelsOf(values[0]))}, std::nullopt);
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients /*gradients*/) const override {
        if (m_isWeight) {
            std::copy(gradient.begin(), gradient.end(), gradientX.begin());
            return;
        }
        const auto top = static_cast<float>(levelsOf(values[0]).levels.back());
        for (std::size_t i = 0; i < x.size(); ++i) {
            const float reach = m_isHalfWave ? x[i] : std::fabs(x[i]);
            gradientX[i] = reach < top ? gradient[i] : 0.0F;
        }
    }
    bool sliceUpdate(std::span<const float> x, std::span<const std::span<float>> values) const override {
        const BasisLevels levels = levelsOf(values[0]);
        std::vector<float> ignored(x.size());
        std::vector<std::uint32_t> indices(x.size());
        quantizeToBasis(x, ignored, indices, levels);
        const std::vector<double> before(values[0].begin(), values[0].end());
        const std::vector<double> best = leastSquaresBasis(x, indices, levels, before, m_isHalfWave, kRidge);
        for (std::size_t i = 0; i < before.size(); ++i) {
            values[0][i] = static_cast<float>((1.0 - m_momentum) * before[i] + m_momentum * best[i]);
        }
        return true;
    }

private:
    BasisLevels levelsOf(std::span<const float> basis) const {
        return basisLevels(std::vector<double>(basis.begin(), basis.end()), m_isHalfWave);
    }

    bool m_isHalfWave;
    bool m_isWeight;
    double m_momentum;
};

}  // namespace

std::unique_ptr<TrainableQuantizer> LqNetQuantizer::start(const FitInput& input, BitWidth bits) const {
    requireTableBits(bits.bits(), kName);
    return std::make_unique<BasisTrainable>(input, bits.bits(), !hasNegative(input), m_iterations,
                                            m_momentum);
}

}  // namespace bitlathe::core
