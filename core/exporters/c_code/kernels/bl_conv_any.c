/* Any other convolution (grouped, other windows for depthwise, other roundings): one multiplication at a time.
   Weights: output channel by output channel, rows, columns, inputs, as they come. */
#include "bl_codes.h"
#include "bl_requantize.h"

static int32_t bl_any_weight(const bl_conv *l, uint32_t index) {
    if (l->weight_bits == 8u) {
        return (int8_t)l->weights[index];
    }
    return (int32_t)bl_read(l->weights, index, l->weight_bits);
}

static int32_t bl_any_sum(const bl_conv *l, const uint8_t *in, int32_t top, int32_t left, uint32_t channel) {
    const bl_window *w = &l->window;
    const uint32_t firstInput = channel / l->group_outputs * l->group_inputs;
    const int32_t zero =
        (int32_t)l->weight_zeros[l->zero_per_channel ? channel : 0u] - (l->weight_bits == 8u ? 128 : 0);
    uint32_t at = channel * w->rows * w->columns * l->group_inputs;
    int32_t sum = l->bias[channel];
    uint32_t r, k, i;
    for (r = 0; r < w->rows; ++r) {
        const int32_t y = top + (int32_t)(r * w->dilation_rows);
        for (k = 0; k < w->columns; ++k) {
            const int32_t x = left + (int32_t)(k * w->dilation_columns);
            const int isInside = y >= 0 && y < (int32_t)l->in.rows && x >= 0 && x < (int32_t)l->in.columns;
            const uint32_t index =
                isInside ? ((uint32_t)y * l->in.columns + (uint32_t)x) * l->in.channels + firstInput : 0u;
            for (i = 0; i < l->group_inputs; ++i) {
                const int32_t code = isInside ? (int32_t)bl_read(in, index + i, l->in.bits) : *l->input_zero;
                sum += code * (bl_any_weight(l, at++) - zero);
            }
        }
    }
    return sum;
}

void bl_run_conv_any(const bl_conv *l, const uint8_t *in, void *out) {
    uint32_t index = 0;
    int32_t y, x;
    uint32_t c;
    for (y = 0; y < (int32_t)l->out.rows; ++y) {
        for (x = 0; x < (int32_t)l->out.columns; ++x) {
            for (c = 0; c < l->out.channels; ++c, ++index) {
                const int32_t sum = bl_any_sum(l, in, y * l->window.stride_rows - l->window.pad_top,
                                               x * l->window.stride_columns - l->window.pad_left, c);
#if BL_HAS_ACCUMULATORS
                if (l->output.rule == BL_ACCUMULATOR) {
                    ((int32_t *)out)[index] = sum;
                    continue;
                }
                if (l->out.bits == 32u) {
                    ((int32_t *)out)[index] = bl_code(sum, c, &l->output);
                    continue;
                }
#endif
#if BL_HAS_THRESHOLDS
                if (l->output.rule == BL_THRESHOLDS) {
                    bl_write((uint8_t *)out, index, l->out.bits,
                             (uint32_t)bl_threshold_code(sum, c, l->thresholds));
                    continue;
                }
#endif
                bl_write((uint8_t *)out, index, l->out.bits, (uint32_t)bl_code(sum, c, &l->output));
            }
        }
    }
}
