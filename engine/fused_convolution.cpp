#include "engine/fused_convolution.h"

#include "core/types/error.h"
#include "engine/tensor_bridge.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <dnnl.hpp>

#include <array>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace bitlathe::engine {

namespace {

using Memory = dnnl::memory;
using Dims = dnnl::memory::dims;

const dnnl::engine& processor() {
    static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    return engine;
}

Memory::desc channelsLast(const Dims& dims) {
    return {dims, Memory::data_type::f32, Memory::format_tag::nhwc};
}

Memory view(const Memory::desc& description, const at::Tensor& tensor) {
    return {description, processor(), tensor.data_ptr<float>()};
}

/// N,C,H,W of the result.
Dims resultDims(const core::Conv2dOp& op, at::IntArrayRef x, at::IntArrayRef weight) {
    const auto extent = [&](std::size_t i) {
        const std::int64_t reach = op.dilation[i] * (weight[i + 2] - 1) + 1;
        return (x[i + 2] + op.padding[i] + op.padding[i + 2] - reach) / op.stride[i] + 1;
    };
    return {x[0], weight[0], extent(0), extent(1)};
}

dnnl::primitive_attr attributesOf(bool addsInto, const std::optional<core::ClampOp>& clamp) {
    dnnl::post_ops after;
    if (addsInto) {
        after.append_sum(1.0F);
    }
    if (clamp) {
        const auto lower = static_cast<float>(clamp->lower);
        const auto upper = static_cast<float>(clamp->upper);
        const float most = std::numeric_limits<float>::max();
        const float top = upper > most ? most : upper;
        const float bottom = lower < -most ? -most : lower;
#if DNNL_VERSION_MAJOR < 3
        after.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, bottom, top);
#else
        after.append_eltwise(dnnl::algorithm::eltwise_clip, bottom, top);
#endif
    }
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    // Memory for intermediate values is ours: several threads run one kernel at a time.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
}

using Description = dnnl::convolution_forward::primitive_desc;

Description describe(const core::Conv2dOp& op, const Memory::desc& x, const Memory::desc& weight,
                     const Memory::desc& bias, const Memory::desc& result,
                     const dnnl::primitive_attr& attributes) {
    const Dims stride{op.stride[0], op.stride[1]};
    const Dims dilation{op.dilation[0] - 1, op.dilation[1] - 1};
    const Dims before{op.padding[0], op.padding[1]};
    const Dims behind{op.padding[2], op.padding[3]};
    constexpr auto kKind = dnnl::prop_kind::forward_inference;
    constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR < 3
    return {dnnl::convolution_forward::desc(kKind, kAlgorithm, x, weight, bias, result, stride, dilation,
                                            before, behind),
            attributes, processor()};
#else
    return {processor(), kKind,  kAlgorithm, x,      weight, bias,
            result,      stride, dilation,   before, behind, attributes};
#endif
}

/// What one input size needs.
struct Kernel {
    dnnl::convolution_forward primitive;
    Memory weight;
    Memory::desc scratchpad;
    Dims result;
};

/// Kernels are compiled for a number of threads, so the key holds it beside the sizes.
using Key = std::array<std::int64_t, 4>;

}  // namespace

struct FusedConvolution::Kernels {
    core::Conv2dOp op;
    at::Tensor weight;  ///< row-major: [out, in/groups, kH, kW]
    at::Tensor bias;
    bool addsInto;
    dnnl::primitive_attr attributes;
    std::mutex adding;
    std::map<Key, std::shared_ptr<const Kernel>> known;
    std::vector<Memory> orderedWeights;  ///< the orders of weights met so far; hardly ever more than one

    std::shared_ptr<const Kernel> of(at::IntArrayRef x) {
        const Key key{x[0], x[2], x[3], at::in_parallel_region() ? 1 : at::get_num_threads()};
        const std::lock_guard lock(adding);
        std::shared_ptr<const Kernel>& kernel = known[key];
        if (kernel == nullptr) {
            kernel = std::make_shared<Kernel>(compile(x));
        }
        return kernel;
    }

private:
    Kernel compile(at::IntArrayRef x) {
        const at::IntArrayRef sizes = weight.sizes();
        const Dims result = resultDims(op, x, sizes);
        const bool isGrouped = op.groups > 1;
        const Dims weightDims = isGrouped
                                    ? Dims{op.groups, sizes[0] / op.groups, sizes[1], sizes[2], sizes[3]}
                                    : Dims{sizes[0], sizes[1], sizes[2], sizes[3]};
        const Memory::desc biasDescription =
            bias.defined() ? Memory::desc({sizes[0]}, Memory::data_type::f32, Memory::format_tag::x)
                           : Memory::desc();
        const Description description =
            describe(op, channelsLast({x[0], x[1], x[2], x[3]}),
                     {weightDims, Memory::data_type::f32, Memory::format_tag::any}, biasDescription,
                     channelsLast(result), attributes);
        const Memory plain({weightDims, Memory::data_type::f32,
                            isGrouped ? Memory::format_tag::goihw : Memory::format_tag::oihw},
                           processor(), weight.data_ptr<float>());
        return {dnnl::convolution_forward(description), ordered(plain, description.weights_desc()),
                description.scratchpad_desc(), result};
    }

    Memory ordered(const Memory& plain, const Memory::desc& order) {
        for (const Memory& there : orderedWeights) {
            if (there.get_desc() == order) {
                return there;
            }
        }
        Memory result(order, processor());
        dnnl::stream stream(processor());
        dnnl::reorder(plain, result).execute(stream, const_cast<Memory&>(plain), result);
        stream.wait();
        orderedWeights.push_back(result);
        return result;
    }
};

FusedConvolution::FusedConvolution(const core::Conv2dOp& op, const at::Tensor& weight, const at::Tensor& bias,
                                   bool addsInto, const std::optional<core::ClampOp>& clamp)
    : m_kernels(std::make_unique<Kernels>()) {
    m_kernels->op = op;
    m_kernels->weight = weight.contiguous();
    m_kernels->bias = bias.defined() ? bias.contiguous() : bias;
    m_kernels->addsInto = addsInto;
    m_kernels->attributes = attributesOf(addsInto, clamp);
}

FusedConvolution::~FusedConvolution() = default;

at::Tensor FusedConvolution::run(const at::Tensor& x, at::Tensor addend) const {
    try {
        const at::Tensor source = toChannelsLast(x);
        const std::shared_ptr<const Kernel> kernel = m_kernels->of(source.sizes());
        at::Tensor result =
            m_kernels->addsInto
                ? toChannelsLast(addend)
                : at::empty(kernel->result, source.options().memory_format(at::MemoryFormat::ChannelsLast));
        const at::Tensor scratchpad =
            at::empty({static_cast<std::int64_t>(kernel->scratchpad.get_size())}, at::kByte);
        std::unordered_map<int, Memory> arguments{
            {DNNL_ARG_SRC, view(channelsLast(source.sizes().vec()), source)},
            {DNNL_ARG_WEIGHTS, kernel->weight},
            {DNNL_ARG_DST, view(channelsLast(kernel->result), result)},
            {DNNL_ARG_SCRATCHPAD, Memory(kernel->scratchpad, processor(), scratchpad.data_ptr())}};
        if (m_kernels->bias.defined()) {
            arguments.emplace(DNNL_ARG_BIAS,
                              view({{m_kernels->bias.size(0)}, Memory::data_type::f32, Memory::format_tag::x},
                                   m_kernels->bias));
        }
        dnnl::stream stream(processor());
        kernel->primitive.execute(stream, arguments);
        stream.wait();
        return result;
    } catch (const dnnl::error& error) {
        throw core::Error(core::ErrorCode::Unknown, std::string("oneDNN: ") + error.what());
    }
}

}  // namespace bitlathe::engine
