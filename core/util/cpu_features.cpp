#include "core/util/cpu_features.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace bitlathe::core {

bool hasBFloat16Arithmetic() noexcept {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16") != 0;
#elif defined(__aarch64__) && defined(__linux__)
    constexpr unsigned long kBf16 = 1UL << 14;  // HWCAP2_BF16
    return (getauxval(AT_HWCAP2) & kBf16) != 0;
#else
    return false;
#endif
}

}  // namespace bitlathe::core
