#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::tests {

/// A Cortex-M in QEMU as the judge of exported C (tests/reference/cortex_m holds its start-up code, linker script and
/// harness). Needs arm-none-eabi-gcc with newlib and qemu-system-arm.
struct CortexM {
    std::string cpu;           ///< "cortex-m4", "cortex-m7"
    std::string optimisation;  ///< "-O2"
};

/// Empty when everything is there, else what is missing and how to install it.
std::string missingForCortexM();

/// Bytes of an ELF file's sections that matter, as arm-none-eabi-size tells them.
struct CortexMSections {
    std::int64_t weights = 0;
    std::int64_t parameters = 0;
    std::int64_t constants = 0;  ///< layer descriptions
    std::int64_t code = 0;       ///< kernels and network_run, the C library not
    std::int64_t arena = 0;
};

struct CortexMRun {
    CortexMSections sections;
    std::vector<std::uint8_t> outputs;  ///< one image after another
    std::int64_t instructions = 0;      ///< of the first image, give or take 5
};

/// Builds the exported folder with -std=c99 -Wall -Wextra -Werror -pedantic, runs it on all images in `inputs`
/// (NETWORK_INPUT_BYTES each) and collects outputs and instruction count.
/// Errors  std::runtime_error with what the compiler or the emulator says.
CortexMRun runOnCortexM(const std::string& exportFolder, const CortexM& target,
                        std::span<const std::uint8_t> inputs);

}  // namespace bitlathe::tests
