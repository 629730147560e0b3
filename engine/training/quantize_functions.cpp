#include "engine/training/quantize_functions.h"

#include "core/quantizers/fake_quantize.h"
#include "engine/fake_quantize_op.h"
#include "engine/straight_through.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <span>
#include <utility>

namespace bitlathe::engine {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Values per piece of a tensor that threads share. Sums over pieces are added in the order of the pieces, so
// results do not depend on the number of threads.
constexpr std::int64_t kPiece = 65536;

template <typename Held>
void keep(AutogradContext* context, c10::intrusive_ptr<Held> held) {
    context->saved_data["call"] = c10::IValue::make_capsule(std::move(held));
}
template <typename Held>
c10::intrusive_ptr<Held> kept(AutogradContext* context) {
    return c10::static_intrusive_pointer_cast<Held>(context->saved_data["call"].toCapsule());
}

std::span<const float> read(const at::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}
std::span<float> write(const at::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// `tensor` in the memory order of `model`, so that both can be walked together.
at::Tensor inOrderOf(const at::Tensor& tensor, const at::Tensor& model) {
    if (tensor.strides() == model.strides() && tensor.scalar_type() == at::kFloat) {
        return tensor;
    }
    return at::empty_like(model).copy_(tensor);
}

/// Calls work(begin, end) for every piece of `count` values, on all threads.
template <typename Work>
void forPieces(std::int64_t count, Work&& work) {
    const std::int64_t pieces = (count + kPiece - 1) / kPiece;
    at::parallel_for(0, pieces, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t piece = first; piece < last; ++piece) {
            work(piece, piece * kPiece, std::min(count, (piece + 1) * kPiece));
        }
    });
}

// Given grids -----------------------------------------------------------------------------------------------

struct GridCall : torch::CustomClassHolder {
    core::QParams grid;
    core::StraightThrough rule = core::StraightThrough::Clipped;
};

void backwardRun(std::span<const float> x, std::span<const float> gradient, std::span<float> out,
                 const GridCall& call, std::size_t slice) {
    core::clampBackward(x, gradient, out, static_cast<float>(call.grid.representableLower(slice)),
                        static_cast<float>(call.grid.representableUpper(slice)));
}

/// Runs of one slice each, in an order in which a slice's neighbours are neighbours in memory.
void backwardPerChannel(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& out,
                        const GridCall& call) {
    const int axis = *call.grid.axis;
    const std::int64_t channels = x.size(axis);
    const core::SliceLayout layout = sliceLayout(x.sizes(), axis, channels);
    const auto inner = static_cast<std::size_t>(layout.inner);
    const std::int64_t runs = layout.outer * channels;
    at::parallel_for(0, runs, kPiece / layout.inner + 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t run = first; run < last; ++run) {
            const std::size_t at = static_cast<std::size_t>(run) * inner;
            backwardRun(read(x).subspan(at, inner), read(gradient).subspan(at, inner),
                        write(out).subspan(at, inner), call, static_cast<std::size_t>(run % channels));
        }
    });
}

class QuantizeOnGrid : public torch::autograd::Function<QuantizeOnGrid> {
public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                              const c10::intrusive_ptr<GridCall>& call) {
        // A second handle: the value is needed for the backward pass and must not be overwritten.
        at::Tensor value =
            call->grid.isPerChannel()
                ? inSliceOrder(x, sliceLayout(x.sizes(), call->grid.axis, x.size(*call->grid.axis)),
                               *call->grid.axis)
                : x;
        keep(context, call);
        context->save_for_backward({value});
        return fakeQuantize(value, call->grid);
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto call = kept<GridCall>(context);
        const at::Tensor x = context->get_saved_variables()[0];
        const at::Tensor gradient = inOrderOf(gradients[0], x);
        if (call->rule == core::StraightThrough::Pass) {
            return {gradient, at::Tensor()};
        }
        at::Tensor out = at::empty_like(x);
        if (call->grid.isPerChannel()) {
            backwardPerChannel(x, gradient, out, *call);
        } else {
            forPieces(x.numel(), [&](std::int64_t, std::int64_t begin, std::int64_t end) {
                const auto at = static_cast<std::size_t>(begin);
                const auto count = static_cast<std::size_t>(end - begin);
                backwardRun(read(x).subspan(at, count), read(gradient).subspan(at, count),
                            write(out).subspan(at, count), *call, 0);
            });
        }
        return {out, at::Tensor()};
    }
};

// Learned grids ---------------------------------------------------------------------------------------------

struct LearnedCall : torch::CustomClassHolder {
    std::shared_ptr<const core::TrainableQuantizer> quantizer;
    core::SliceLayout layout;
    /// As they were in the forward pass: an update or an optimizer may move the tensors before the backward.
    std::vector<std::vector<float>> values;

    std::vector<std::span<const float>> views() const { return {values.begin(), values.end()}; }
    /// True when any stretch of memory may be worked on alone.
    bool isDivisible() const { return quantizer->isElementwise() && layout.slices == 1; }
};

void forwardLearned(const at::Tensor& x, const at::Tensor& out, const LearnedCall& call) {
    const auto values = call.views();
    if (!call.isDivisible()) {
        call.quantizer->forward(read(x), write(out), call.layout, values);
        return;
    }
    forPieces(x.numel(), [&](std::int64_t, std::int64_t begin, std::int64_t end) {
        const auto at = static_cast<std::size_t>(begin);
        const auto count = static_cast<std::size_t>(end - begin);
        call.quantizer->forward(read(x).subspan(at, count), write(out).subspan(at, count),
                                {1, 1, end - begin}, values);
    });
}

using Gradients = std::vector<std::vector<float>>;

Gradients zerosLike(const std::vector<std::vector<float>>& values) {
    Gradients zeros;
    for (const std::vector<float>& value : values) {
        zeros.emplace_back(value.size(), 0.0F);
    }
    return zeros;
}

void backwardStretch(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& out,
                     const LearnedCall& call, const core::SliceLayout& layout, std::size_t begin,
                     std::size_t count, Gradients& gradients) {
    const std::vector<std::span<float>> views(gradients.begin(), gradients.end());
    call.quantizer->backward(read(x).subspan(begin, count), read(gradient).subspan(begin, count),
                             write(out).subspan(begin, count), layout, call.views(), views);
}

Gradients backwardLearned(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& out,
                          const LearnedCall& call) {
    if (!call.isDivisible()) {
        Gradients all = zerosLike(call.values);
        backwardStretch(x, gradient, out, call, call.layout, 0, static_cast<std::size_t>(x.numel()), all);
        return all;
    }
    std::vector<Gradients> pieces(static_cast<std::size_t>((x.numel() + kPiece - 1) / kPiece),
                                  zerosLike(call.values));
    forPieces(x.numel(), [&](std::int64_t piece, std::int64_t begin, std::int64_t end) {
        backwardStretch(x, gradient, out, call, {1, 1, end - begin}, static_cast<std::size_t>(begin),
                        static_cast<std::size_t>(end - begin), pieces[static_cast<std::size_t>(piece)]);
    });
    Gradients all = zerosLike(call.values);
    for (std::size_t p = 0; p < all.size(); ++p) {
        for (std::size_t i = 0; i < all[p].size(); ++i) {
            double sum = 0;
            for (const Gradients& piece : pieces) {
                sum += static_cast<double>(piece[p][i]);
            }
            all[p][i] = static_cast<float>(sum);
        }
    }
    return all;
}

at::Tensor tensorOf(const std::vector<float>& values) {
    at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
    std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
    return tensor;
}

class QuantizeLearned : public torch::autograd::Function<QuantizeLearned> {
public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                              const c10::intrusive_ptr<LearnedCall>& call, at::TensorList /*parameters*/) {
        keep(context, call);
        context->save_for_backward({x});
        at::Tensor out = at::empty_like(x);
        forwardLearned(x, out, *call);
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto call = kept<LearnedCall>(context);
        const at::Tensor x = context->get_saved_variables()[0];
        const at::Tensor gradient = inOrderOf(gradients[0], x);
        at::Tensor out = at::empty_like(x);
        const Gradients ofParameters = backwardLearned(x, gradient, out, *call);
        variable_list result{out, at::Tensor()};
        for (const std::vector<float>& values : ofParameters) {
            result.push_back(tensorOf(values));
        }
        return result;
    }
};

}  // namespace

core::SliceLayout sliceLayout(at::IntArrayRef sizes, std::optional<int> axis, std::int64_t slices) {
    std::int64_t all = 1;
    std::int64_t before = 1;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        all *= sizes[i];
        if (axis && i < static_cast<std::size_t>(*axis)) {
            before *= sizes[i];
        }
    }
    if (!axis) {
        return {1, 1, all};
    }
    return {before, slices, all / (before * slices)};
}

at::Tensor inSliceOrder(const at::Tensor& x, const core::SliceLayout& layout, int axis) {
    if (layout.slices == 1 || axis == 0) {
        // Channels-last weights keep an output channel's values together too.
        return x.is_non_overlapping_and_dense() ? x : x.contiguous();
    }
    return x.contiguous();
}

namespace {

/// The kernels are the processor's: a tensor of another device comes here and goes back, its gradient too.
at::Tensor onCpu(const at::Tensor& x) {
    return x.cpu().to(at::kFloat);
}

}  // namespace

at::Tensor quantizeOnGrid(const at::Tensor& x, const core::QParams& grid, core::StraightThrough rule) {
    if (rule == core::StraightThrough::Clipped) {
        return fakeQuantizeStraightThrough(onCpu(x), grid).to(x.device());
    }
    auto call = c10::make_intrusive<GridCall>();
    call->grid = grid;
    call->rule = rule;
    return QuantizeOnGrid::apply(onCpu(x), call).to(x.device());
}

at::Tensor quantizeLearned(const at::Tensor& x,
                           const std::shared_ptr<const core::TrainableQuantizer>& quantizer,
                           const std::vector<at::Tensor>& parameters, const core::SliceLayout& layout) {
    auto call = c10::make_intrusive<LearnedCall>();
    call->quantizer = quantizer;
    call->layout = layout;
    for (const at::Tensor& parameter : parameters) {
        const float* const data = parameter.data_ptr<float>();
        call->values.emplace_back(data, data + parameter.numel());
    }
    return QuantizeLearned::apply(onCpu(x), call, at::TensorList(parameters)).to(x.device());
}

}  // namespace bitlathe::engine
