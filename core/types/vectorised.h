#pragma once

/// Marks a kernel the compiler builds several times, once per instruction set; the dynamic linker picks the
/// best one at load time. Every version computes the same bits: the kernels use IEEE 754 operations that
/// round once each; contraction to fused multiply-add is off (-ffp-contract=off where they are compiled).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BITLATHE_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BITLATHE_VECTORISED
#endif
