/* Activations in memory: unsigned codes of BITS bits without gaps, the first in the lowest bits of the first byte.
   Channels innermost, then columns, then rows. */
#ifndef BL_CODES_H
#define BL_CODES_H

#include "bl_config.h"
#include "bl_port.h"

/* Any code at any bits: for what does not come in fours. */
static inline uint32_t bl_read(const uint8_t *codes, uint32_t index, uint32_t bits) {
    const uint32_t bit = index * bits;
    const uint8_t *p = codes + (bit >> 3);
    uint32_t value = (uint32_t)p[0] >> (bit & 7u);
    if ((bit & 7u) + bits > 8u) {
        value |= (uint32_t)p[1] << (8u - (bit & 7u));
    }
    return value & ((1u << bits) - 1u);
}

static inline void bl_write(uint8_t *codes, uint32_t index, uint32_t bits, uint32_t code) {
    const uint32_t bit = index * bits;
    const uint32_t mask = ((1u << bits) - 1u) << (bit & 7u);
    uint8_t *p = codes + (bit >> 3);
    p[0] = (uint8_t)((p[0] & ~mask) | (code << (bit & 7u)));
    if ((bit & 7u) + bits > 8u) {
        p[1] = (uint8_t)((p[1] & ~(mask >> 8)) | (code >> (8u - (bit & 7u))));
    }
}

/* Four codes from an index that is a multiple of four, one a byte. */
static inline uint32_t bl_load4(const uint8_t *codes, uint32_t index, uint32_t bits) {
#if BL_HAS_A8
    if (bits == 8u) {
        return bl_load_word(codes + index);
    }
#endif
#if BL_HAS_A4
    if (bits == 4u) {
        const uint8_t *p = codes + (index >> 1);
        uint32_t v = (uint32_t)p[0] | ((uint32_t)p[1] << 16);
        return (v | (v << 4)) & 0x0F0F0F0Fu;
    }
#endif
#if BL_HAS_A2
    if (bits == 2u) {
        uint32_t v = codes[index >> 2];
        v = (v | (v << 12)) & 0x000F000Fu;
        return (v | (v << 6)) & 0x03030303u;
    }
#endif
#if BL_HAS_A_OTHER
    return bl_read(codes, index, bits) | (bl_read(codes, index + 1u, bits) << 8) |
           (bl_read(codes, index + 2u, bits) << 16) | (bl_read(codes, index + 3u, bits) << 24);
#else
    return 0;
#endif
}

/* The other way round: the bytes of `four` to an index that is a multiple of four. */
static inline void bl_store4(uint8_t *codes, uint32_t index, uint32_t bits, uint32_t four) {
#if BL_HAS_A8
    if (bits == 8u) {
        memcpy(codes + index, &four, sizeof four);
        return;
    }
#endif
#if BL_HAS_A4
    if (bits == 4u) {
        uint8_t *p = codes + (index >> 1);
        four |= four >> 4;
        p[0] = (uint8_t)four;
        p[1] = (uint8_t)(four >> 16);
        return;
    }
#endif
#if BL_HAS_A2
    if (bits == 2u) {
        four |= four >> 6;
        codes[index >> 2] = (uint8_t)((four & 0x0Fu) | ((four >> 12) & 0xF0u));
        return;
    }
#endif
#if BL_HAS_A_OTHER
    bl_write(codes, index, bits, four & 0xFFu);
    bl_write(codes, index + 1u, bits, (four >> 8) & 0xFFu);
    bl_write(codes, index + 2u, bits, (four >> 16) & 0xFFu);
    bl_write(codes, index + 3u, bits, four >> 24);
#endif
}

#endif
