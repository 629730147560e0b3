/* The layers this network is made of. Every description is constant and lies beside the code; the tables it points at
   are the network's data. Tensors hold unsigned codes (bl_codes.h). */
#ifndef BL_KERNELS_H
#define BL_KERNELS_H

#include "bl_config.h"

#include <stdint.h>

/* From an accumulator to a code:  code = clamp(round(accumulator * factor) + zero point, lower, upper).
   factor = multiplier / 2^shift; a shift table holds shift - 33 where `rule` is BL_SHORT, else the shift itself. */
typedef struct {
    const int32_t *multipliers; /* one, or one per channel */
    const uint8_t *shifts;      /* likewise */
    uint8_t per_channel;        /* 1: a table entry per channel, 0: the first for all */
    uint8_t rule;               /* BL_SHORT, or BL_FLOOR .. BL_HALF_EVEN with the whole 64-bit product */
    uint8_t rounds;             /* BL_SHORT: 1 adds half a step, 0 rounds down */
    uint8_t pre_shift;          /* BL_SHORT: accumulators count 2^pre_shift, so that no shift is below 33 */
    uint8_t is_clamped;         /* 1: lower and upper are narrower than the output's bits */
    const int32_t *zero; /* of the output */
    int32_t lower;
    int32_t upper;
} bl_requant;

enum { BL_SHORT, BL_FLOOR, BL_HALF_UP, BL_HALF_AWAY, BL_HALF_EVEN, BL_THRESHOLDS, BL_ACCUMULATOR };

/* Codes by comparison alone: base + step * (number of bounds the accumulator has reached). */
typedef struct {
    const int32_t *bounds; /* `count` per channel, ascending */
    const uint8_t *bases;
    const int8_t *steps;
    uint16_t count;
} bl_thresholds;

typedef struct {
    uint16_t rows, columns, channels;
    uint8_t bits;
} bl_shape;

typedef struct {
    uint8_t rows, columns, stride_rows, stride_columns, pad_top, pad_left, dilation_rows, dilation_columns;
} bl_window;

/* Convolution, and a linear layer as one that covers its whole input. */
typedef struct {
    bl_shape in, out;
    bl_window window;
    uint16_t group_inputs;  /* channels of the input that one output channel reads */
    uint16_t group_outputs; /* channels of the output that read the same */
    uint8_t weight_bits;
    uint8_t has_weight_zeros; /* 0: every zero point is the middle of the table's codes */
    uint8_t zero_per_channel;
    const int32_t *input_zero; /* what padding is made of */
    const uint8_t *weights;
    const uint8_t *weight_zeros; /* one, or one per channel */
    const int32_t *bias;         /* corrections for the input's zero point included */
    bl_requant output;
    const bl_thresholds *thresholds;
} bl_conv;

#if BL_HAS_CONV
/* scratch: bl_conv_scratch words. out holds 32-bit accumulators where the output has 32 bits. */
void bl_run_conv(const bl_conv *layer, const uint8_t *in, void *out, uint32_t *scratch);
#endif
#if BL_HAS_DEPTHWISE3
void bl_run_depthwise3(const bl_conv *layer, const uint8_t *in, uint8_t *out, uint32_t *scratch);
#endif
#if BL_HAS_CONV_ANY
void bl_run_conv_any(const bl_conv *layer, const uint8_t *in, void *out);
#endif

#if BL_HAS_CMSIS_NN
/* A convolution as CMSIS-NN takes it: signed codes, symmetric weights, a factor multiplier * 2^(shift - 31) a channel. */
typedef struct {
    bl_shape in, out;
    bl_window window;
    uint8_t weight_bits, is_depthwise;
    const int8_t *weights; /* [out][rows][columns][in]; depthwise [rows][columns][channel]; 4 bits: two in a byte */
    const int32_t *bias, *multipliers, *shifts;
    int32_t input_offset, output_offset, lower, upper;
    uint32_t buffer_bytes;
} bl_cmsis_conv;
void bl_run_cmsis_conv(const bl_cmsis_conv *layer, const uint8_t *in, uint8_t *out, uint32_t *scratch);
#endif

#if BL_HAS_ADD || BL_HAS_MUL
/* add: code = requantized (a - a_zero) * multipliers[0] + (b - b_zero) * multipliers[1], one shift for both.
   mul: code = requantized (a - a_zero) * (b - b_zero); b may be one value per channel. */
typedef struct {
    bl_shape a, b, out;
    const int32_t *input_zeros; /* of a and b */
    bl_requant output;
} bl_binary;
#endif
#if BL_HAS_ADD
void bl_run_add(const bl_binary *layer, const uint8_t *a, const uint8_t *b, uint8_t *out);
#endif
#if BL_HAS_MUL
void bl_run_mul(const bl_binary *layer, const uint8_t *a, const uint8_t *b, uint8_t *out);
#endif

#if BL_HAS_MAX_POOL || BL_HAS_AVERAGE_POOL
typedef struct {
    bl_shape in, out;
    uint16_t window_rows, window_columns;
    uint8_t stride_rows, stride_columns, pad_top, pad_left, pad_bottom, pad_right, counts_padding;
    uint8_t divisor_count;
    const uint16_t *divisors; /* numbers of pixels that occur, ascending; a multiplier and a shift for each */
    const int32_t *in_zero;
    bl_requant output;
} bl_pool;
#endif
#if BL_HAS_MAX_POOL
void bl_run_max_pool(const bl_pool *layer, const uint8_t *in, uint8_t *out);
#endif
#if BL_HAS_AVERAGE_POOL
void bl_run_average_pool(const bl_pool *layer, const uint8_t *in, uint8_t *out);
#endif

#if BL_HAS_RESCALE
/* Every code on another grid, into channels first_channel, ... of the output (a concat is one of these per input). */
typedef struct {
    bl_shape in, out;
    uint16_t first_channel;
    const int32_t *in_zero;
    bl_requant output;
} bl_rescale;
void bl_run_rescale(const bl_rescale *layer, const uint8_t *in, uint8_t *out);
#endif
#if BL_HAS_LOOKUP
typedef struct {
    bl_shape in, out;
    const uint8_t *table;
} bl_lookup;
void bl_run_lookup(const bl_lookup *layer, const uint8_t *in, uint8_t *out);
#endif
#if BL_HAS_FLATTEN
typedef struct {
    bl_shape in, out;
} bl_flatten;
/* Channels innermost to channels outermost. */
void bl_run_flatten(const bl_flatten *layer, const uint8_t *in, uint8_t *out);
#endif

#endif
