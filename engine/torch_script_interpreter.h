#pragma once

#include "core/graph/graph.h"
#include "engine/abstract_value.h"
#include "engine/operator_conversions.h"

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace bitlathe::engine {

/// Runs a TorchScript module's forward method with the input left symbolic: what depends on the input becomes
/// nodes of a core::Graph, everything else (weights, sizes, flags, control flow) is computed as LibTorch
/// computes it. So traced and scripted models read alike: branches on sizes or training mode are taken, loops
/// over layers unrolled, calls followed, and each node knows the module it came from.
class TorchScriptInterpreter {
public:
    /// graph  holds the input node with its shape; receives the rest
    TorchScriptInterpreter(const torch::jit::Module& module, core::Graph& graph);

    /// Errors  UnsupportedOperator naming every operator that cannot be imported, with its module.
    ///         ModelFormat: more than one input or output.
    void run();

private:
    /// An operator that cannot be imported, as often as it occurs for one reason.
    struct Refusal {
        std::string kind;    ///< "aten::permute"
        std::string reason;  ///< empty: not known at all
        std::string firstModule;
        int count = 0;
    };
    using Environment = std::unordered_map<const torch::jit::Value*, AbstractValue>;

    std::vector<AbstractValue> runFunction(torch::jit::Function& function,
                                           std::vector<AbstractValue> arguments,
                                           const std::string& modulePath);
    void runBlock(const torch::jit::Block& block, Environment& values, const std::string& modulePath);
    void runNode(const torch::jit::Node& node, Environment& values, const std::string& modulePath);
    void runIf(const torch::jit::Node& node, Environment& values, const std::string& modulePath);
    void runLoop(const torch::jit::Node& node, Environment& values, const std::string& modulePath);
    void runCall(const torch::jit::Node& node, Environment& values, const std::string& modulePath);
    void makeList(const torch::jit::Node& node, Environment& values);
    bool runOnList(const torch::jit::Node& node, Environment& values);
    bool runOnKnownType(const torch::jit::Node& node, Environment& values);
    void runConcrete(const torch::jit::Node& node, Environment& values, const std::string& modulePath);
    void runTensorOperator(const torch::jit::Node& node, Environment& values, const std::string& modulePath);

    std::vector<AbstractValue> inputsOf(const torch::jit::Node& node, const Environment& values) const;
    c10::IValue standIn(const AbstractValue& value, const c10::TypePtr& type) const;
    void refuseOperator(const torch::jit::Node& node, Environment& values, const std::string& modulePath,
                        const std::string& why);
    AbstractValue placeholder(const c10::IValue& value);
    std::string refusalText() const;
    void setUnknown(const torch::jit::Node& node, Environment& values) const;
    void reportUnsupported(const torch::jit::Node& node, const std::string& modulePath,
                           const std::string& why);
    std::string nodeName(const std::string& kind, const std::string& modulePath) const;
    void finish(const std::vector<AbstractValue>& results);

    torch::jit::Module m_module;
    core::Graph& m_graph;
    std::unordered_map<const c10::ivalue::Object*, std::string> m_paths;
    std::unordered_map<std::string, bool>
        m_isNodeModule;                              ///< by path: its name is a node's name as it stands
    std::unordered_map<std::string, bool> m_isLeaf;  ///< by path: it holds no submodule
    std::vector<Refusal> m_refusals;
};

}  // namespace bitlathe::engine
