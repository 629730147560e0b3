/* Convolutions by Arm's CMSIS-NN, which the application brings. It works on signed codes: the input is copied with its top
   bits turned, the output turned in place. With CMSIS_NN_USE_SINGLE_ROUNDING its codes are this network's; without, it
   rounds twice and some outputs differ by one. */
#include "bl_kernels.h"
#include "bl_port.h"

#include "arm_nnfunctions.h"

#include <assert.h>

static void bl_turn(int8_t *to, const uint8_t *from, uint32_t count) {
    uint32_t i;
    for (i = 0; i < count; ++i) {
        to[i] = (int8_t)(from[i] ^ 0x80u);
    }
}

void bl_run_cmsis_conv(const bl_cmsis_conv *l, const uint8_t *in, uint8_t *out, uint32_t *scratch) {
    const uint32_t inputs = (uint32_t)l->in.rows * l->in.columns * l->in.channels;
    const uint32_t outputs = (uint32_t)l->out.rows * l->out.columns * l->out.channels;
    const bl_window *const w = &l->window;
    const cmsis_nn_dims inputDims = {1, l->in.rows, l->in.columns, l->in.channels};
    const cmsis_nn_dims outputDims = {1, l->out.rows, l->out.columns, l->out.channels};
    const cmsis_nn_dims filterDims = {l->is_depthwise ? 1 : l->out.channels, w->rows, w->columns,
                                      l->is_depthwise ? l->out.channels : l->in.channels};
    const cmsis_nn_dims biasDims = {1, 1, 1, l->out.channels};
    const cmsis_nn_per_channel_quant_params factors = {(int32_t *)(uintptr_t)l->multipliers,
                                                       (int32_t *)(uintptr_t)l->shifts};
    const cmsis_nn_tile stride = {w->stride_columns, w->stride_rows};
    const cmsis_nn_tile padding = {w->pad_left, w->pad_top};
    const cmsis_nn_tile dilation = {w->dilation_columns, w->dilation_rows};
    const cmsis_nn_activation limits = {l->lower, l->upper};
    int8_t *const input = (int8_t *)scratch;
    cmsis_nn_context context = {scratch + (inputs + 3u) / 4u, (int32_t)l->buffer_bytes};
    arm_cmsis_nn_status status = ARM_CMSIS_NN_ARG_ERROR;
    int32_t needed = 0;
    bl_turn(input, in, inputs);
    if (l->is_depthwise) {
        const cmsis_nn_dw_conv_params conv = {l->input_offset, l->output_offset, 1, stride, padding, dilation, limits};
#if BL_HAS_CMSIS_NN8
        if (l->weight_bits == 8u) {
            needed = arm_depthwise_conv_wrapper_s8_get_buffer_size(&conv, &inputDims, &filterDims, &outputDims);
            status = arm_depthwise_conv_wrapper_s8(&context, &conv, &factors, &inputDims, input, &filterDims, l->weights,
                                                   &biasDims, l->bias, &outputDims, (int8_t *)out);
        }
#endif
#if BL_HAS_CMSIS_NN4
        if (l->weight_bits == 4u) {
            needed = arm_depthwise_conv_wrapper_s4_get_buffer_size(&conv, &inputDims, &filterDims, &outputDims);
            status = arm_depthwise_conv_wrapper_s4(&context, &conv, &factors, &inputDims, input, &filterDims, l->weights,
                                                   &biasDims, l->bias, &outputDims, (int8_t *)out);
        }
#endif
    } else {
        const cmsis_nn_conv_params conv = {l->input_offset, l->output_offset, stride, padding, dilation, limits};
#if BL_HAS_CMSIS_NN8
        if (l->weight_bits == 8u) {
            needed = arm_convolve_wrapper_s8_get_buffer_size(&conv, &inputDims, &filterDims, &outputDims);
            status = arm_convolve_wrapper_s8(&context, &conv, &factors, &inputDims, input, &filterDims, l->weights,
                                             &biasDims, l->bias, &outputDims, (int8_t *)out);
        }
#endif
#if BL_HAS_CMSIS_NN4
        if (l->weight_bits == 4u) {
            needed = arm_convolve_wrapper_s4_get_buffer_size(&conv, &inputDims, &filterDims, &outputDims);
            status = arm_convolve_wrapper_s4(&context, &conv, &factors, &inputDims, input, &filterDims, l->weights,
                                             &biasDims, l->bias, &outputDims, (int8_t *)out);
        }
#endif
    }
    assert(status == ARM_CMSIS_NN_SUCCESS && needed <= context.size);
    (void)status;
    (void)needed;
    bl_turn((int8_t *)out, out, outputs);
}
