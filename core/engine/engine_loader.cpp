#include "core/engine/engine_loader.h"

#include "core/types/error.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace bitlathe::core {

namespace {

constexpr const char* kEngineFile = "libbitlathe_engine.so";

/// Folder of the shared library this very function lives in: the engine is installed beside it.
std::filesystem::path ownFolder() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&ownFolder), &info) == 0 || info.dli_fname == nullptr) {
        return {};
    }
    std::error_code ignored;
    return std::filesystem::absolute(info.dli_fname, ignored).parent_path();
}

std::vector<std::string> candidatePaths() {
    if (const char* chosen = std::getenv("BITLATHE_ENGINE"); chosen != nullptr && *chosen != '\0') {
        return {chosen};
    }
    return {(ownFolder() / kEngineFile).string(), kEngineFile};
}

}  // namespace

std::shared_ptr<Engine> loadEngine() {
    // Passive waiting: with another busy process on the machine, spinning OpenMP threads turn a 0.1 ms operator into 44 ms.
    // libgomp reads the variable once, in its constructor, so this must happen before the engine is opened.
    setenv("OMP_WAIT_POLICY", "passive", 0);

    std::string reasons;
    for (const std::string& path : candidatePaths()) {
        // Never closed again: LibTorch's worker threads and registrations outlive any engine.
        void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            reasons += std::string("\n  ") + dlerror();
            continue;
        }
        const auto create = reinterpret_cast<EngineFactory>(dlsym(library, kEngineFactorySymbol));
        if (create == nullptr) {
            throw Error(ErrorCode::EngineUnavailable, "'" + path + "' is not a Bitlathe engine: it lacks " +
                                                          kEngineFactorySymbol +
                                                          "; rebuild Bitlathe or unset BITLATHE_ENGINE");
        }
        return std::shared_ptr<Engine>(create());
    }
    throw Error(ErrorCode::EngineUnavailable, "the tensor engine could not be opened; install LibTorch "
                                              "(Debian: libtorch-dev) and rebuild, or point "
                                              "BITLATHE_ENGINE at libbitlathe_engine.so. Tried:" +
                                                  reasons);
}

}  // namespace bitlathe::core
