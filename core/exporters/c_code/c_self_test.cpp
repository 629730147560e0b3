#include "core/exporters/c_code/c_self_test.h"

#include "core/exporters/c_code/c_text.h"

#include <cstddef>
#include <random>

namespace bitlathe::core {

std::vector<std::uint8_t> storedCodes(const IntegerTensor& tensor, std::span<const std::int32_t> codes) {
    if (tensor.bits == 32) {
        std::vector<std::uint8_t> bytes;
        for (const std::int32_t code : codes) {
            for (int shift = 0; shift < 32; shift += 8) {
                bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(code) >> shift));
            }
        }
        return bytes;
    }
    std::vector<std::int32_t> unsignedCodes(codes.begin(), codes.end());
    for (std::int32_t& code : unsignedCodes) {
        code -= static_cast<std::int32_t>(tensor.lowestCode());
    }
    return PackedCodes(unsignedCodes, tensor.bits, false).bytes();
}

std::string selfTestSource() {
    return R"(#include "network.h"
#include "selftest_vectors.h"

#include <stdio.h>

int main(void) {
    static network_output_t out[sizeof selftest_output / sizeof selftest_output[0]];
    const int count = (int)(sizeof out / sizeof out[0]);
    int wrong = 0;
    int i;
    network_run(selftest_input, out);
    for (i = 0; i < count; ++i) {
        if (out[i] != selftest_output[i]) {
            printf("output %d is %ld, expected %ld\n", i, (long)out[i], (long)selftest_output[i]);
            ++wrong;
        }
    }
    printf("self-test: %d of %d outputs differ\n", wrong, count);
    return wrong == 0 ? 0 : 1;
}
)";
}

std::string selfTestVectors(const CNetwork& network) {
    const IntegerGraph& graph = network.graph;
    const IntegerTensor& in = graph.inputTensor();
    const IntegerTensor& out = graph.outputTensor();
    std::mt19937 draw(20211);  // its numbers are the same everywhere; a distribution's are not
    Codes codes(static_cast<std::size_t>(in.elements()));
    for (std::int32_t& code : codes) {
        code = static_cast<std::int32_t>(in.lowestCode() + (draw() >> 8U) % (std::uint32_t{1} << in.bits));
    }
    const Codes result = runReference(graph, codes)[static_cast<std::size_t>(graph.output)];
    const std::vector<std::uint8_t> input = storedCodes(in, codes);
    const std::vector<std::uint8_t> output = storedCodes(out, result);
    const bool isWide = out.bits == 32;
    const std::vector<std::int64_t> inputValues(input.begin(), input.end());
    const std::vector<std::int64_t> outputValues =
        isWide ? std::vector<std::int64_t>(result.begin(), result.end())
               : std::vector<std::int64_t>(output.begin(), output.end());
    return "#include <stdint.h>\n\nstatic const uint8_t selftest_input[" +
           std::to_string(inputValues.size()) + "] = {\n" + cNumbers(inputValues) + "};\n\nstatic const " +
           (isWide ? "int32_t" : "uint8_t") + " selftest_output[" + std::to_string(outputValues.size()) +
           "] = {\n" + cNumbers(outputValues) + "};\n";
}

}  // namespace bitlathe::core
