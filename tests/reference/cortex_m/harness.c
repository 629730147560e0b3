/* Runs the exported network on every image of input.bin, writes output.bin, and tells the instructions of the first run:
   under `-icount shift=3` the system timer (25 MHz) falls by one every five instructions. */
#include "network.h"

#include <stdio.h>
#include <string.h>

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)

static uint8_t in[NETWORK_INPUT_BYTES + 4];
static network_output_t out[NETWORK_OUTPUT_BYTES / sizeof(network_output_t) + 8];

__attribute__((noinline, noipa)) static void nothing(const uint8_t *a, network_output_t *b) {
    __asm__ volatile("" : : "r"(a), "r"(b) : "memory");
}

__attribute__((noinline, noipa)) static uint32_t ticks(void (*call)(const uint8_t *, network_output_t *)) {
    const uint32_t before = SYST_CVR;
    call(in, out);
    return before - SYST_CVR;
}

int main(void) {
    FILE *const from = fopen("input.bin", "rb");
    FILE *const to = fopen("output.bin", "wb");
    unsigned long images = 0;
    unsigned long instructions = 0;
    unsigned long beyond = 0;
    if (from == NULL || to == NULL) {
        printf("input.bin cannot be read or output.bin not written\n");
        return 2;
    }
    while (fread(in, 1, NETWORK_INPUT_BYTES, from) == NETWORK_INPUT_BYTES) {
        memset(out, 0xA5, sizeof out);
        if (images == 0) {
            SYST_RVR = 0xFFFFFFu;
            SYST_CVR = 0;
            SYST_CSR = 5;
            instructions = ticks(nothing);
            instructions = 5 * (ticks(network_run) - instructions);
            SYST_CSR = 0;
        } else {
            network_run(in, out);
        }
        beyond += ((const uint8_t *)out)[NETWORK_OUTPUT_BYTES] != 0xA5;
        fwrite(out, 1, NETWORK_OUTPUT_BYTES, to);
        ++images;
    }
    fclose(to);
    printf("images %lu instructions %lu beyond %lu\n", images, instructions, beyond);
    return 0;
}
