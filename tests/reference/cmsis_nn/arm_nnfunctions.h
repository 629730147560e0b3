/* Stands in for CMSIS-NN in tests: the functions and types that exported C calls, as plain loops with single rounding.
   Written from their documentation; the real library is the user's to bring. */
#ifndef STAND_IN_ARM_NNFUNCTIONS_H
#define STAND_IN_ARM_NNFUNCTIONS_H

#include <stdint.h>

typedef enum { ARM_CMSIS_NN_SUCCESS = 0, ARM_CMSIS_NN_ARG_ERROR = -1 } arm_cmsis_nn_status;
typedef struct {
    int32_t w, h;
} cmsis_nn_tile;
typedef struct {
    void *buf;
    int32_t size;
} cmsis_nn_context;
typedef struct {
    int32_t n, h, w, c;
} cmsis_nn_dims;
typedef struct {
    int32_t *multiplier, *shift;
} cmsis_nn_per_channel_quant_params;
typedef struct {
    int32_t min, max;
} cmsis_nn_activation;
typedef struct {
    int32_t input_offset, output_offset;
    cmsis_nn_tile stride, padding, dilation;
    cmsis_nn_activation activation;
} cmsis_nn_conv_params;
typedef struct {
    int32_t input_offset, output_offset, ch_mult;
    cmsis_nn_tile stride, padding, dilation;
    cmsis_nn_activation activation;
} cmsis_nn_dw_conv_params;

static inline int32_t stand_in_weight(const int8_t *w, int32_t index, int32_t bits) {
    const int32_t byte = (uint8_t)w[bits == 8 ? index : index / 2];
    const int32_t code = bits == 8 ? byte : index % 2 == 0 ? byte & 0xF : byte >> 4;
    const int32_t half = 1 << (bits - 1);
    return code < half ? code : code - 2 * half;
}

static inline arm_cmsis_nn_status stand_in_conv(const cmsis_nn_conv_params *p, int32_t isDepthwise, int32_t bits,
                                                const cmsis_nn_per_channel_quant_params *q, const cmsis_nn_dims *in,
                                                const int8_t *x, const cmsis_nn_dims *filter, const int8_t *w,
                                                const int32_t *bias, const cmsis_nn_dims *out, int8_t *y) {
    int32_t row, column, c, r, k, i;
    for (row = 0; row < out->h; ++row) {
        for (column = 0; column < out->w; ++column) {
            for (c = 0; c < out->c; ++c) {
                int32_t sum = bias[c];
                for (r = 0; r < filter->h; ++r) {
                    for (k = 0; k < filter->w; ++k) {
                        const int32_t v = row * p->stride.h - p->padding.h + r * p->dilation.h;
                        const int32_t h = column * p->stride.w - p->padding.w + k * p->dilation.w;
                        if (v < 0 || v >= in->h || h < 0 || h >= in->w) {
                            continue;
                        }
                        for (i = 0; i < (isDepthwise ? 1 : in->c); ++i) {
                            const int32_t tap = r * filter->w + k;
                            const int32_t at = isDepthwise ? tap * out->c + c
                                                           : (c * filter->h * filter->w + tap) * in->c + i;
                            sum += (x[(v * in->w + h) * in->c + (isDepthwise ? c : i)] + p->input_offset) *
                                   stand_in_weight(w, at, bits);
                        }
                    }
                }
                {
                    const int32_t shift = 31 - q->shift[c];
                    int64_t code = ((((int64_t)sum * q->multiplier[c]) >> (shift - 1)) + 1) >> 1;
                    code += p->output_offset;
                    code = code < p->activation.min ? p->activation.min : code;
                    *y++ = (int8_t)(code > p->activation.max ? p->activation.max : code);
                }
            }
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}

#define STAND_IN_PAIR(bits) \
    static inline int32_t arm_convolve_wrapper_s##bits##_get_buffer_size( \
        const cmsis_nn_conv_params *p, const cmsis_nn_dims *in, const cmsis_nn_dims *filter, const cmsis_nn_dims *out) { \
        (void)p; \
        (void)out; \
        return 4 * filter->h * filter->w * in->c; \
    } \
    static inline arm_cmsis_nn_status arm_convolve_wrapper_s##bits( \
        const cmsis_nn_context *context, const cmsis_nn_conv_params *p, const cmsis_nn_per_channel_quant_params *q, \
        const cmsis_nn_dims *in, const int8_t *x, const cmsis_nn_dims *filter, const int8_t *w, \
        const cmsis_nn_dims *biasDims, const int32_t *bias, const cmsis_nn_dims *out, int8_t *y) { \
        (void)context; \
        (void)biasDims; \
        return stand_in_conv(p, 0, bits, q, in, x, filter, w, bias, out, y); \
    } \
    static inline int32_t arm_depthwise_conv_wrapper_s##bits##_get_buffer_size( \
        const cmsis_nn_dw_conv_params *p, const cmsis_nn_dims *in, const cmsis_nn_dims *filter, \
        const cmsis_nn_dims *out) { \
        (void)p; \
        (void)out; \
        return 2 * filter->h * filter->w * in->c; \
    } \
    static inline arm_cmsis_nn_status arm_depthwise_conv_wrapper_s##bits( \
        const cmsis_nn_context *context, const cmsis_nn_dw_conv_params *p, \
        const cmsis_nn_per_channel_quant_params *q, const cmsis_nn_dims *in, const int8_t *x, \
        const cmsis_nn_dims *filter, const int8_t *w, const cmsis_nn_dims *biasDims, const int32_t *bias, \
        const cmsis_nn_dims *out, int8_t *y) { \
        const cmsis_nn_conv_params plain = {p->input_offset, p->output_offset, p->stride, p->padding, p->dilation, \
                                            p->activation}; \
        (void)context; \
        (void)biasDims; \
        return stand_in_conv(&plain, 1, bits, q, in, x, filter, w, bias, out, y); \
    }
STAND_IN_PAIR(8)
STAND_IN_PAIR(4)

#endif
