#include "engine/error_boundary.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>

namespace bitlathe::engine {

namespace {

/// LibTorch says it by a plain error whose text names its allocator.
bool isOutOfMemory(const std::string& text) {
    return text.find("allocate memory") != std::string::npos;
}

[[noreturn]] void throwOutOfMemory(const char* what) {
    throw core::Error(core::ErrorCode::Unknown,
                      std::string(what) + ": not enough memory; use a smaller batch or close other programs");
}

}  // namespace

void rethrowAsCoreError(const char* what) {
    try {
        throw;
    } catch (const core::Error&) {
        throw;
    } catch (const core::Cancelled&) {
        throw;
    } catch (const c10::Error& error) {
        if (isOutOfMemory(error.what_without_backtrace())) {
            throwOutOfMemory(what);
        }
        throw core::Error(core::ErrorCode::Unknown,
                          std::string(what) + ": LibTorch says " + error.what_without_backtrace());
    } catch (const std::bad_alloc&) {
        throwOutOfMemory(what);
    } catch (const std::exception& error) {
        throw core::Error(core::ErrorCode::Unknown, std::string(what) + ": " + error.what());
    }
}

}  // namespace bitlathe::engine
