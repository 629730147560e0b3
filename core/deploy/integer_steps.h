#pragma once

#include "core/deploy/integer_graph.h"
#include "core/deploy/integer_kernels.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bitlathe::core {

/// Where a step works: one thread's memory.
struct StepBuffers {
    std::array<const std::uint8_t*, 2> inputs{};  ///< first two; a concatenation reads `moreInputs`
    std::span<const std::uint8_t* const> moreInputs;
    void* output = nullptr;                ///< bytes, or int32 for a tensor of 32 bits
    std::uint8_t* padded = nullptr;        ///< paddedBytes() of the step
    std::int32_t* accumulators = nullptr;  ///< accumulatorCount() of the step
};

/// One layer made ready for the kernels.
class IntegerStep {
public:
    virtual ~IntegerStep() = default;
    virtual void run(const StepBuffers& buffers, const IntegerKernels& kernels) const = 0;
    virtual std::size_t paddedBytes() const { return 0; }
    virtual std::size_t accumulatorCount() const { return 0; }
};

std::unique_ptr<IntegerStep> makeStep(const IntegerGraph& graph, const IntegerLayer& layer);
/// The steps of a convolution of any kind or a linear layer.
std::unique_ptr<IntegerStep> makeConvolutionStep(const IntegerGraph& graph, const IntegerLayer& layer,
                                                 const IntegerConv& conv);

/// The rule for channels [first, first + count) as kernels take it; `output` gives the lowest code.
RequantizeTable requantizeTable(const Requantization& rule, std::size_t first, std::size_t count,
                                const IntegerTensor& output);

}  // namespace bitlathe::core
