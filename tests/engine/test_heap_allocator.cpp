#include "engine/heap_allocator.h"

#include "engine/process_setup.h"

#include <ATen/ops/empty.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <QtTest>

#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

using namespace bitlathe;

namespace {

long pageFaults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

}  // namespace

class TestHeapAllocator : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everySizeIsAlignedAndItsOwn() {
        const engine::HeapAllocator allocator;
        std::vector<c10::DataPtr> blocks;
        for (std::size_t bytes = 1; bytes < 400; bytes += 7) {
            blocks.push_back(allocator.allocate(bytes));
            QCOMPARE(reinterpret_cast<std::uintptr_t>(blocks.back().get()) % 64, std::uintptr_t{0});
            std::memset(blocks.back().get(), static_cast<int>(blocks.size()), bytes);
        }
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            const auto* const data = static_cast<const unsigned char*>(blocks[i].get());
            for (std::size_t byte = 0; byte < 1 + 7 * i; ++byte) {
                QCOMPARE(std::size_t{data[byte]}, i + 1);
            }
        }
    }

    void nothingIsNoBlock() { QVERIFY(engine::HeapAllocator().allocate(0).get() == nullptr); }

    void rawBlocksGoBackThroughTheDeleter() {
        engine::HeapAllocator allocator;
        void* const data = allocator.raw_allocate(1000);
        std::memset(data, 1, 1000);
        allocator.raw_deallocate(data);
    }

    void anotherThreadMayFree() {
        const engine::HeapAllocator allocator;
        c10::DataPtr block = allocator.allocate(1 << 20);
        std::thread([taken = std::move(block)]() mutable { taken.clear(); }).join();
    }

    void memoryThatIsNotThereIsAnError() {
        const engine::HeapAllocator allocator;
        for (const std::size_t bytes :
             {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 2}) {
            try {
                allocator.allocate(bytes);
                QFAIL("no error");
            } catch (const c10::Error& error) {
                QVERIFY(std::string(error.what()).find(std::to_string(bytes)) != std::string::npos);
            }
        }
    }

    /// Large tensors, small blocks between them: after the first no page is asked of the kernel again.
    void tensorsReuseTheirPages() {
#ifdef __SANITIZE_ADDRESS__
        QSKIP("the allocator is left to the sanitizer");
#endif
        engine::setUpProcess();
        constexpr std::int64_t kBytes = 48 << 20;
        constexpr long kPages = kBytes / 4096;
        std::vector<std::vector<char>> between;
        const auto fill = [&] {
            const at::Tensor tensor = at::empty({kBytes}, at::kByte);
            between.emplace_back(100);
            std::memset(tensor.data_ptr(), 1, kBytes);
        };
        fill();
        const long before = pageFaults();
        for (int i = 0; i < 10; ++i) {
            fill();
        }
        // One round with fresh pages would take all of them.
        QVERIFY2(pageFaults() - before < kPages / 2, qPrintable(QString::number(pageFaults() - before)));
    }
};

QTEST_GUILESS_MAIN(TestHeapAllocator)
#include "test_heap_allocator.moc"
