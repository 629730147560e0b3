#pragma once

#include "core/types/error.h"

#include <utility>

namespace bitlathe::engine {

/// Rethrows the exception in flight as what core promises: core::Error and core::Cancelled pass; LibTorch's
/// and the standard library's become core::Error whose text begins with `what`. Call inside a catch block
/// only.
[[noreturn]] void rethrowAsCoreError(const char* what);

/// Runs `work` so that only core::Error and core::Cancelled leave it.
template <typename Work>
auto atBoundary(const char* what, Work&& work) -> decltype(std::forward<Work>(work)()) {
    try {
        return std::forward<Work>(work)();
    } catch (...) {
        rethrowAsCoreError(what);
    }
}

}  // namespace bitlathe::engine
