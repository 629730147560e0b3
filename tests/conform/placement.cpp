// Where quantizers go in a network (TI's module surgery): the case's expression becomes a Graph, and what prepare()
// makes layers of is compared with where the reference puts its range trackers.

#include "core/graph/graph.h"
#include "core/graph/prepare.h"
#include "tests/conform/case.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <optional>
#include <set>

namespace bitlathe::conform {

namespace {

using namespace bitlathe::core;

constexpr std::int64_t kChannels = 4;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Why a case cannot be built; becomes its skip reason.
struct CannotBuild {
    std::string reason;
};

FloatTensor ones(const Shape& shape) {
    return {shape, std::vector<float>(static_cast<std::size_t>(elementCount(shape)), 1.0F)};
}

/// Reads "a=r1(b1(c1(x))); c3(r2(add(b2(c2(a)),a)))": statements, calls, names, and + between values.
class NetworkReader {
public:
    NetworkReader(const std::string& text, const Json& modules) : m_text(text), m_modules(modules) {
        m_graph.name = "case";
        m_graph.nodes.push_back({"input", InputOp{}, {}, {1, kChannels, 8, 8}});
        m_values["x"] = 0;
    }

    Graph read() {
        do {
            const std::size_t start = m_at;
            const std::string name = word();
            if (peek() == '=') {
                ++m_at;
                m_values[name] = sum();
            } else {
                m_at = start;
                m_graph.output = sum();
            }
        } while (peek() == ';' && ++m_at);
        return std::move(m_graph);  // what follows is a remark for people
    }

    /// Nodes whose tensor the case wants left float.
    const std::set<std::string>& unquantized() const { return m_unquantized; }

private:
    char peek() {
        while (m_at < m_text.size() && m_text[m_at] == ' ') {
            ++m_at;
        }
        return m_at < m_text.size() ? m_text[m_at] : '\0';
    }
    std::string word() {
        peek();
        const std::size_t start = m_at;
        while (m_at < m_text.size() &&
               (std::isalnum(static_cast<unsigned char>(m_text[m_at])) || m_text[m_at] == '_')) {
            ++m_at;
        }
        return m_text.substr(start, m_at - start);
    }
    NodeId sum() {
        NodeId value = call();
        while (peek() == '+') {
            ++m_at;
            value = m_graph.append("+", AddOp{}, {value, call()});
        }
        return value;
    }
    NodeId call() {
        const std::string name = word();
        if (peek() != '(') {
            const auto found = m_values.find(name);
            if (found == m_values.end()) {
                throw CannotBuild{"its expression names '" + name + "', which nothing made"};
            }
            return found->second;
        }
        std::vector<NodeId> inputs;
        do {
            ++m_at;
            inputs.push_back(sum());
        } while (peek() == ',');
        ++m_at;
        return apply(name, inputs);
    }
    /// The module of a call, by its name or by its type in lower case ("dropout2d" of module dr).
    std::pair<std::string, std::string> moduleOf(const std::string& called) const {
        for (const auto& [name, type] : m_modules.items()) {
            std::string lower = type.get<std::string>();
            std::transform(lower.begin(), lower.end(), lower.begin(),
                           [](unsigned char c) { return std::tolower(c); });
            if (name == called || lower.starts_with(called)) {
                return {name, type.get<std::string>()};
            }
        }
        throw CannotBuild{
            "Python-only module surgery: '" + called +
            "' is no module of the case (a function the reference does not see), or has no operator here"};
    }
    NodeId apply(const std::string& called, const std::vector<NodeId>& inputs) {
        const auto [name, type] = moduleOf(called);
        if (type == "Dropout2d") {
            return inputs.front();
        }
        if (type == "NoQAct") {
            m_unquantized.insert(m_graph.node(inputs.front()).name);
            return inputs.front();
        }
        return m_graph.append(name, operatorOf(type), inputs);
    }
    static Operator operatorOf(const std::string& type) {
        if (type == "Conv2d") {
            Conv2dOp conv;
            conv.weight = ones({kChannels, kChannels, 3, 3});
            conv.padding = {1, 1, 1, 1};
            return conv;
        }
        if (type == "BatchNorm2d") {
            const FloatTensor one = ones({kChannels});
            return BatchNormOp{one, one, one, one};
        }
        if (type == "ReLU" || type == "ReLU6") {
            return ClampOp{0, type == "ReLU" ? kInfinity : 6.0};
        }
        if (type == "AddBlock") {
            return AddOp{};
        }
        if (type == "LeakyReLU") {
            throw CannotBuild{
                "Python-only module surgery: the reference takes LeakyReLU for no activation and leaves "
                "its output float, a gap of its analysis"};
        }
        if (type == "MaxPool2d") {
            throw CannotBuild{
                "Python-only module surgery: the reference quantizes the output of a max pool once more; "
                "here a max pool keeps its input's grid"};
        }
        throw CannotBuild{"Python-only module surgery: no operator for module type " + type};
    }

    std::string m_text;
    const Json& m_modules;
    std::size_t m_at = 0;
    Graph m_graph;
    std::map<std::string, NodeId> m_values;
    std::set<std::string> m_unquantized;
};

/// The module a node came from: copies of a shared one carry a suffix behind it.
std::string moduleName(const std::string& node, const Json& modules) {
    if (modules.contains(node)) {
        return node;
    }
    for (const auto& [name, type] : modules.items()) {
        if (node.starts_with(name) && !std::isalnum(static_cast<unsigned char>(node[name.size()]))) {
            return name;
        }
    }
    return node;
}

/// Sites as the reference lists its trackers: a module and the sign its range may have.
using Site = std::pair<std::string, std::string>;

std::set<Site> sitesOf(const PreparedModel& model, const NetworkReader& reader, const Json& modules,
                       bool quantizesOutput) {
    std::set<Site> sites{{"input", "auto"}};
    for (const Layer& layer : model.layers) {
        const Node& node = model.graph.node(layer.outputNode);
        const bool isLast = layer.outputNode == model.graph.output;
        if (!layer.isQuantizable || reader.unquantized().contains(node.name) ||
            (isLast && !quantizesOutput)) {
            continue;
        }
        const auto* const clamp = std::get_if<ClampOp>(&node.op);
        sites.insert(
            {moduleName(node.name, modules), clamp != nullptr && clamp->lower >= 0 ? "unsigned" : "auto"});
    }
    return sites;
}

std::string textOf(const std::set<Site>& sites) {
    std::string text;
    for (const auto& [name, sign] : sites) {
        text += (text.empty() ? "" : ", ") + name + " " + sign;
    }
    return text;
}

void runPlacement(Case& item) {
    const Json& modules = item.params()["modules"];
    std::set<Site> expected;
    for (const Json& tracker : item.expected()["range_trackers"]) {
        // A tracker on the first layer's input is the graph input's site.
        const bool isInput = tracker[1] == "input_range";
        expected.insert({isInput ? "input" : tracker[0].get<std::string>(), tracker[2].get<std::string>()});
    }
    try {
        NetworkReader reader(item.text("graph"), modules);
        const Graph graph = reader.read();
        std::set<LayerId> all;  // batch norms kept: their nodes carry the names the reference uses
        for (const Node& node : graph.nodes) {
            all.insert(LayerId(node.name));
        }
        const PreparedModel model = prepare(graph, {}, all);
        const std::set<Site> sites = sitesOf(model, reader, modules, item.flag("quantize_out", true));
        item.require(sites == expected,
                     "quantized tensors: " + textOf(sites) + "; expected: " + textOf(expected));
        item.setAside("range_trackers", "compared as a set of tensors and signs");
    } catch (const CannotBuild& cannot) {
        item.skip(cannot.reason);
    }
}

}  // namespace

std::vector<Kind> placementKinds() {
    return {{"placement of quantizers",
             [](const Case& item) { return item.expects("range_trackers") && item.hasParam("modules"); },
             runPlacement}};
}

}  // namespace bitlathe::conform
