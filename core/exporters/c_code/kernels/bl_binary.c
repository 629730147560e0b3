/* Sums and products of two tensors. */
#include "bl_codes.h"
#include "bl_requantize.h"

#if BL_HAS_ADD
void bl_run_add(const bl_binary *l, const uint8_t *a, const uint8_t *b, uint8_t *out) {
    const uint32_t count = (uint32_t)l->out.rows * l->out.columns * l->out.channels;
    uint32_t i;
    for (i = 0; i < count; ++i) {
        const int32_t x = (int32_t)bl_read(a, i, l->a.bits) - l->input_zeros[0];
        const int32_t y = (int32_t)bl_read(b, i, l->b.bits) - l->input_zeros[1];
        const int64_t product = (int64_t)x * l->output.multipliers[0] + (int64_t)y * l->output.multipliers[1];
        bl_write(out, i, l->out.bits, (uint32_t)bl_wide_code(product, l->output.shifts[0], &l->output));
    }
}
#endif

#if BL_HAS_MUL
void bl_run_mul(const bl_binary *l, const uint8_t *a, const uint8_t *b, uint8_t *out) {
    const uint32_t count = (uint32_t)l->out.rows * l->out.columns * l->out.channels;
    const uint32_t isVector = l->b.rows == 1u && l->b.columns == 1u;
    uint32_t channel = 0;
    uint32_t i;
    for (i = 0; i < count; ++i) {
        const int32_t x = (int32_t)bl_read(a, i, l->a.bits) - l->input_zeros[0];
        const int32_t y = (int32_t)bl_read(b, isVector ? channel : i, l->b.bits) - l->input_zeros[1];
        bl_write(out, i, l->out.bits, (uint32_t)bl_code(x * y, 0, &l->output));
        channel = channel + 1u == l->out.channels ? 0u : channel + 1u;
    }
}
#endif
