#include "core/exporters/c_code/c_step_builder.h"

#include <algorithm>
#include <utility>

// Convolutions on Arm's CMSIS-NN.
namespace bitlathe::core {

bool CStepBuilder::canUseCmsisNn(const IntegerConv& conv) const {
    const int bits = conv.weights.bits();
    const bool isSymmetric =
        conv.weights.isSigned() && std::all_of(conv.weightZeroPoints.begin(), conv.weightZeroPoints.end(),
                                               [](std::int32_t zero) { return zero == 0; });
    // Two 4-bit weights share a byte: rows of an odd number would begin in the middle of one.
    const bool isWhole =
        bits == 8 || (conv.isDepthwise() ? conv.outputChannels : conv.weightsPerChannel()) % 2 == 0;
    // Padding as in "same": CMSIS-NN's 3x3 kernel is wrong where it is all below and to the right.
    const auto isUsual = [](int before, int after) { return after == before || after == before + 1; };
    const bool isPlain = (conv.dilation == std::array{1, 1} || bits == 8) &&
                         isUsual(conv.padding[0], conv.padding[2]) &&
                         isUsual(conv.padding[1], conv.padding[3]);
    return m_network.backend == CBackend::CmsisNn && (bits == 8 || bits == 4) && isSymmetric && isWhole &&
           isPlain && input().bits == 8 && output().bits == 8 && !conv.output.factors.empty() &&
           conv.output.rounding != Rounding::Floor && (conv.groups == 1 || conv.isDepthwise());
}

void CStepBuilder::addCmsisNn(const IntegerConv& conv) {
    const int bits = conv.weights.bits();
    const bool isDepthwise = conv.isDepthwise();
    const auto channels = static_cast<std::size_t>(conv.outputChannels);
    const auto perChannel = static_cast<std::size_t>(conv.weightsPerChannel());
    std::vector<std::int32_t> codes(channels * perChannel);
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < perChannel; ++i) {
            codes[isDepthwise ? i * channels + c : c * perChannel + i] =
                conv.weights[static_cast<std::int64_t>(c * perChannel + i)];
        }
    }
    const PackedCodes packed(codes, bits, true);
    std::vector<std::int64_t> weights;
    for (const std::uint8_t byte : packed.bytes()) {
        weights.push_back(static_cast<std::int8_t>(byte));
    }
    // Codes less 128: those of signed bytes. The bias there is the one without the input's zero point.
    const std::int64_t inputZero = storedCode(input().zeroPoint, input()) - 128;
    const std::vector<std::int32_t> bias = plainBias(conv, input().zeroPoint);
    std::vector<std::int64_t> words(bias.begin(), bias.end());
    for (std::size_t c = 0; c < channels; ++c) {
        words.push_back(conv.output.factor(c).mantissa);
    }
    for (std::size_t c = 0; c < channels; ++c) {
        words.push_back(conv.output.factor(c).exponent);
    }
    m_step.function = "bl_run_cmsis_conv";
    m_step.structType = "bl_cmsis_conv";
    m_step.kernel = "CMSIS-NN, " + std::to_string(bits) + "-bit weights";
    // What CMSIS-NN asks for on a Cortex-M with DSP: two columns of 16 bits, depthwise one for all channels.
    const std::int64_t columns = (conv.weightsPerChannel() + 3) / 4 * 4;
    const std::int64_t buffer = isDepthwise ? 2 * columns * conv.outputChannels : 4 * columns;
    m_step.scratchBytes = (input().elements() + 3) / 4 * 4 + buffer;
    m_network.features.insert("BL_HAS_CMSIS_NN");
    m_network.features.insert("BL_HAS_CMSIS_NN" + std::to_string(bits));
    shapeField("in", input());
    shapeField("out", output());
    addWindow(conv);
    field("weight_bits", bits);
    field("is_depthwise", isDepthwise ? 1 : 0);
    field("weights", table(CTable::Kind::Weights, CTable::Type::Int8, "weights", std::move(weights)));
    const std::string n = table(CTable::Kind::Parameters, CTable::Type::Int32, "words", std::move(words));
    field("bias", n);
    field("multipliers", n + " + " + std::to_string(channels));
    field("shifts", n + " + " + std::to_string(2 * channels));
    field("input_offset", -inputZero);
    field("output_offset", storedCode(conv.output.zeroPoint, output()) - 128);
    field("lower", storedCode(conv.output.lower, output()) - 128);
    field("upper", storedCode(conv.output.upper, output()) - 128);
    field("buffer_bytes", buffer);
    finish();
}

}  // namespace bitlathe::core
