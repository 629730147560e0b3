#include "engine/straight_through.h"

#include "core/quantizers/fake_quantize.h"
#include "engine/fake_quantize_op.h"
#include "engine/quantized_runs.h"

#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <span>

namespace bitlathe::engine {

namespace {

template <typename T>
std::span<T> part(T* data, std::int64_t begin, std::int64_t end) {
    return {data + begin, static_cast<std::size_t>(end - begin)};
}

/// A gradient in the memory order of the mask, so that both can be walked together.
at::Tensor inOrderOf(const at::Tensor& gradient, const at::Tensor& mask) {
    return gradient.strides() == mask.strides()
               ? gradient
               : at::empty_like(mask, gradient.options().dtype(at::kFloat)).copy_(gradient);
}

class StraightThrough : public torch::autograd::Function<StraightThrough> {
public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& value,
                              const core::QParams& qparams) {
        const at::Tensor source = walkable(value, qparams);
        const at::Tensor result = at::empty_like(source);
        const at::Tensor mask = at::empty_like(source, source.options().dtype(at::kByte));
        const float* const in = source.data_ptr<float>();
        float* const out = result.data_ptr<float>();
        std::uint8_t* const passes = mask.data_ptr<std::uint8_t>();
        forEachRun(
            source, qparams,
            [&](std::int64_t begin, std::int64_t end, std::size_t channel) {
                core::fakeQuantizeMasked(part(in, begin, end), part(out, begin, end),
                                         part(passes, begin, end), qparams, channel);
            },
            [&](std::int64_t begin, std::int64_t end) {
                core::fakeQuantizeInterleavedMasked(part(in, begin, end), part(out, begin, end),
                                                    part(passes, begin, end), qparams);
            });
        context->save_for_backward({mask});
        return result;
    }

    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::tensor_list& gradients) {
        const at::Tensor mask = context->get_saved_variables()[0];
        const at::Tensor gradient = inOrderOf(gradients[0], mask);
        const at::Tensor result = at::empty_like(gradient);
        const std::uint8_t* const passes = mask.data_ptr<std::uint8_t>();
        const float* const in = gradient.data_ptr<float>();
        float* const out = result.data_ptr<float>();
        constexpr std::int64_t kGrain = 32768;
        at::parallel_for(0, mask.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
            core::maskGradient(part(passes, begin, end), part(in, begin, end), part(out, begin, end));
        });
        return {result, at::Tensor()};
    }
};

}  // namespace

at::Tensor fakeQuantizeStraightThrough(const at::Tensor& value, const core::QParams& qparams) {
    return value.requires_grad() ? StraightThrough::apply(value, qparams) : fakeQuantize(value, qparams);
}

}  // namespace bitlathe::engine
