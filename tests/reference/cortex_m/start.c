/* From reset to main, for a processor in QEMU that talks to its host by semihosting. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

extern uint32_t _estack, _sidata, _sdata, _edata, _sbss, _ebss;
extern void initialise_monitor_handles(void);
extern void __libc_init_array(void);
int main(void);

void _init(void) {}
void _fini(void) {}

void Reset_Handler(void) {
    uint32_t *from = &_sidata;
    uint32_t *to;
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* the C library may use the floating-point unit */
    for (to = &_sdata; to < &_edata;) {
        *to++ = *from++;
    }
    for (to = &_sbss; to < &_ebss;) {
        *to++ = 0;
    }
    initialise_monitor_handles();
    __libc_init_array();
    exit(main());
}

static void fault(void) {
    _exit(99);
}

__attribute__((section(".isr_vector"), used)) static void *const vectors[16] = {
    &_estack, (void *)Reset_Handler, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
