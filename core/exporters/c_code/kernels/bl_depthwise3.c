/* 3x3 depthwise convolutions, stride 1 or 2, channels in fours.

   Four channels at a time, the input is turned into one plane per channel: 16-bit values, pairs of neighbouring columns
   in a word. Three rows are kept, row y in slot y mod 3, the slots of a pair side by side:

       plane[3 * pair + slot]        pair 0 begins at the leftmost column of the padding

   so a window is three words and the three after them, whichever slot its first row is in: the weights are turned round
   instead. A row of weights (w0, w1, w2) is two words, (w0, w1) and (w1, w2). Out may be the same memory as in, where
   both have the same bits: a row is written when all that needs what lies there has been taken into the planes.

   Weights: channel by channel, nine codes each, as they come. */
#include "bl_codes.h"
#include "bl_requantize.h"

/* One channel of a row of outputs; the assembler knows the offsets. */
typedef struct {
    const uint32_t *plane;
    uint32_t stride;     /* bytes from one output to the next */
    const uint32_t *end; /* of the pairs that begin a window */
    int32_t bias;
    int32_t multiplier, offset;
    uint32_t shift;
} bl_row;

#if BL_DSP

/* Codes of a whole row from `out` on, saturated to 8 bits; weights: six words in the order of the slots. */
void bl_depthwise_row1(const bl_row *row, uint8_t *out, const uint32_t *weights);
void bl_depthwise_row2(const bl_row *row, uint8_t *out, const uint32_t *weights);

#define BL_ROW(name) \
    ".section .text." name ",\"ax\",%progbits\n .syntax unified\n .thumb\n .balign 4\n .thumb_func\n .type " name \
    ",%function\n" name ":\n push {r4-r11, lr}\n ldm r2, {r4-r9}\n ldrd r2, r3, [r0]\n"
#define BL_ROW_END "ldr r12, [r0, #8]\n cmp r2, r12\n bne 1b\n pop {r4-r11, pc}\n .text\n"

#if BL_HAS_STRIDE1
/* Two outputs from the pairs in r12 and lr. */
#define BL_ROW_TWO(first, second) \
    "smlad r10, r12, " first ", r10\n smlabt r10, lr, " second ", r10\n" \
    "smlatb r11, r12, " first ", r11\n smlad r11, lr, " second ", r11\n"
__asm__(BL_ROW("bl_depthwise_row1")
        "1: ldr r10, [r0, #12]\n mov r11, r10\n"
        "ldr r12, [r2]\n ldr lr, [r2, #12]!\n" BL_ROW_TWO("r4", "r5")
        "ldr r12, [r2, #-8]\n ldr lr, [r2, #4]\n" BL_ROW_TWO("r6", "r7")
        "ldr r12, [r2, #-4]\n ldr lr, [r2, #8]\n" BL_ROW_TWO("r8", "r9")
        "ldrd r12, lr, [r0, #16]\n smmla r10, r10, r12, lr\n smmla r11, r11, r12, lr\n"
        "ldr r12, [r0, #24]\n asr r10, r10, r12\n asr r11, r11, r12\n"
        "usat r10, #8, r10, asr #1\n usat r11, #8, r11, asr #1\n"
        "strb r10, [r1]\n strb r11, [r1, r3]\n add r1, r1, r3, lsl #1\n" BL_ROW_END);
#endif
#if BL_HAS_STRIDE2
#define BL_ROW_ONE(first, second) "smlad r10, r12, " first ", r10\n smlabt r10, lr, " second ", r10\n"
__asm__(BL_ROW("bl_depthwise_row2")
        "1: ldr r10, [r0, #12]\n"
        "ldr r12, [r2]\n ldr lr, [r2, #12]!\n" BL_ROW_ONE("r4", "r5")
        "ldr r12, [r2, #-8]\n ldr lr, [r2, #4]\n" BL_ROW_ONE("r6", "r7")
        "ldr r12, [r2, #-4]\n ldr lr, [r2, #8]\n" BL_ROW_ONE("r8", "r9")
        "ldrd r12, lr, [r0, #16]\n smmla r10, r10, r12, lr\n ldr r12, [r0, #24]\n asr r10, r10, r12\n"
        "usat r10, #8, r10, asr #1\n strb r10, [r1]\n add r1, r1, r3\n" BL_ROW_END);
#endif

#else

static int32_t bl_low(uint32_t pair) { return (int16_t)(pair & 0xFFFFu); }
static int32_t bl_high(uint32_t pair) { return (int16_t)(pair >> 16); }

static uint8_t bl_row_code(const bl_row *row, int32_t acc) {
    return (uint8_t)bl_clamp(bl_short_code(acc, row->multiplier, row->shift, row->offset), 0, 255);
}

#if BL_HAS_STRIDE1
static void bl_depthwise_row1(const bl_row *row, uint8_t *out, const uint32_t *weights) {
    const uint32_t *x;
    for (x = row->plane; x != row->end; x += 3) {
        int32_t even = row->bias, odd = row->bias;
        uint32_t slot;
        for (slot = 0; slot < 3u; ++slot) {
            const uint32_t a = x[slot], b = x[slot + 3u], first = weights[2u * slot], second = weights[2u * slot + 1u];
            even = bl_dot_pair(a, first, even) + bl_low(b) * bl_high(second);
            odd = bl_dot_pair(b, second, odd) + bl_high(a) * bl_low(first);
        }
        out[0] = bl_row_code(row, even);
        out[row->stride] = bl_row_code(row, odd);
        out += 2u * row->stride;
    }
}
#endif
#if BL_HAS_STRIDE2
static void bl_depthwise_row2(const bl_row *row, uint8_t *out, const uint32_t *weights) {
    const uint32_t *x;
    for (x = row->plane; x != row->end; x += 3) {
        int32_t acc = row->bias;
        uint32_t slot;
        for (slot = 0; slot < 3u; ++slot) {
            acc = bl_dot_pair(x[slot], weights[2u * slot], acc) +
                  bl_low(x[slot + 3u]) * bl_high(weights[2u * slot + 1u]);
        }
        *out = bl_row_code(row, acc);
        out += row->stride;
    }
}
#endif
#endif

/* Two neighbouring pixels of four channels to the four planes. */
static void bl_put_pair(uint32_t *to, uint32_t plane, uint32_t left, uint32_t right) {
    const uint32_t leftEven = bl_even_bytes(left), rightEven = bl_even_bytes(right);
    const uint32_t leftOdd = bl_odd_bytes(left), rightOdd = bl_odd_bytes(right);
    to[0] = bl_pair_low(leftEven, rightEven);
    to[plane] = bl_pair_low(leftOdd, rightOdd);
    to[2u * plane] = bl_pair_high(leftEven, rightEven);
    to[3u * plane] = bl_pair_high(leftOdd, rightOdd);
}

/* Row y of four channels into its slot; padding where the image ends. */
static void bl_take_row(const bl_conv *l, const uint8_t *in, int32_t y, uint32_t channel, uint32_t *to, uint32_t pairs) {
    const uint32_t plane = 3u * pairs;
    const uint32_t padding = (uint32_t)*l->input_zero * 0x01010101u;
    const int32_t columns = (int32_t)l->in.columns;
    const uint32_t channels = l->in.channels;
    const uint32_t bits = l->in.bits;
    uint32_t index = (uint32_t)y * l->in.columns * channels + channel;
    int32_t x = -(int32_t)l->window.pad_left;
    if (y < 0 || y >= (int32_t)l->in.rows) {
        for (; pairs > 0u; --pairs, to += 3) {
            bl_put_pair(to, plane, padding, padding);
        }
        return;
    }
    if (x < 0) {
        uint32_t right = padding;
        if (x == -1) {
            right = bl_load4(in, index, bits);
            index += channels;
        }
        bl_put_pair(to, plane, padding, right);
        x += 2;
        to += 3;
        --pairs;
    }
    for (; pairs > 0u && x + 1 < columns; --pairs, to += 3, x += 2) {
        const uint32_t left = bl_load4(in, index, bits);
        bl_put_pair(to, plane, left, bl_load4(in, index + channels, bits));
        index += 2u * channels;
    }
    for (; pairs > 0u; --pairs, to += 3, x += 2) {
        bl_put_pair(to, plane, x < columns ? bl_load4(in, index, bits) : padding, padding);
    }
}

#if BL_HAS_DW_NARROW
/* Nine codes of fewer than 8 bits, byte by byte. */
static void bl_take_narrow(const bl_conv *l, uint32_t index, int32_t *to) {
    const uint32_t bits = l->weight_bits;
    const uint32_t mask = (1u << bits) - 1u;
    const uint8_t *from = l->weights + ((index * bits) >> 3);
    const uint32_t skip = (index * bits) & 7u;
    uint32_t held = (uint32_t)*from++ >> skip;
    uint32_t count = 8u - skip;
    uint32_t i;
    for (i = 0; i < 9u; ++i) {
        if (count < bits) {
            held |= (uint32_t)*from++ << count;
            count += 8u;
        }
        to[i] = (int32_t)(held & mask);
        held >>= bits;
        count -= bits;
    }
}
#endif

/* The nine weights of a channel as ten words: three rows, and the first two again, so that each slot can come first. */
static void bl_take_weights(const bl_conv *l, uint32_t channel, uint32_t *to) {
    const uint32_t index = l->zero_per_channel ? channel : 0u;
    const int32_t zero = (int32_t)l->weight_zeros[index] - (l->weight_bits == 8u ? 128 : 0);
    const int32_t scale = 1 << l->output.pre_shift;
    uint32_t i;
    int32_t w[9];
#if BL_HAS_DW8
    if (l->weight_bits == 8u) {
        const int8_t *codes = (const int8_t *)l->weights + 9u * channel;
        for (i = 0; i < 9u; ++i) {
            w[i] = (codes[i] - zero) * scale;
        }
    }
#endif
#if BL_HAS_DW_NARROW
    if (l->weight_bits != 8u) {
        bl_take_narrow(l, 9u * channel, w);
        for (i = 0; i < 9u; ++i) {
            w[i] = (w[i] - zero) * scale;
        }
    }
#endif
    for (i = 0; i < 3u; ++i) {
        to[2u * i] = bl_pair_low((uint32_t)w[3u * i], (uint32_t)w[3u * i + 1u]);
        to[2u * i + 1u] = bl_pair_low((uint32_t)w[3u * i + 1u], (uint32_t)w[3u * i + 2u]);
    }
    memcpy(to + 6, to, 4u * sizeof *to);
}

/* A finished row of four channels from bytes to its place. */
static void bl_pack_row(const bl_conv *l, const uint8_t *bytes, uint8_t *out, uint32_t index) {
    uint32_t x, i;
    for (x = 0; x < l->out.columns; ++x) {
        uint32_t four = 0;
        for (i = 0; i < 4u; ++i) {
            four |= (uint32_t)bl_clamp(bytes[4u * x + i], l->output.lower, l->output.upper) << (8u * i);
        }
        bl_store4(out, index, l->out.bits, four);
        index += l->out.channels;
    }
}

void bl_run_depthwise3(const bl_conv *l, const uint8_t *in, uint8_t *out, uint32_t *scratch) {
    const bl_requant *q = &l->output;
    const uint32_t channels = l->out.channels;
    const uint32_t stride = l->window.stride_rows;
    const uint32_t steps = stride == 1u ? (l->out.columns + 1u) / 2u : l->out.columns;
    const uint32_t pairs = steps + 1u;
    const uint32_t plane = 3u * pairs;
    const int isDirect = l->out.bits == 8u && !q->is_clamped && (stride == 2u || l->out.columns % 2u == 0u);
    uint8_t *const bytes = (uint8_t *)(scratch + 4u * plane);
    uint32_t c, i, y;
    for (c = 0; c < channels; c += 4u) {
        uint32_t weights[4][10];
        bl_row rows[4];
        int32_t next = -(int32_t)l->window.pad_top; /* the next input row to take */
        uint32_t slot = 0;                          /* where it goes */
        uint32_t first = 0;                         /* slot of the window's first row */
        for (i = 0; i < 4u; ++i) {
            const uint32_t entry = q->per_channel ? c + i : 0u;
            bl_row *row = &rows[i];
            row->plane = scratch + i * plane;
            row->end = row->plane + 3u * steps;
            row->stride = isDirect ? channels : 4u;
            row->bias = l->bias[c + i] * (1 << q->pre_shift);
            row->multiplier = q->multipliers[entry];
            row->shift = q->shifts[entry];
            row->offset = (int32_t)((uint32_t)bl_offset(q) << row->shift);
            bl_take_weights(l, c + i, weights[i]);
        }
        for (y = 0; y < l->out.rows; ++y) {
            const int32_t last = (int32_t)(y * stride) - l->window.pad_top + 2;
            const uint32_t index = y * l->out.columns * channels + c;
            /* Slot 0 holds the window's row (3 - first) mod 3. */
            const uint32_t turned = first == 0u ? 0u : 2u * (3u - first);
            for (; next <= last; ++next) {
                bl_take_row(l, in, next, c, scratch + slot, pairs);
                slot = slot == 2u ? 0u : slot + 1u;
            }
            for (i = 0; i < 4u; ++i) {
                uint8_t *const to = isDirect ? out + index + i : bytes + i;
#if BL_HAS_STRIDE1
                if (stride == 1u) {
                    bl_depthwise_row1(&rows[i], to, weights[i] + turned);
                }
#endif
#if BL_HAS_STRIDE2
                if (stride == 2u) {
                    bl_depthwise_row2(&rows[i], to, weights[i] + turned);
                }
#endif
            }
            if (!isDirect) {
                bl_pack_row(l, bytes, out, index);
            }
            first = first + stride >= 3u ? first + stride - 3u : first + stride;
        }
    }
}
