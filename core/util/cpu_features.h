#pragma once

namespace bitlathe::core {

/// Whether this processor multiplies bfloat16 numbers itself (AVX-512 BF16, AMX; on Arm bf16). Elsewhere such
/// arithmetic is emulated and slower than float32.
bool hasBFloat16Arithmetic() noexcept;

}  // namespace bitlathe::core
