#include "engine/torch_script_source.h"

#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string_view>

namespace bitlathe::engine {

namespace {

template <std::size_t Count>
std::string listText(const std::array<std::int64_t, Count>& values) {
    std::string text = "[";
    for (std::size_t i = 0; i < Count; ++i) {
        text += (i == 0 ? "" : ", ") + std::to_string(values[i]);
    }
    return text + "]";
}

/// A float literal that reads back to the same double: 17 digits, and never an integer's look.
std::string numberText(double value) {
    if (std::isinf(value)) {
        return value > 0 ? "float('inf')" : "float('-inf')";
    }
    // printf would follow the process's locale: a decimal comma is two arguments to Python.
    std::array<char, 40> buffer{};
    const auto [end, error] =
        std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::general, 17);
    const std::string text(buffer.begin(), end);
    return text.find_first_of(".e") != std::string::npos ? text : text + ".0";
}

std::string boolText(bool value) {
    return value ? "True" : "False";
}

bool isEven(const std::array<std::int64_t, 4>& padding) {
    return padding[0] == padding[2] && padding[1] == padding[3];
}

std::string padText(const std::array<std::int64_t, 4>& padding, double value) {
    const auto [top, left, bottom, right] = padding;
    return "torch.constant_pad_nd(x0, " + listText(std::array{left, right, top, bottom}) + ", " +
           numberText(value) + ")";
}

/// The expression that computes the node from x0, x1, ... and self.
struct Expression {
    const core::Node& node;

    [[noreturn]] void refuse(const std::string& why) const {
        throw core::Error(core::ErrorCode::UnsupportedOperator,
                          "node '" + node.name + "' cannot be written as TorchScript: " + why);
    }

    std::string operator()(const core::InputOp&) const { return "x0"; }
    std::string operator()(const core::Conv2dOp& op) const {
        const bool even = isEven(op.padding);
        const std::array<std::int64_t, 2> padding{even ? op.padding[0] : 0, even ? op.padding[1] : 0};
        return "torch.conv2d(" + (even ? "x0" : padText(op.padding, 0)) + ", self.weight, " + bias(op.bias) +
               ", " + listText(op.stride) + ", " + listText(padding) + ", " + listText(op.dilation) + ", " +
               std::to_string(op.groups) + ")";
    }
    std::string operator()(const core::LinearOp& op) const {
        return "torch.linear(x0, self.weight, " + bias(op.bias) + ")";
    }
    std::string operator()(const core::BatchNormOp& op) const {
        return "torch.batch_norm(x0, self.weight, self.bias, self.running_mean, self.running_var, False, " +
               numberText(op.momentum) + ", " + numberText(op.epsilon) + ", False)";
    }
    std::string operator()(const core::ClampOp& op) const {
        if (op.isPerChannel()) {
            const std::string lower =
                std::isinf(op.lower) ? "x0" : "torch.clamp(x0, " + numberText(op.lower) + ", None)";
            return "torch.minimum(" + lower + ", self.upper)";
        }
        if (op.lower == 0 && std::isinf(op.upper)) {
            return "torch.relu(x0)";
        }
        if (std::isinf(op.upper) || std::isinf(op.lower)) {
            return "torch.clamp(x0, " + bound(op.lower) + ", " + bound(op.upper) + ")";
        }
        return "torch.hardtanh(x0, " + numberText(op.lower) + ", " + numberText(op.upper) + ")";
    }
    std::string operator()(const core::UnaryOp& op) const {
        switch (op.kind) {
        case core::UnaryKind::Sigmoid:
            return "torch.sigmoid(x0)";
        case core::UnaryKind::Tanh:
            return "torch.tanh(x0)";
        case core::UnaryKind::HardSigmoid:
            return "torch.hardsigmoid(x0)";
        case core::UnaryKind::HardSwish:
            return "torch.hardswish(x0)";
        case core::UnaryKind::Silu:
            return "torch.silu(x0)";
        case core::UnaryKind::Gelu:
            return "torch.gelu(x0)";
        }
        refuse("unknown elementwise function");
    }
    std::string operator()(const core::LeakyReluOp& op) const {
        return "torch.leaky_relu(x0, " + numberText(op.slope) + ")";
    }
    std::string operator()(const core::AddOp&) const { return "torch.add(x0, x1)"; }
    std::string operator()(const core::MulOp&) const { return "torch.mul(x0, x1)"; }
    std::string operator()(const core::ConcatOp& op) const {
        std::string list;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            list += (i == 0 ? "x" : ", x") + std::to_string(i);
        }
        return "torch.cat([" + list + "], " + std::to_string(op.axis) + ")";
    }
    std::string operator()(const core::Pool2dOp& op) const {
        const bool isMax = op.kind == core::PoolKind::Max;
        std::string input = "x0";
        std::array<std::int64_t, 2> padding{op.padding[0], op.padding[1]};
        if (!isEven(op.padding)) {
            if (!isMax && !op.countIncludePad) {
                refuse("an average over uneven padding that is not counted");
            }
            input = padText(op.padding, isMax ? -INFINITY : 0.0);
            padding = {0, 0};
        }
        const std::string window =
            input + ", " + listText(op.kernel) + ", " + listText(op.stride) + ", " + listText(padding);
        return isMax ? "torch.max_pool2d(" + window + ", [1, 1], " + boolText(op.ceilMode) + ")"
                     : "torch.avg_pool2d(" + window + ", " + boolText(op.ceilMode) + ", " +
                           boolText(op.countIncludePad) + ", None)";
    }
    std::string operator()(const core::GlobalAveragePoolOp&) const {
        return "torch.adaptive_avg_pool2d(x0, [1, 1])";
    }
    std::string operator()(const core::FlattenOp&) const { return "torch.flatten(x0, 1)"; }
    std::string operator()(const core::SoftmaxOp& op) const {
        return "torch.softmax(x0, " + std::to_string(op.axis) + ")";
    }

private:
    static std::string bias(const core::FloatTensor& tensor) {
        return tensor.defined() ? "self.bias" : "None";
    }
    static std::string bound(double value) { return std::isinf(value) ? "None" : numberText(value); }
};

bool isIdentifier(const std::string& text) {
    const auto isWord = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    return std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
           std::all_of(text.begin(), text.end(), isWord);
}

/// Attributes a module has anyway, and words of the language.
bool isReserved(const std::string& segment) {
    static constexpr std::array kReserved{
        "forward", "training", "weight", "bias",   "running_mean", "running_var", "if",    "else",
        "for",     "while",    "return", "def",    "in",           "is",          "not",   "and",
        "or",      "None",     "True",   "False",  "pass",         "import",      "from",  "as",
        "with",    "lambda",   "class",  "assert", "raise",        "del",         "break", "continue",
        "global",  "self",     "print",  "getattr"};
    return std::find(kReserved.begin(), kReserved.end(), segment) != kReserved.end();
}

std::string moduleExpression(const std::string& nodeName) {
    std::string text = "self";
    for (const std::string& segment : modulePath(nodeName)) {
        text = isIdentifier(segment) ? text + "." + segment : "getattr(" + text + ", \"" + segment + "\")";
    }
    return text;
}

}  // namespace

std::vector<std::string> modulePath(const std::string& nodeName) {
    std::vector<std::string> segments(1);
    for (const char c : nodeName) {
        if (c == '.') {
            segments.emplace_back();
        } else {
            segments.back() += c == '"' || c == '\\' ? '_' : c;
        }
    }
    for (std::string& segment : segments) {
        if (segment.empty() || isReserved(segment)) {
            segment += "_";
        }
    }
    return segments;
}

std::string forwardSourceOf(const core::Node& node) {
    std::string source = "def forward(self";
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        source += ", x" + std::to_string(i);
    }
    return source + "):\n    return " + std::visit(Expression{node}, node.op) + "\n";
}

std::string forwardSourceOf(const core::Graph& graph) {
    std::string source = "def forward(self, v0):\n";
    for (std::size_t id = 1; id < graph.nodes.size(); ++id) {
        const core::Node& node = graph.nodes[id];
        source += "    v" + std::to_string(id) + " = " + moduleExpression(node.name) + ".forward(";
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            source += (i == 0 ? "v" : ", v") + std::to_string(node.inputs[i]);
        }
        source += ")\n";
    }
    return source + "    return v" + std::to_string(graph.output) + "\n";
}

}  // namespace bitlathe::engine
