#include "tests/bench/tensor_memory.h"

#include "engine/heap_allocator.h"

#include <c10/core/CPUAllocator.h>

#include <malloc.h>

#include <atomic>

namespace bitlathe::bench {

namespace {

std::atomic<std::int64_t> live{0};
std::atomic<std::int64_t> peak{0};

/// What malloc gave for a tensor's data: HeapAllocator keeps the block's address in front of it.
std::int64_t sizeOf(void* data) {
    return static_cast<std::int64_t>(malloc_usable_size(static_cast<void**>(data)[-1]));
}

void freeCounted(void* data) {
    if (data != nullptr) {
        live -= sizeOf(data);
        engine::HeapAllocator().raw_deleter()(data);
    }
}

class CountingAllocator final : public c10::Allocator {
public:
    c10::DataPtr allocate(std::size_t bytes) const override {
        c10::DataPtr given = m_allocator.allocate(bytes);
        const c10::Device device = given.device();
        void* const data = given.release_context();
        if (data != nullptr) {
            const std::int64_t now = live += sizeOf(data);
            std::int64_t before = peak;
            while (before < now && !peak.compare_exchange_weak(before, now)) {
            }
        }
        return {data, data, &freeCounted, device};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &freeCounted; }

private:
    engine::HeapAllocator m_allocator;
};

}  // namespace

void countTensorMemory() {
    constexpr std::uint8_t kPriority = 2;                    // above the engine's
    c10::SetCPUAllocator(new CountingAllocator, kPriority);  // owned by LibTorch, which keeps it to the end
}

std::int64_t liveTensorBytes() {
    return live;
}

std::int64_t peakTensorBytes() {
    return peak;
}

void resetPeakTensorBytes() {
    peak = live.load();
}

}  // namespace bitlathe::bench
