#include "core/quantizers/dorefa_quantizer.h"

#include "core/quantizers/binary.h"
#include "core/quantizers/dorefa.h"
#include "core/quantizers/learned_thresholds.h"
#include "core/quantizers/level_table.h"
#include "core/quantizers/pact_quantizer.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

class DorefaWeights final : public SliceTrainable {
public:
    DorefaWeights(int bits, DorefaQuantizer::Scale scale)
        : SliceTrainable(false), m_bits(bits), m_scale(scale) {}

protected:
    QParams sliceGrid(std::span<const float> x, SliceValues /*values*/) const override {
        const Shape shape = shapeOf(x);
        float reach = 0;
        for (const float w : x) {
            reach = std::max(reach, std::fabs(w));
        }
        const int levels = 1 << m_bits;
        std::vector<float> witness{-reach};
        for (int k = 1; k + 1 < levels; ++k) {
            const double t = (2.0 * k / (levels - 1) - 1.0) * shape.largest;
            witness.push_back(std::clamp(static_cast<float>(std::atanh(t)), -reach, reach));
        }
        witness.push_back(reach);
        return tableGrid(
            {tableOfKernel([&](std::span<const float> in, std::span<float> out) { apply(in, out, shape); },
                           witness)},
            std::nullopt);
    }
    void sliceForward(std::span<const float> x, std::span<float> out, SliceValues /*values*/) const override {
        apply(x, out, shapeOf(x));
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues /*values*/, SliceGradients /*gradients*/) const override {
        if (m_bits == 1) {
            std::copy(gradient.begin(), gradient.end(), gradientX.begin());
            return;
        }
        const float scale = shapeOf(x).scale;
        dorefaWeightsBackward(x, gradient, gradientX);
        for (float& g : gradientX) {
            g *= scale;
        }
    }

private:
    struct Shape {
        double largest = 0;  ///< M
        float scale = 1;     ///< E
    };

    Shape shapeOf(std::span<const float> x) const {
        Shape shape{largestTanh(x), 1.0F};
        if (m_bits == 1) {
            shape.scale = static_cast<float>(meanMagnitude(x));
        } else if (m_scale == DorefaQuantizer::Scale::LeastSquares && shape.largest > 0) {
            std::vector<float> codes(x.size());
            dorefaValues(x, codes, 1 << m_bits, shape.largest);
            shape.scale = static_cast<float>(std::max(0.0, closedFormScale(codes, x)));
        }
        return shape;
    }
    void apply(std::span<const float> x, std::span<float> out, const Shape& shape) const {
        if (m_bits == 1) {
            binarise(x, out, shape.scale);
            return;
        }
        dorefaValues(x, out, 1 << m_bits, shape.largest);
        for (float& y : out) {
            y *= shape.scale;
        }
    }

    int m_bits;
    DorefaQuantizer::Scale m_scale;
};

}  // namespace

std::unique_ptr<TrainableQuantizer> DorefaQuantizer::start(const FitInput& input, BitWidth bits) const {
    if (input.kind == SiteKind::Weight && !input.slices.front().values.empty()) {
        requireTableBits(bits.bits(), kName);
        return std::make_unique<DorefaWeights>(bits.bits(), m_scale);
    }
    PactQuantizer::Options clip;
    clip.alpha = m_clip;
    clip.isLearned = false;
    clip.mask = ClippedActivation::Mask::Closed;
    return PactQuantizer(clip).trainable(input, bits);
}

}  // namespace bitlathe::core
