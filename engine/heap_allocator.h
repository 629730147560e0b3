#pragma once

#include <c10/core/Allocator.h>

namespace bitlathe::engine {

/// LibTorch's processor memory from malloc instead of posix_memalign, 64-byte aligned all the same.
///
/// glibc serves an aligned request from a larger block and keeps the cut-off ends in its caches of small blocks, where
/// they no longer join the freed middle: the next request of the same size does not fit there and takes fresh pages
/// from the kernel. Filling fresh pages costs ten times what filling known ones does, and the heap grows by the
/// tensor's size again and again. Blocks of malloc are reused whole.
///
/// Any thread may free what another allocated. Memory: as much as live tensors ever took at once stays with the process
/// (process_setup), 64 bytes more for each of them.
/// Errors  c10::Error: the system has no memory left; the text gives the size.
class HeapAllocator final : public c10::Allocator {
public:
    c10::DataPtr allocate(std::size_t bytes) const override;
    c10::DeleterFnPtr raw_deleter() const override;
};

/// Makes it LibTorch's allocator for processor memory. Tensors that already live keep their own deleter.
void useHeapAllocator();

}  // namespace bitlathe::engine
