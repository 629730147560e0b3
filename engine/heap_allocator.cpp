#include "engine/heap_allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <cstdlib>
#include <limits>

namespace bitlathe::engine {

namespace {

constexpr std::size_t kAlignment = 64;  // a cache line, and the widest vector

/// The block's own address stands in front of the aligned data: malloc aligns to 16 bytes, so there is room for it.
void*& blockOf(void* data) {
    return static_cast<void**>(data)[-1];
}

void freeBlock(void* data) {
    if (data != nullptr) {
        std::free(blockOf(data));
    }
}

}  // namespace

c10::DataPtr HeapAllocator::allocate(std::size_t bytes) const {
    const c10::Device device(c10::DeviceType::CPU);
    if (bytes == 0) {
        return {nullptr, nullptr, &freeBlock, device};
    }
    const bool isPossible = bytes <= std::numeric_limits<std::size_t>::max() - kAlignment;
    void* const block = isPossible ? std::malloc(bytes + kAlignment) : nullptr;
    TORCH_CHECK(block != nullptr, "not enough memory for a tensor of ", bytes, " bytes");
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    void* const data = static_cast<char*>(block) + (kAlignment - address % kAlignment);
    blockOf(data) = block;
    return {data, data, &freeBlock, device};
}

c10::DeleterFnPtr HeapAllocator::raw_deleter() const {
    return &freeBlock;
}

void useHeapAllocator() {
    constexpr std::uint8_t kPriority = 1;                // above LibTorch's own
    c10::SetCPUAllocator(new HeapAllocator, kPriority);  // owned by LibTorch, which keeps it to the end
}

}  // namespace bitlathe::engine
