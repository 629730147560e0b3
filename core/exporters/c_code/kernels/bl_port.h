/* What the processor gives: pairs of 16-bit products in one instruction (DSP extension), or the same in plain C. */
#ifndef BL_PORT_H
#define BL_PORT_H

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(BL_PLAIN_C)
#define BL_DSP 1
#else
#define BL_DSP 0
#endif

static inline uint32_t bl_load_word(const void *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

#if BL_DSP

/* Bytes 0 and 2 of x as a pair of halfwords, and bytes 1 and 3. */
static inline uint32_t bl_even_bytes(uint32_t x) {
    uint32_t r;
    __asm__("uxtb16 %0, %1" : "=r"(r) : "r"(x));
    return r;
}
static inline uint32_t bl_odd_bytes(uint32_t x) {
    uint32_t r;
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(r) : "r"(x));
    return r;
}
/* The lower halfwords of a and b as a pair, and the upper ones. */
static inline uint32_t bl_pair_low(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
static inline uint32_t bl_pair_high(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(b), "r"(a));
    return r;
}
/* sum + a.low * b.low + a.high * b.high */
static inline int32_t bl_dot_pair(uint32_t a, uint32_t b, int32_t sum) {
    int32_t r;
    __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}
/* (a * b + c * 2^32) >> 32 */
static inline int32_t bl_high_product(int32_t a, int32_t b, int32_t c) {
    int32_t r;
    __asm__("smmla %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
    return r;
}

#else

static inline uint32_t bl_even_bytes(uint32_t x) { return x & 0x00FF00FFu; }
static inline uint32_t bl_odd_bytes(uint32_t x) { return (x >> 8) & 0x00FF00FFu; }
static inline uint32_t bl_pair_low(uint32_t a, uint32_t b) { return (a & 0xFFFFu) | (b << 16); }
static inline uint32_t bl_pair_high(uint32_t a, uint32_t b) { return (a >> 16) | (b & 0xFFFF0000u); }
static inline int32_t bl_dot_pair(uint32_t a, uint32_t b, int32_t sum) {
    return sum + (int16_t)(a & 0xFFFFu) * (int16_t)(b & 0xFFFFu) + (int16_t)(a >> 16) * (int16_t)(b >> 16);
}
static inline int32_t bl_high_product(int32_t a, int32_t b, int32_t c) {
    return (int32_t)(((int64_t)a * b + (int64_t)c * 4294967296LL) >> 32);
}

#endif

#endif
