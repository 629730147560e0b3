#include "core/exporters/c_code/c_writer.h"

#include "core/exporters/c_code/c_readme.h"
#include "core/exporters/c_code/c_self_test.h"
#include "core/exporters/c_code/c_text.h"
#include "core/exporters/c_code/kernel_text.h"

#include <fmt/format.h>

#include <vector>

namespace bitlathe::core {

namespace {

/// Which features a kernel source needs to be there at all; headers always are.
bool isNeeded(std::string_view file, const std::set<std::string>& features) {
    const auto has = [&](const char* name) { return features.contains(std::string("BL_HAS_") + name); };
    if (file == "bl_conv.c") {
        return has("CONV");
    }
    if (file == "bl_conv_any.c") {
        return has("CONV_ANY");
    }
    if (file == "bl_depthwise3.c") {
        return has("DEPTHWISE3");
    }
    if (file == "bl_binary.c") {
        return has("ADD") || has("MUL");
    }
    if (file == "bl_pool.c") {
        return has("MAX_POOL") || has("AVERAGE_POOL");
    }
    if (file == "bl_rearrange.c") {
        return has("RESCALE") || has("LOOKUP") || has("FLATTEN");
    }
    if (file == "bl_cmsis_nn.c") {
        return has("CMSIS_NN");
    }
    return file != "bl_config.h";
}

std::string heading(const CNetwork& network, const CWriterOptions& options, const std::string& what) {
    return fmt::format("/* {}: {}.\n   Written by Bitlathe {} from the model {}. */\n", network.name, what,
                       options.version, network.graph.modelHash.substr(0, 16));
}

std::string networkHeader(const CNetwork& network, const CWriterOptions& options) {
    const IntegerTensor& in = network.graph.inputTensor();
    const IntegerTensor& out = network.graph.outputTensor();
    return heading(network, options, "what the application sees") +
           fmt::format(
               R"(#ifndef BL_NETWORK_H
#define BL_NETWORK_H

#include <stdint.h>

/* Input: {} codes, rows x columns x channels with channels innermost, unsigned, {} bits each without gaps (the first in the
   lowest bits). Real value of a code: (code - NETWORK_INPUT_ZERO) * {:.9g}. */
#define NETWORK_INPUT_ROWS {}
#define NETWORK_INPUT_COLUMNS {}
#define NETWORK_INPUT_CHANNELS {}
#define NETWORK_INPUT_BITS {}
#define NETWORK_INPUT_ZERO {}
#define NETWORK_INPUT_BYTES {}

/* Output: {} values{}. Real value: {}. */
#define NETWORK_OUTPUT_COUNT {}
#define NETWORK_OUTPUT_BITS {}
#define NETWORK_OUTPUT_BYTES {}

/* Everything the network needs between input and output; static, no heap. */
#define NETWORK_ARENA_BYTES {}

typedef {} network_output_t;

/* One inference. Not reentrant: there is one arena. */
void network_run(const uint8_t *in, network_output_t *out);

#endif
)",
               in.elements(), in.bits, in.scale, in.rows, in.columns, in.channels, in.bits,
               in.zeroPoint - in.lowestCode(), network.footprint.inputBytes, out.elements(),
               out.bits == 32 ? ", 32-bit signed"
                              : fmt::format(", unsigned codes of {} bits without gaps", out.bits),
               out.bits == 32
                   ? fmt::format("value * {:.9g}", out.scale)
                   : fmt::format("(code - {}) * {:.9g}", out.zeroPoint - out.lowestCode(), out.scale),
               out.elements(), out.bits, network.footprint.outputBytes, network.footprint.arenaBytes,
               out.bits == 32 ? "int32_t" : "uint8_t");
}

std::string tableText(const CTable& table) {
    static constexpr const char* kTypes[] = {"uint8_t", "int8_t", "uint16_t", "int32_t"};
    return fmt::format("static const {} {}[{}] {} = {{\n{}}};\n", kTypes[static_cast<int>(table.type)],
                       table.name, table.values.size(),
                       table.kind == CTable::Kind::Weights ? "BL_WEIGHTS" : "BL_PARAMETERS",
                       cNumbers(table.values));
}

std::string tablesHeader(const CNetwork& network, const CWriterOptions& options) {
    std::string text = heading(network, options, "its numbers") + R"(#ifndef NETWORK_TABLES_H
#define NETWORK_TABLES_H

#include <stdint.h>

/* Sections of their own, so that a map file tells their sizes. */
#if defined(__GNUC__) && defined(__ELF__)
#define BL_WEIGHTS __attribute__((aligned(4), section(".rodata.bl_weights")))
#define BL_PARAMETERS __attribute__((aligned(4), section(".rodata.bl_parameters")))
#else
#define BL_WEIGHTS
#define BL_PARAMETERS
#endif

)";
    for (const CTable& table : network.tables) {
        text += tableText(table) + "\n";
    }
    return text + "#endif\n";
}

std::string descriptionText(const std::string& type, const std::string& variable,
                            const std::vector<std::string>& fields) {
    std::string text = "static const " + type + " " + variable + " = {\n";
    for (const std::string& field : fields) {
        text += "    " + field + ",\n";
    }
    return text + "};\n\n";
}

/// Where a tensor lies: the caller's buffers or the arena.
std::string place(const CNetwork& network, int tensor, bool isOutput) {
    if (tensor == network.graph.input) {
        return "in";
    }
    if (tensor == network.graph.output) {
        return isOutput || network.graph.outputTensor().bits == 32 ? "out" : "(const uint8_t *)out";
    }
    return fmt::format("arena + {}", network.tensorOffsets[static_cast<std::size_t>(tensor)]);
}

std::string callText(const CNetwork& network, std::size_t index) {
    const CStep& step = network.steps[index];
    std::string text = "    " + step.function + "(&" + step.variable;
    for (const int input : step.inputs) {
        text += ", " + place(network, input, false);
    }
    text += ", " + place(network, step.output, true);
    if (network.scratchOffsets[index] >= 0) {
        text += fmt::format(", words + {}", network.scratchOffsets[index] / 4);
    }
    return text + ");\n";
}

std::string networkSource(const CNetwork& network, const CWriterOptions& options) {
    std::string text = heading(network, options, "its layers, one after another") + R"(#include "network.h"

#include "bl_kernels.h"
#include "network_tables.h"

#if defined(__GNUC__) && defined(__ELF__)
#define BL_ARENA __attribute__((section(".bss.bl_arena")))
#else
#define BL_ARENA
#endif

)";
    if (network.footprint.arenaBytes > 0) {
        text += "static uint32_t words[NETWORK_ARENA_BYTES / 4] BL_ARENA;\n\n";
    }
    for (const CExtra& extra : network.extras) {
        text += descriptionText(extra.structType, extra.variable, extra.fields);
    }
    for (const CStep& step : network.steps) {
        text += descriptionText(step.structType, step.variable, step.fields);
    }
    text += "void network_run(const uint8_t *in, network_output_t *out) {\n";
    if (network.footprint.arenaBytes > 0) {
        text += "    uint8_t *const arena = (uint8_t *)words;\n";
    }
    for (std::size_t i = 0; i < network.steps.size(); ++i) {
        text += callText(network, i);
    }
    return text + "}\n";
}

constexpr const char* kCmsisMake = R"TEXT(
# Where CMSIS-NN lies (its folders Include and Source)
CMSIS_NN ?= CMSIS-NN
override CFLAGS += -isystem $(CMSIS_NN)/Include
SOURCES += $(filter-out %_f16.c %_f32.c,$(wildcard $(CMSIS_NN)/Source/ConvolutionFunctions/*.c \
  $(CMSIS_NN)/Source/NNSupportFunctions/*.c $(CMSIS_NN)/Source/FullyConnectedFunctions/*.c))
)TEXT";

constexpr const char* kCmsisCMake = R"TEXT(
set(CMSIS_NN "" CACHE PATH "Where CMSIS-NN lies (its folders Include and Source)")
if(NOT EXISTS "${CMSIS_NN}/Include/arm_nnfunctions.h")
  message(FATAL_ERROR "This network runs on CMSIS-NN: set CMSIS_NN to its folder")
endif()
file(GLOB cmsis_nn_sources ${CMSIS_NN}/Source/ConvolutionFunctions/*.c ${CMSIS_NN}/Source/NNSupportFunctions/*.c
  ${CMSIS_NN}/Source/FullyConnectedFunctions/*.c)
list(FILTER cmsis_nn_sources EXCLUDE REGEX "_f(16|32)\\.c$")
target_sources(network PRIVATE ${cmsis_nn_sources})
target_include_directories(network SYSTEM PRIVATE ${CMSIS_NN}/Include)
)TEXT";

std::string makefile(const std::vector<std::string>& sources, const CWriterOptions& options, bool isCmsisNn) {
    std::string names;
    for (const std::string& source : sources) {
        names += " " + source;
    }
    return fmt::format(R"(# make                 the self-test for this computer, and runs it
# make libnetwork.a CROSS=arm-none-eabi- CPU={}
CROSS ?=
CPU ?=
CC = $(CROSS)gcc
AR = $(CROSS)ar
CFLAGS ?= -O2
override CFLAGS += -std=c99 -Wall -Wextra -pedantic -ffunction-sections -fdata-sections
ifneq ($(CPU),)
override CFLAGS += -mcpu=$(CPU) -mthumb
endif
SOURCES ={}
{}
test: selftest
	./selftest

selftest: selftest.c $(SOURCES) $(wildcard *.h)
	$(CC) $(CFLAGS) -o $@ selftest.c $(SOURCES)

libnetwork.a: $(SOURCES) $(wildcard *.h)
	$(CC) $(CFLAGS) -c $(SOURCES)
	$(AR) rcs $@ $(SOURCES:.c=.o)

clean:
	rm -f selftest libnetwork.a $(SOURCES:.c=.o)

.PHONY: test clean
)",
                       options.cpu, names, isCmsisNn ? kCmsisMake : "");
}

std::string cmakeLists(const CNetwork& network, const std::vector<std::string>& sources) {
    std::string names;
    for (const std::string& source : sources) {
        names += "\n  " + source;
    }
    return fmt::format(R"(cmake_minimum_required(VERSION 3.13)
project({} C)

add_library(network STATIC{})
target_include_directories(network PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
set_target_properties(network PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
{}
if(NOT CMAKE_CROSSCOMPILING)
  enable_testing()
  add_executable(selftest selftest.c)
  target_link_libraries(selftest PRIVATE network)
  add_test(NAME selftest COMMAND selftest)
endif()
)",
                       network.name, names, network.features.contains("BL_HAS_CMSIS_NN") ? kCmsisCMake : "");
}

}  // namespace

std::map<std::string, std::string> writeCFiles(const CNetwork& network, const CWriterOptions& options) {
    std::map<std::string, std::string> files;
    std::vector<std::string> sources{"network.c"};
    for (const KernelFile& kernel : kernelFiles()) {
        if (isNeeded(kernel.name, network.features)) {
            files[std::string(kernel.name)] = kernelTextFor(kernel.text, network.features);
            if (kernel.name.ends_with(".c")) {
                sources.emplace_back(kernel.name);
            }
        }
    }
    files["network.h"] = networkHeader(network, options);
    files["network.c"] = networkSource(network, options);
    files["network_tables.h"] = tablesHeader(network, options);
    files["selftest.c"] =
        heading(network, options, "does it compute here what it computed there") + selfTestSource();
    files["selftest_vectors.h"] =
        heading(network, options, "a made-up input and its output") + selfTestVectors(network);
    files["Makefile"] = makefile(sources, options, network.features.contains("BL_HAS_CMSIS_NN"));
    files["CMakeLists.txt"] = cmakeLists(network, sources);
    files["README.md"] = cReadme(network, options);
    return files;
}

}  // namespace bitlathe::core
