#include "engine/tensor_bridge.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

namespace bitlathe::engine {

namespace {

/// Both layouts order the memory alike when there is one channel or one pixel.
bool isOrderFree(at::IntArrayRef sizes) {
    return sizes[1] == 1 || (sizes[2] == 1 && sizes[3] == 1);
}

std::vector<std::int64_t> channelsLastStrides(at::IntArrayRef sizes) {
    return {sizes[1] * sizes[2] * sizes[3], 1, sizes[3] * sizes[1], sizes[1]};
}

}  // namespace

at::Tensor wrap(const core::FloatTensor& tensor) {
    if (!tensor.defined()) {
        return {};
    }
    // LibTorch has no read-only tensor; nothing here writes to a tensor it does not own (see operators.h).
    auto* const data = const_cast<float*>(tensor.values().data());
    return at::from_blob(
        data, tensor.shape(), [keep = tensor.storage()](void*) {}, at::kFloat);
}

core::FloatTensor unwrap(const at::Tensor& tensor) {
    if (!tensor.defined()) {
        return {};
    }
    const at::Tensor dense = tensor.detach().cpu().to(at::kFloat).contiguous();
    const float* const data = dense.data_ptr<float>();
    return {shapeOf(tensor), std::vector<float>(data, data + dense.numel())};
}

at::Tensor toChannelsLast(const at::Tensor& tensor) {
    if (!tensor.defined() || tensor.dim() != 4) {
        return tensor;
    }
    const auto strides = channelsLastStrides(tensor.sizes());
    if (tensor.strides() == at::IntArrayRef(strides)) {
        return tensor;
    }
    if (isOrderFree(tensor.sizes()) && tensor.is_contiguous()) {
        // contiguous(ChannelsLast) would return such a tensor with its old strides, and convolutions look at
        // strides.
        return tensor.as_strided(tensor.sizes(), strides);
    }
    return at::empty(tensor.sizes(), tensor.options().memory_format(at::MemoryFormat::ChannelsLast))
        .copy_(tensor);
}

at::Tensor wrapImages(const core::Batch& batch) {
    auto* const data = const_cast<float*>(batch.images.data());
    const at::IntArrayRef sizes(batch.shape);
    if (sizes.size() == 4 && isOrderFree(sizes)) {
        return at::from_blob(data, sizes, channelsLastStrides(sizes), at::kFloat);
    }
    return at::from_blob(data, sizes, at::kFloat);
}

at::Tensor wrapLabels(const core::Batch& batch) {
    return at::from_blob(const_cast<std::int64_t*>(batch.labels.data()),
                         {static_cast<std::int64_t>(batch.labels.size())}, at::kLong);
}

core::Shape shapeOf(const at::Tensor& tensor) {
    return tensor.sizes().vec();
}

}  // namespace bitlathe::engine
