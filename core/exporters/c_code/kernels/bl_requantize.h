/* Fixed-point requantization. One rule, two forms: the high half of the product where shift and rounding allow it,
   and the whole product with any rounding. */
#ifndef BL_REQUANTIZE_H
#define BL_REQUANTIZE_H

#include "bl_kernels.h"
#include "bl_port.h"

static inline int32_t bl_clamp(int32_t x, int32_t lower, int32_t upper) {
    return x < lower ? lower : x > upper ? upper : x;
}

/* The constant that the high product of BL_SHORT adds: zero point and half a step, in units of 2^(32 - shift). */
static inline int32_t bl_offset(const bl_requant *q) {
    return 2 * *q->zero + (int32_t)q->rounds;
}

/* floor(v * m / 2^(33 + s) + zero [+ 1/2]), not clamped yet; offset is bl_offset << s. */
static inline int32_t bl_short_code(int32_t v, int32_t m, uint32_t s, int32_t offset) {
    return bl_high_product(v, m, offset) >> s >> 1;
}

#if BL_HAS_WIDE
/* round(product / 2^shift) + zero, clamped. */
static inline int32_t bl_wide_code(int64_t product, uint32_t shift, const bl_requant *q) {
    const int64_t half = (int64_t)1 << (shift - 1u);
    if (q->rule == BL_HALF_UP) {
        product += half;
    } else if (q->rule == BL_HALF_AWAY) {
        product += half - (product < 0 ? 1 : 0);
    } else if (q->rule == BL_HALF_EVEN) {
        product += half - 1 + ((product >> shift) & 1);
    }
    product = (product >> shift) + *q->zero;
    return product < q->lower ? q->lower : product > q->upper ? q->upper : (int32_t)product;
}
#endif

/* The code of one accumulator by table entry `index`. */
static inline int32_t bl_code(int32_t v, uint32_t index, const bl_requant *q) {
    const uint32_t i = q->per_channel ? index : 0u;
#if BL_HAS_WIDE
    if (q->rule != BL_SHORT) {
        return bl_wide_code((int64_t)v * q->multipliers[i], q->shifts[i], q);
    }
#endif
    return bl_clamp(
        bl_short_code(v * (1 << q->pre_shift), q->multipliers[i], q->shifts[i], (int32_t)((uint32_t)bl_offset(q) << q->shifts[i])),
        q->lower, q->upper);
}

#if BL_HAS_THRESHOLDS
static inline int32_t bl_threshold_code(int32_t v, uint32_t channel, const bl_thresholds *t) {
    const int32_t *bounds = t->bounds + channel * t->count;
    int32_t reached = 0;
    uint32_t i;
    for (i = 0; i < t->count; ++i) {
        reached += v >= bounds[i];
    }
    return (int32_t)t->bases[channel] + t->steps[channel] * reached;
}
#endif

#endif
