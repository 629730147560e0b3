/* Convolutions of all channels, pointwise and linear layers.

   Two output pixels times four output channels are computed at a time. The inputs of the two pixels are first widened
   to 16 bits into `scratch`, once for all output channels; four columns (input values of one output value) are four words:

       word 0   pixel 0, columns 0 and 2        word 2   pixel 0, columns 1 and 3
       word 1   pixel 1, columns 0 and 2        word 3   pixel 1, columns 1 and 3

   so that the bytes 0 and 2 of a word, and 1 and 3, are pairs as the processor takes them apart. Weights come in the
   same order. Per block of four channels, first all columns that come in fours:

       8 bits, signed     4 words per 4 columns: bytes (c0 k0, c1 k0, c0 k2, c1 k2), (c2 k0, c3 k0, c2 k2, c3 k2),
                          then the same of k1 and k3
       4 bits, unsigned   2 words: nibbles c0 c1 c2 c3 of k0, then of k2; the same of k1 and k3
       2 bits, unsigned   1 word: bytes k0, k1, k2, k3 with four channels each

   then, for all blocks, the columns left over (4 channels of a column together), then the channels left over, column by
   column. Nothing is padded. */
#include "bl_codes.h"
#include "bl_requantize.h"

/* Four codes of a run to two words of the scratch. */
static void bl_widen(uint32_t *to, const uint8_t *codes, uint32_t index, uint32_t count, uint32_t bits) {
    uint32_t i;
#if BL_HAS_A8
    if (bits == 8u) {
        const uint8_t *from = codes + index;
        for (i = 0; i < count; i += 4u) {
            const uint32_t four = bl_load_word(from + i);
            to[0] = bl_even_bytes(four);
            to[2] = bl_odd_bytes(four);
            to += 4;
        }
        return;
    }
#endif
#if BL_HAS_A4
    if (bits == 4u) {
        const uint8_t *from = codes + (index >> 1);
        for (i = 0; i < count; i += 4u) {
            uint32_t four = (uint32_t)from[0] | ((uint32_t)from[1] << 16);
            from += 2;
            to[0] = four & 0x000F000Fu;
            to[2] = (four >> 4) & 0x000F000Fu;
            to += 4;
        }
        return;
    }
#endif
    for (i = 0; i < count; i += 4u) {
        const uint32_t four = bl_load4(codes, index + i, bits);
        to[0] = bl_even_bytes(four);
        to[2] = bl_odd_bytes(four);
        to += 4;
    }
}

/* `columns` codes of one byte each to one pixel's place in the scratch. */
static void bl_spread(uint32_t *to, const uint8_t *from, uint32_t columns) {
    for (; columns >= 4u; columns -= 4u) {
        const uint32_t four = bl_load_word(from);
        to[0] = bl_even_bytes(four);
        to[2] = bl_odd_bytes(four);
        to += 4;
        from += 4;
    }
    for (; columns > 0u; --columns) {
        *to = *from++;
        to += 2;
    }
}

/* The inputs of one output pixel, padding included, as `columns` values in the scratch's order. `bytes` is where they
   are collected first when their number in a row of the window is no multiple of four. */
static void bl_gather(const bl_conv *l, const uint8_t *in, int32_t row, int32_t column, uint32_t *to, uint8_t *bytes) {
    const bl_window *w = &l->window;
    const uint32_t channels = l->in.channels;
    const uint32_t bits = l->in.bits;
    const uint32_t columns = (uint32_t)w->rows * w->columns * channels;
    const int isDirect = channels % 4u == 0u;
    const int32_t left = column * w->stride_columns - w->pad_left;
    const int isWhole =
        w->dilation_columns == 1u && left >= 0 && left + (int32_t)w->columns <= (int32_t)l->in.columns;
    const uint32_t run = isWhole ? w->columns * channels : channels;
    const uint32_t runs = isWhole ? 1u : w->columns;
    uint8_t *end = bytes;
    uint32_t r, i, k;
    for (r = 0; r < w->rows; ++r) {
        const int32_t y = row * w->stride_rows - w->pad_top + (int32_t)(r * w->dilation_rows);
        for (i = 0; i < runs; ++i) {
            const int32_t x = left + (int32_t)(i * w->dilation_columns);
            const int isInside = y >= 0 && y < (int32_t)l->in.rows && x >= 0 && x < (int32_t)l->in.columns;
            const uint32_t index = isInside ? ((uint32_t)y * l->in.columns + (uint32_t)x) * channels : 0u;
            if (!isInside) {
                if (isDirect) {
                    const uint32_t pair = (uint32_t)*l->input_zero * 0x00010001u;
                    for (k = 0; k < run; k += 2u) {
                        to[k] = pair;
                    }
                } else {
                    memset(end, (int)*l->input_zero, run);
                }
            } else if (isDirect) {
                bl_widen(to, in, index, run, bits);
#if BL_HAS_A8
            } else if (bits == 8u) {
                for (k = 0; k < run; ++k) {
                    end[k] = in[index + k];
                }
#endif
#if BL_HAS_A4 || BL_HAS_A2 || BL_HAS_A_OTHER
            } else {
                for (k = 0; k < run; ++k) {
                    end[k] = (uint8_t)bl_read(in, index + k, bits);
                }
#endif
            }
            to += isDirect ? run : 0u;
            end += run;
        }
    }
    if (!isDirect) {
        bl_spread(to, bytes, columns);
    }
}

/* Sum of one pixel's inputs: what a zero point of the weights is multiplied with. */
static int32_t bl_sum(const uint32_t *pixel, uint32_t columns) {
    int32_t sum = 0;
    for (; columns >= 4u; columns -= 4u) {
        sum = bl_dot_pair(pixel[0], 0x00010001u, sum);
        sum = bl_dot_pair(pixel[2], 0x00010001u, sum);
        pixel += 4;
    }
    for (; columns > 0u; --columns) {
        sum += (int32_t)*pixel;
        pixel += 2;
    }
    return sum;
}

/* acc[0..3] (pixel 0) and acc[4..7] (pixel 1) = bias of the four channels + products of the columns x .. end.
   Returns the weights that follow. */
#if BL_DSP

#define BL_BLOCK(name) \
    ".section .text." name ",\"ax\",%progbits\n .syntax unified\n .thumb\n .balign 4\n .thumb_func\n .type " name \
    ",%function\n" name ":\n push {r0, r3-r11, lr}\n"
#define BL_BLOCK_NEXT "3: ldr lr, [sp, #4]\n cmp r1, lr\n bne 2b\n"
#define BL_BLOCK_STORE "ldr r0, [sp]\n stm r0, {r4-r11}\n mov r0, r2\n add sp, #8\n pop {r4-r11, pc}\n .text\n"
/* Both pixels' sums += pairs in r0 and r3 times the weight pair. */
#define BL_BOTH(pair, a, b) "smlad " a ", r0, " pair ", " a "\n smlad " b ", r3, " pair ", " b "\n"
#define BL_INPUTS "ldrd r0, r3, [r1], #8\n"
#define BL_WEIGHTS "ldr r12, [r2], #4\n"

#if BL_HAS_W8 || BL_HAS_W_OTHER
const uint32_t *bl_dot_w8(int32_t acc[8], const uint32_t *x, const uint32_t *w, const uint32_t *end,
                          const int32_t *bias);
#define BL_W8_TWO_CHANNELS(a0, b0, a1, b1) \
    BL_WEIGHTS "sxtb16 lr, r12\n" BL_BOTH("lr", a0, b0) "sxtb16 lr, r12, ror #8\n" BL_BOTH("lr", a1, b1)
#define BL_W8_TWO_COLUMNS \
    BL_INPUTS BL_W8_TWO_CHANNELS("r4", "r8", "r5", "r9") BL_W8_TWO_CHANNELS("r6", "r10", "r7", "r11")
__asm__(BL_BLOCK("bl_dot_w8")
        "ldr r0, [sp, #44]\n ldm r0, {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n b 3f\n"
        "2:\n" BL_W8_TWO_COLUMNS BL_W8_TWO_COLUMNS BL_BLOCK_NEXT BL_BLOCK_STORE);
#endif

#define BL_BLOCK_ZERO \
    "movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n mov r8, r4\n mov r9, r4\n mov r10, r4\n mov r11, r4\n" \
    "b 3f\n"
#define BL_BLOCK_BIAS "ldr r1, [sp, #44]\n ldm r1, {r0, r3, r12, lr}\n"

#if BL_HAS_W4
/* A byte is c0 + 16 c1: its sum minus that of c0 alone is 16 times the sum of c1. */
const uint32_t *bl_dot_w4(int32_t acc[8], const uint32_t *x, const uint32_t *w, const uint32_t *end,
                          const int32_t *bias);
#define BL_W4_TWO_COLUMNS \
    BL_INPUTS BL_WEIGHTS "uxtb16 lr, r12\n" BL_BOTH("lr", "r5", "r9") "and lr, lr, #0x000F000F\n" \
    BL_BOTH("lr", "r4", "r8") "uxtb16 lr, r12, ror #8\n" BL_BOTH("lr", "r7", "r11") \
    "and lr, lr, #0x000F000F\n" BL_BOTH("lr", "r6", "r10")
#define BL_W4_FINISH(c0, c1, c2, c3) \
    "sub " c1 ", " c1 ", " c0 "\n add " c0 ", " c0 ", r0\n add " c1 ", r3, " c1 ", asr #4\n" \
    "sub " c3 ", " c3 ", " c2 "\n add " c2 ", " c2 ", r12\n add " c3 ", lr, " c3 ", asr #4\n"
__asm__(BL_BLOCK("bl_dot_w4") BL_BLOCK_ZERO "2:\n" BL_W4_TWO_COLUMNS BL_W4_TWO_COLUMNS BL_BLOCK_NEXT BL_BLOCK_BIAS
        BL_W4_FINISH("r4", "r5", "r6", "r7") BL_W4_FINISH("r8", "r9", "r10", "r11") BL_BLOCK_STORE);
#endif

#if BL_HAS_W2
/* Channels stay where they lie in the byte: sums are 1, 4, 16 and 64 times too large. */
const uint32_t *bl_dot_w2(int32_t acc[8], const uint32_t *x, const uint32_t *w, const uint32_t *end,
                          const int32_t *bias);
#define BL_W2_TWO_COLUMNS \
    BL_INPUTS "and lr, r12, #0x00030003\n" BL_BOTH("lr", "r4", "r8") "and lr, r12, #0x000C000C\n" \
    BL_BOTH("lr", "r5", "r9") "and lr, r12, #0x00300030\n" BL_BOTH("lr", "r6", "r10") \
    "and lr, r12, #0x00C000C0\n" BL_BOTH("lr", "r7", "r11")
#define BL_W2_FINISH(c0, c1, c2, c3) \
    "add " c0 ", " c0 ", r0\n add " c1 ", r3, " c1 ", asr #2\n add " c2 ", r12, " c2 ", asr #4\n" \
    "add " c3 ", lr, " c3 ", asr #6\n"
__asm__(BL_BLOCK("bl_dot_w2") BL_BLOCK_ZERO "2:\n" BL_WEIGHTS BL_W2_TWO_COLUMNS "lsr r12, r12, #8\n"
        BL_W2_TWO_COLUMNS BL_BLOCK_NEXT BL_BLOCK_BIAS
        BL_W2_FINISH("r4", "r5", "r6", "r7") BL_W2_FINISH("r8", "r9", "r10", "r11") BL_BLOCK_STORE);
#endif

#else /* plain C: the same sums in the same order */

static void bl_both(int32_t *acc, uint32_t channel, const uint32_t *x, uint32_t weights) {
    acc[channel] = bl_dot_pair(x[0], weights, acc[channel]);
    acc[4u + channel] = bl_dot_pair(x[1], weights, acc[4u + channel]);
}

static void bl_start(int32_t *acc, const int32_t *bias) {
    uint32_t i;
    for (i = 0; i < 8u; ++i) {
        acc[i] = bias[i % 4u];
    }
}

#if BL_HAS_W8 || BL_HAS_W_OTHER
static uint32_t bl_signed_even_bytes(uint32_t x) {
    const uint32_t low = (uint32_t)(int32_t)(int8_t)(x & 0xFFu);
    const uint32_t high = (uint32_t)(int32_t)(int8_t)((x >> 16) & 0xFFu);
    return (low & 0xFFFFu) | (high << 16);
}
static const uint32_t *bl_dot_w8(int32_t acc[8], const uint32_t *x, const uint32_t *w, const uint32_t *end,
                                 const int32_t *bias) {
    bl_start(acc, bias);
    for (; x != end; x += 2, w += 2) {
        bl_both(acc, 0, x, bl_signed_even_bytes(w[0]));
        bl_both(acc, 1, x, bl_signed_even_bytes(w[0] >> 8));
        bl_both(acc, 2, x, bl_signed_even_bytes(w[1]));
        bl_both(acc, 3, x, bl_signed_even_bytes(w[1] >> 8));
    }
    return w;
}
#endif
#if BL_HAS_W4
static const uint32_t *bl_dot_w4(int32_t acc[8], const uint32_t *x, const uint32_t *w, const uint32_t *end,
                                 const int32_t *bias) {
    uint32_t c;
    bl_start(acc, bias);
    for (; x != end; x += 2, ++w) {
        for (c = 0; c < 4u; ++c) {
            bl_both(acc, c, x, (*w >> (4u * c)) & 0x000F000Fu);
        }
    }
    return w;
}
#endif
#if BL_HAS_W2
static const uint32_t *bl_dot_w2(int32_t acc[8], const uint32_t *x, const uint32_t *w, const uint32_t *end,
                                 const int32_t *bias) {
    uint32_t c;
    bl_start(acc, bias);
    for (; x != end; x += 4, ++w) {
        for (c = 0; c < 4u; ++c) {
            bl_both(acc, c, x, (*w >> (2u * c)) & 0x00030003u);
            bl_both(acc, c, x + 2, (*w >> (2u * c + 8u)) & 0x00030003u);
        }
    }
    return w;
}
#endif
#endif

#if BL_HAS_W_OTHER
/* Sixteen codes at a time into the order of 8 bits. */
static void bl_unpack(uint32_t *to, const uint8_t *weights, uint32_t index, uint32_t count, uint32_t bits) {
    for (; count > 0u; count -= 4u, index += 4u) {
        *to++ = bl_read(weights, index, bits) | (bl_read(weights, index + 1u, bits) << 8) |
                (bl_read(weights, index + 2u, bits) << 16) | (bl_read(weights, index + 3u, bits) << 24);
    }
}
#endif

#if BL_HAS_SINGLES || BL_HAS_LEFT_COLUMNS
/* One weight outside of the fours. */
static int32_t bl_weight(const bl_conv *l, uint32_t index) {
#if BL_HAS_W8
    if (l->weight_bits == 8u) {
        return (int8_t)l->weights[index];
    }
#endif
#if BL_HAS_W4 || BL_HAS_W2 || BL_HAS_W_OTHER
    return (int32_t)bl_read(l->weights, index, l->weight_bits);
#else
    return 0;
#endif
}
#endif

/* The zero point of a channel's weights as the table's codes have it. */
static int32_t bl_weight_zero(const bl_conv *l, uint32_t channel) {
    return (int32_t)l->weight_zeros[l->zero_per_channel ? channel : 0u] - (l->weight_bits == 8u ? 128 : 0);
}

#if BL_HAS_SINGLES
/* One accumulator to one output value. */
static void bl_put(const bl_conv *l, int32_t acc, uint32_t channel, void *out, uint32_t index) {
#if BL_HAS_ACCUMULATORS
    if (l->output.rule == BL_ACCUMULATOR) {
        ((int32_t *)out)[index] = acc;
        return;
    }
    if (l->out.bits == 32u) {
        ((int32_t *)out)[index] = bl_code(acc, channel, &l->output);
        return;
    }
#endif
#if BL_HAS_THRESHOLDS
    if (l->output.rule == BL_THRESHOLDS) {
        bl_write((uint8_t *)out, index, l->out.bits, (uint32_t)bl_threshold_code(acc, channel, l->thresholds));
        return;
    }
#endif
    bl_write((uint8_t *)out, index, l->out.bits, (uint32_t)bl_code(acc, channel, &l->output));
}
#endif

typedef const uint32_t *(*bl_dot)(int32_t *acc, const uint32_t *x, const uint32_t *w, const uint32_t *end,
                                  const int32_t *bias);

/* What the blocks of two pixels have in common. */
typedef struct {
    const bl_conv *layer;
    bl_dot dot;
    uint32_t *scratch; /* inputs of both pixels: columns in fours, then those left over, then room */
    uint32_t fours, left, blocked;
    int32_t sums[2]; /* of both pixels' inputs */
} bl_pair;

#if BL_HAS_LEFT_COLUMNS
/* The columns that are no fours, one product at a time. */
static void bl_add_left_columns(const bl_pair *p, uint32_t channel, int32_t *acc) {
    const uint32_t *const x = p->scratch + p->fours;
    uint32_t index = p->blocked * p->fours + channel * p->left;
    uint32_t i, k;
    for (k = 0; k < p->left; ++k) {
        for (i = 0; i < 4u; ++i) {
            const int32_t weight = bl_weight(p->layer, index++);
            acc[i] += weight * (int32_t)x[2u * k];
            acc[4u + i] += weight * (int32_t)x[2u * k + 1u];
        }
    }
}
#endif

static void bl_subtract_zeros(const bl_pair *p, uint32_t channel, int32_t *acc) {
    uint32_t i;
    for (i = 0; i < 4u; ++i) {
        const int32_t zero = bl_weight_zero(p->layer, channel + i);
        acc[i] -= zero * p->sums[0];
        acc[4u + i] -= zero * p->sums[1];
    }
}

/* acc of four channels and both pixels, complete but for a zero point that all channels share. */
static inline const uint32_t *bl_block(const bl_pair *p, const uint32_t *w, uint32_t channel, int32_t *acc) {
    const bl_conv *const l = p->layer;
#if BL_HAS_W_OTHER
    if (l->weight_bits != 8u && l->weight_bits != 4u && l->weight_bits != 2u) {
        uint32_t *const unpacked = p->scratch + p->fours + 2u * p->left + (p->fours + p->left + 3u) / 4u;
        bl_unpack(unpacked, l->weights, channel * p->fours, 4u * p->fours, l->weight_bits);
        bl_dot_w8(acc, p->scratch, unpacked, p->scratch + p->fours, l->bias + channel);
    } else
#endif
    {
        w = p->dot(acc, p->scratch, w, p->scratch + p->fours, l->bias + channel);
    }
#if BL_HAS_LEFT_COLUMNS
    if (p->left != 0u) {
        bl_add_left_columns(p, channel, acc);
    }
#endif
    if (l->zero_per_channel) {
        bl_subtract_zeros(p, channel, acc);
    }
    return w;
}

/* One channel of both pixels by the short rule: a byte each into four0 and four1. */
#if BL_DSP
#define BL_SATURATE8(v) __asm__("usat %0, #8, %0, asr #1" : "+r"(v))
#else
#define BL_SATURATE8(v) ((v) = bl_clamp((v) >> 1, 0, 255))
#endif
#define BL_CHANNEL(i) \
    { \
        const uint32_t shift = *s; \
        const int32_t add = (int32_t)(offset << shift); \
        int32_t a = bl_high_product(acc[i] - zero0, *m, add) >> shift; \
        int32_t b = bl_high_product(acc[(i) + 4] - zero1, *m, add) >> shift; \
        BL_SATURATE8(a); \
        BL_SATURATE8(b); \
        four0 |= (uint32_t)a << (8 * (i)); \
        four1 |= (uint32_t)b << (8 * (i)); \
        m += step; \
        s += step; \
    }

/* Four bytes, each within lower .. upper. */
static uint32_t bl_clamp4(uint32_t four, const bl_requant *q) {
    uint32_t clamped = 0;
    uint32_t i;
    for (i = 0; i < 32u; i += 8u) {
        clamped |= (uint32_t)bl_clamp((int32_t)((four >> i) & 0xFFu), q->lower, q->upper) << i;
    }
    return clamped;
}

static void bl_shift_up(int32_t *acc, uint32_t by) {
    uint32_t i;
    for (i = 0; i < 8u; ++i) {
        acc[i] = (int32_t)((uint32_t)acc[i] << by);
    }
}

/* All channels of two pixels, in fours, by the short rule, to codes from index0 and index1 on (the same when there is
   one pixel: the first is written last). Saturating to 8 bits first changes nothing: lower and upper lie within. */
static void bl_run_pair(const bl_pair *p, uint8_t *out, uint32_t index0, uint32_t index1) {
    const bl_conv *const l = p->layer;
    const bl_requant *const q = &l->output;
    const uint32_t step = q->per_channel;
    const uint32_t offset = (uint32_t)bl_offset(q);
    const uint32_t preShift = q->pre_shift;
    const uint32_t bits = q->is_clamped ? 0u : l->out.bits;
    const int32_t shared = l->zero_per_channel || !l->has_weight_zeros ? 0 : bl_weight_zero(l, 0);
    const int32_t zero0 = (int32_t)((uint32_t)(shared * p->sums[0]) << preShift);
    const int32_t zero1 = (int32_t)((uint32_t)(shared * p->sums[1]) << preShift);
    const int32_t *m = q->multipliers;
    const uint8_t *s = q->shifts;
    const uint32_t *w = (const uint32_t *)(const void *)l->weights;
    uint32_t channel;
    for (channel = 0; channel < p->blocked; channel += 4u) {
        int32_t acc[8];
        uint32_t four0 = 0, four1 = 0;
        w = bl_block(p, w, channel, acc);
        if (preShift != 0u) {
            bl_shift_up(acc, preShift);
        }
        BL_CHANNEL(0)
        BL_CHANNEL(1)
        BL_CHANNEL(2)
        BL_CHANNEL(3)
        if (bits == 8u) {
            memcpy(out + index1 + channel, &four1, sizeof four1);
            memcpy(out + index0 + channel, &four0, sizeof four0);
        } else {
            bl_store4(out, index1 + channel, l->out.bits, bl_clamp4(four1, q));
            bl_store4(out, index0 + channel, l->out.bits, bl_clamp4(four0, q));
        }
    }
}

#if BL_HAS_SINGLES
/* Outputs one by one: any rule, and channels that are no fours. */
static void bl_run_singles(const bl_pair *p, void *out, uint32_t pixel, uint32_t pixels) {
    const bl_conv *const l = p->layer;
    const uint32_t channels = l->out.channels;
    const uint32_t columns = p->fours + p->left;
    const int32_t shared = l->zero_per_channel || !l->has_weight_zeros ? 0 : bl_weight_zero(l, 0);
    const uint32_t *w = (const uint32_t *)(const void *)l->weights;
    uint32_t c, i, k;
    for (c = 0; c < p->blocked; c += 4u) {
        int32_t acc[8];
        w = bl_block(p, w, c, acc);
        for (i = 0; i < 4u * pixels; ++i) {
            bl_put(l, acc[i] - shared * p->sums[i / 4u], c + i % 4u, out, (pixel + i / 4u) * channels + c + i % 4u);
        }
    }
    for (; c < channels; ++c) {
        for (i = 0; i < pixels; ++i) {
            uint32_t index = c * columns;
            int32_t acc = l->bias[c];
            if (l->has_weight_zeros) {
                acc -= bl_weight_zero(l, c) * p->sums[i];
            }
            for (k = 0; k < columns; ++k) {
                const uint32_t *const word = p->scratch + i + (k < p->fours ? (k & ~3u) + 2u * (k & 1u) : 2u * k - p->fours);
                const uint32_t x = k < p->fours ? *word >> (8u * (k & 2u)) : *word;
                acc += (int32_t)(x & 0xFFFFu) * bl_weight(l, index++);
            }
            bl_put(l, acc, c, out, (pixel + i) * channels + c);
        }
    }
}
#endif

static bl_dot bl_dot_of(uint32_t bits) {
#if BL_HAS_W4
    if (bits == 4u) {
        return bl_dot_w4;
    }
#endif
#if BL_HAS_W2
    if (bits == 2u) {
        return bl_dot_w2;
    }
#endif
#if BL_HAS_W8
    if (bits == 8u) {
        return bl_dot_w8;
    }
#endif
    return 0;
}

void bl_run_conv(const bl_conv *l, const uint8_t *in, void *out, uint32_t *scratch) {
    const uint32_t columns = (uint32_t)l->window.rows * l->window.columns * l->in.channels;
    const uint32_t channels = l->out.channels;
    const uint32_t pixels = (uint32_t)l->out.rows * l->out.columns;
    int32_t row = 0, column = 0;
    uint32_t pixel, i;
    bl_pair pair = {l, bl_dot_of(l->weight_bits), scratch, columns & ~3u, columns & 3u, channels & ~3u, {0, 0}};
    uint8_t *const bytes = (uint8_t *)(scratch + pair.fours + 2u * pair.left);
    for (pixel = 0; pixel < pixels; pixel += 2u) {
        const uint32_t together = pixels - pixel < 2u ? 1u : 2u;
        /* A last pixel without a second stands for both. */
        for (i = 0; i < 2u; ++i) {
            bl_gather(l, in, row, column, scratch + i, bytes);
            if (l->has_weight_zeros) {
                pair.sums[i] = bl_sum(scratch + i, columns);
            }
            if (pixel + i + 1u < pixels && ++column == (int32_t)l->out.columns) {
                column = 0;
                ++row;
            }
        }
#if BL_HAS_SINGLES
        if (channels % 4u != 0u || l->output.rule != BL_SHORT) {
            bl_run_singles(&pair, out, pixel, together);
            continue;
        }
#endif
        bl_run_pair(&pair, (uint8_t *)out, pixel * channels, (pixel + together - 1u) * channels);
    }
}
