/* Code by code: another grid, a table, another order. */
#include "bl_codes.h"
#include "bl_requantize.h"

#if BL_HAS_RESCALE
void bl_run_rescale(const bl_rescale *l, const uint8_t *in, uint8_t *out) {
    const uint32_t pixels = (uint32_t)l->in.rows * l->in.columns;
    uint32_t index = 0;
    uint32_t p, c;
    for (p = 0; p < pixels; ++p) {
        for (c = 0; c < l->in.channels; ++c, ++index) {
            const int32_t x = (int32_t)bl_read(in, index, l->in.bits) - *l->in_zero;
            bl_write(out, p * l->out.channels + l->first_channel + c, l->out.bits,
                     (uint32_t)bl_code(x, 0, &l->output));
        }
    }
}
#endif

#if BL_HAS_LOOKUP
void bl_run_lookup(const bl_lookup *l, const uint8_t *in, uint8_t *out) {
    const uint32_t count = (uint32_t)l->in.rows * l->in.columns * l->in.channels;
    uint32_t i;
    for (i = 0; i < count; ++i) {
        bl_write(out, i, l->out.bits, l->table[bl_read(in, i, l->in.bits)]);
    }
}
#endif

#if BL_HAS_FLATTEN
void bl_run_flatten(const bl_flatten *l, const uint8_t *in, uint8_t *out) {
    const uint32_t pixels = (uint32_t)l->in.rows * l->in.columns;
    uint32_t p, c;
    for (c = 0; c < l->in.channels; ++c) {
        for (p = 0; p < pixels; ++p) {
            bl_write(out, c * pixels + p, l->out.bits, bl_read(in, p * l->in.channels + c, l->in.bits));
        }
    }
}
#endif
