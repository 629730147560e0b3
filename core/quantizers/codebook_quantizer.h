#pragma once

#include "core/quantizers/slice_trainable.h"

#include <string_view>

namespace bitlathe::core {

/// A codebook of 2^b levels per slice, 1 to 8 bits (README eq. 27).
///
/// Method::Optimal solves k-means exactly (for more than a million levels times values, exactly on a histogram of
/// 2048 bins, then Lloyd's iteration on the values); Method::Lloyd starts from evenly spaced quantiles.
/// Training: dx = g; each level gathers the gradients of the values it stands for.
/// Source  Wang and Song 2011 (Ckmeans.1d.dp); training: Han et al. 2016, arXiv:1510.00149, section 3 (README eq. 40).
class CodebookQuantizer final : public FittedQuantizer {
public:
    static constexpr std::string_view kName = "codebook";

    enum class Method { Optimal, Lloyd };
    explicit CodebookQuantizer(Method method = Method::Optimal) : m_method(method) {}

protected:
    std::string_view name() const noexcept override { return kName; }
    std::unique_ptr<TrainableQuantizer> start(const FitInput& input, BitWidth bits) const override;

private:
    Method m_method;
};

}  // namespace bitlathe::core
