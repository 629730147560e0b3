#include "core/exporters/c_code/c_readme.h"

#include <fmt/format.h>

namespace bitlathe::core {

namespace {

std::string tensorText(const IntegerTensor& tensor) {
    return fmt::format("{}x{}x{} at {} bits", tensor.rows, tensor.columns, tensor.channels, tensor.bits);
}

constexpr const char* kCmsisNote = R"(## CMSIS-NN

Layers marked so below call Arm's CMSIS-NN, which you bring: set `CMSIS_NN` (make, CMake) to its folder. It keeps multiplier
and shift as this network does, but rounds twice by default (to 31 bits of the product, then to the code), so that
about one output in some thousands differs by one and the self-test may report differences. Built with
`-DCMSIS_NN_USE_SINGLE_ROUNDING` it rounds once, and the codes are the integer engine's. Its convolutions need a signed
copy of their input, which the arena holds as scratch.

)";

std::string budget(const CNetwork& network) {
    const CFootprint& sizes = network.footprint;
    return fmt::format(R"(| what | section | bytes |
|---|---|---|
| weights, packed at their bits | `.rodata.bl_weights` | {} |
| biases, multipliers, shifts, zero points, tables | `.rodata.bl_parameters` | {} |
| **tables in ROM** | | **{}** |
| **arena in RAM** | `.bss.bl_arena` | **{}** |
| input and output, the caller's | | {} + {} |
| layer descriptions in ROM, on a 32-bit processor | `.rodata` of network.c | {} |

These are the sections' exact sizes ({} bytes of the tables only fill words). Code and stack come on top: their size is
the compiler's; `size -A` of the linked program tells.
)",
                       sizes.weightBytes, sizes.parameterBytes, sizes.romBytes(), sizes.arenaBytes,
                       sizes.inputBytes, sizes.outputBytes, sizes.descriptionBytes, sizes.fillBytes);
}

std::string layers(const CNetwork& network) {
    std::string text =
        "| layer | kernel | output | weights B | parameters B | scratch B |\n|---|---|---|---|---|---|\n";
    for (const CStep& step : network.steps) {
        text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", step.layer, step.kernel,
                            tensorText(network.graph.tensor(step.output)), step.weightBytes,
                            step.parameterBytes + step.constantBytes, step.scratchBytes);
    }
    return text;
}

}  // namespace

std::string cReadme(const CNetwork& network, const CWriterOptions& options) {
    return fmt::format(R"(# {}: an integer network in C99

Written by Bitlathe {}. No heap, no float, no library but memcpy and memset. `network_run(in, out)` computes exactly the codes
that Bitlathe's integer engine computes.

    make                                                     # builds and runs the self-test on this computer
    make libnetwork.a CROSS=arm-none-eabi- CPU={}     # for the device

Add the folder's sources to a firmware as they are, or by CMake: `add_subdirectory` and link `network`. Everything that
an application needs is in network.h. With the DSP extension (Cortex-M4, M7, M33) the inner loops use its instructions,
two products each; other processors, and `-DBL_PLAIN_C`, run the same sums in plain C.

{}## Bytes

{}
## Layers

{}
Tensors hold unsigned codes without gaps; codes of a signed grid are kept minus their lowest code. Kernels that this
network does not use are not in the folder.
)",
                       network.name, options.version, options.cpu,
                       network.features.contains("BL_HAS_CMSIS_NN") ? kCmsisNote : "", budget(network),
                       layers(network));
}

}  // namespace bitlathe::core
