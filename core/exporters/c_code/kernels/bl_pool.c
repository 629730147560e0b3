/* Pooling. The padding takes no part in a maximum, and counts as real zero in an average. */
#include "bl_codes.h"
#include "bl_requantize.h"

/* The part of a window inside the image. */
typedef struct {
    int32_t top, bottom, left, right;
} bl_part;

static bl_part bl_inside(const bl_pool *l, int32_t y, int32_t x) {
    bl_part p;
    p.top = y < 0 ? 0 : y;
    p.left = x < 0 ? 0 : x;
    p.bottom = y + (int32_t)l->window_rows;
    p.right = x + (int32_t)l->window_columns;
    if (p.bottom > (int32_t)l->in.rows) {
        p.bottom = (int32_t)l->in.rows;
    }
    if (p.right > (int32_t)l->in.columns) {
        p.right = (int32_t)l->in.columns;
    }
    return p;
}

#if BL_HAS_MAX_POOL
void bl_run_max_pool(const bl_pool *l, const uint8_t *in, uint8_t *out) {
    const uint32_t channels = l->in.channels;
    uint32_t index = 0;
    int32_t row, column, y, x;
    uint32_t c;
    for (row = 0; row < (int32_t)l->out.rows; ++row) {
        for (column = 0; column < (int32_t)l->out.columns; ++column) {
            const bl_part p =
                bl_inside(l, row * l->stride_rows - l->pad_top, column * l->stride_columns - l->pad_left);
            for (c = 0; c < channels; ++c, ++index) {
                uint32_t largest = 0;
                for (y = p.top; y < p.bottom; ++y) {
                    for (x = p.left; x < p.right; ++x) {
                        const uint32_t code =
                            bl_read(in, ((uint32_t)y * l->in.columns + (uint32_t)x) * channels + c, l->in.bits);
                        largest = code > largest ? code : largest;
                    }
                }
                bl_write(out, index, l->out.bits, largest);
            }
        }
    }
}
#endif

#if BL_HAS_AVERAGE_POOL
/* Which of the divisors this window has: the pixels it covers, with the padding where that counts. */
static uint32_t bl_divisor(const bl_pool *l, int32_t y, int32_t x, const bl_part *p) {
    int32_t bottom = p->bottom, right = p->right, top = p->top, left = p->left;
    uint32_t i;
    if (l->counts_padding) {
        const int32_t lastRow = (int32_t)l->in.rows + l->pad_bottom, lastColumn = (int32_t)l->in.columns + l->pad_right;
        top = y;
        left = x;
        bottom = y + (int32_t)l->window_rows < lastRow ? y + (int32_t)l->window_rows : lastRow;
        right = x + (int32_t)l->window_columns < lastColumn ? x + (int32_t)l->window_columns : lastColumn;
    }
    for (i = 0; i + 1u < l->divisor_count; ++i) {
        if (l->divisors[i] == (bottom - top) * (right - left)) {
            break;
        }
    }
    return i;
}

void bl_run_average_pool(const bl_pool *l, const uint8_t *in, uint8_t *out) {
    const uint32_t channels = l->in.channels;
    uint32_t index = 0;
    int32_t row, column, y, x;
    uint32_t c;
    for (row = 0; row < (int32_t)l->out.rows; ++row) {
        for (column = 0; column < (int32_t)l->out.columns; ++column) {
            const int32_t firstRow = row * l->stride_rows - l->pad_top;
            const int32_t firstColumn = column * l->stride_columns - l->pad_left;
            const bl_part p = bl_inside(l, firstRow, firstColumn);
            const uint32_t divisor = bl_divisor(l, firstRow, firstColumn, &p);
            for (c = 0; c < channels; ++c, ++index) {
                int32_t sum = 0;
                for (y = p.top; y < p.bottom; ++y) {
                    for (x = p.left; x < p.right; ++x) {
                        sum += (int32_t)bl_read(in, ((uint32_t)y * l->in.columns + (uint32_t)x) * channels + c,
                                                l->in.bits) -
                               *l->in_zero;
                    }
                }
                bl_write(out, index, l->out.bits, (uint32_t)bl_code(sum, divisor, &l->output));
            }
        }
    }
}
#endif
