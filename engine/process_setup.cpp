#include "engine/process_setup.h"

#include "core/types/error.h"
#include "engine/heap_allocator.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <torch/csrc/api/include/torch/version.h>

#include <spdlog/spdlog.h>

#include <dlfcn.h>
#include <malloc.h>

#include <mutex>
#include <string>

namespace bitlathe::engine {

namespace {

class LogWarnings final : public c10::WarningHandler {
public:
    void process(const c10::SourceLocation& location, const std::string& message,
                 bool /*verbatim*/) override {
        spdlog::warn("LibTorch: {} ({})", message, location.function);
    }
};

void keepMemory() {
#ifndef __SANITIZE_ADDRESS__
    // Large tensors come from the heap, not from fresh mappings, and the heap is never given back: a new page
    // costs ten times what filling it does. One arena, because only the main one grows without bounds.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
    mallopt(M_ARENA_MAX, 1);
    useHeapAllocator();
#endif
}

/// OpenBLAS has threads of its own, which LibTorch does not know of. Looked up by name: another BLAS may be
/// installed.
template <typename Function>
Function openBlas(const char* symbol) {
    return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, symbol));
}

/// First line of a text that starts with `prefix`, without the prefix; empty when there is none.
std::string lineAfter(const std::string& text, const std::string& prefix) {
    const std::size_t begin = text.find(prefix);
    if (begin == std::string::npos) {
        return {};
    }
    const std::size_t from = begin + prefix.size();
    return text.substr(from, text.find('\n', from) - from);
}

}  // namespace

void setUpProcess() {
    static std::once_flag once;
    std::call_once(once, [] {
        keepMemory();
        static LogWarnings handler;
        c10::Warning::set_warning_handler(&handler);
    });
}

void setComputeThreads(int threads) {
    if (threads < 1) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "the number of threads must be at least 1, not " + std::to_string(threads));
    }
    at::set_num_threads(threads);
    if (const auto set = openBlas<void (*)(int)>("openblas_set_num_threads"); set != nullptr) {
        set(threads);
    }
}

core::EngineInfo describeLibTorch() {
    core::EngineInfo info;
    info.torchVersion = TORCH_VERSION;
    const auto config = openBlas<const char* (*)()>("openblas_get_config");
    info.blas =
        config != nullptr ? config() : "reference BLAS (install libopenblas0-pthread for a faster one)";
    info.cpuCapability = lineAfter(at::show_config(), "CPU capability usage: ");
    info.threads = at::get_num_threads();
    return info;
}

}  // namespace bitlathe::engine
