#include "engine/torch_script_writer.h"

#include "core/types/error.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_script_source.h"

#include <ATen/ops/tensor.h>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/module.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

namespace bitlathe::engine {

namespace {

/// The modules of a graph, built bottom-up: TorchScript fixes a class's attributes before its parent can hold
/// it.
class ModuleTree {
public:
    explicit ModuleTree(const core::Graph& graph)
        : m_graph(graph), m_unit(std::make_shared<torch::jit::CompilationUnit>()) {
        for (std::size_t id = 1; id < graph.nodes.size(); ++id) {
            place(graph.nodes[id]);
        }
    }

    torch::jit::Module build() {
        torch::jit::Module root = build(m_root, "__torch__.bitlathe_model");
        root.define(forwardSourceOf(m_graph));
        return root;
    }

private:
    struct Branch {
        const core::Node* node = nullptr;
        std::vector<std::pair<std::string, Branch>> children;  // in the graph's order
    };

    void place(const core::Node& node) {
        Branch* branch = &m_root;
        for (const std::string& segment : modulePath(node.name)) {
            auto& children = branch->children;
            auto found = std::find_if(children.begin(), children.end(),
                                      [&](const auto& child) { return child.first == segment; });
            if (found == children.end()) {
                found = children.insert(children.end(), {segment, Branch{}});
            }
            branch = &found->second;
        }
        if (branch->node != nullptr) {
            throw core::Error(core::ErrorCode::UnsupportedOperator,
                              "nodes '" + branch->node->name + "' and '" + node.name +
                                  "' would become one module; rename one");
        }
        branch->node = &node;
    }

    torch::jit::Module build(const Branch& branch, const std::string& className) {
        torch::jit::Module module(c10::QualifiedName(className), m_unit);
        module.register_attribute("training", c10::BoolType::get(), false);
        for (const auto& [name, child] : branch.children) {
            const std::string number = std::to_string(m_classCount++);
            module.register_module(name,
                                   build(child, child.node != nullptr
                                                    ? kNodeClassPrefix + ("Node" + number)
                                                    : "__torch__.bitlathe_container.Container" + number));
        }
        if (branch.node != nullptr) {
            registerTensors(module, *branch.node);
            module.define(forwardSourceOf(*branch.node));
        }
        return module;
    }

    static void registerTensors(torch::jit::Module& module, const core::Node& node) {
        const core::Operator& op = node.op;
        const auto parameter = [&](const char* name, const core::FloatTensor& tensor) {
            if (tensor.defined()) {
                module.register_parameter(name, wrap(tensor), /*is_buffer=*/false);
            }
        };
        if (const auto* conv = std::get_if<core::Conv2dOp>(&op)) {
            parameter("weight", conv->weight);
            parameter("bias", conv->bias);
        } else if (const auto* linear = std::get_if<core::LinearOp>(&op)) {
            parameter("weight", linear->weight);
            parameter("bias", linear->bias);
        } else if (const auto* norm = std::get_if<core::BatchNormOp>(&op)) {
            parameter("weight", norm->gamma);
            parameter("bias", norm->beta);
            module.register_buffer("running_mean", wrap(norm->mean));
            module.register_buffer("running_var", wrap(norm->variance));
        } else if (const auto* clamp = std::get_if<core::ClampOp>(&op);
                   clamp != nullptr && clamp->isPerChannel()) {
            // C,1,1 for images, C for vectors: what broadcasts over batch, rows and columns.
            std::vector<std::int64_t> shape(node.outputShape.size() - 1, 1);
            shape[0] = static_cast<std::int64_t>(clamp->channelUpper.size());
            module.register_buffer("upper", at::tensor(clamp->channelUpper, at::kFloat).reshape(shape));
        }
    }

    const core::Graph& m_graph;
    std::shared_ptr<torch::jit::CompilationUnit> m_unit;
    Branch m_root;
    int m_classCount = 0;
};

std::string modelInfo(const core::Graph& graph) {
    nlohmann::json info{{"format", "bitlathe-model"}, {"version", 1}, {"name", graph.name}};
    const core::Shape& shape = graph.inputShape();
    if (shape.size() == 4) {
        info["input_shape"] = core::Shape(shape.begin() + 1, shape.end());
    }
    return info.dump();
}

/// Bytes to a neighbour first, then the name changes hands: an interrupted write leaves the old file.
void writeWhole(const std::string& bytes, const std::string& path) {
    const std::string partial = path + ".part";
    std::ofstream file(partial, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    std::error_code error;
    if (file) {
        std::filesystem::rename(partial, path, error);
    }
    if (!file || error) {
        std::error_code ignored;
        std::filesystem::remove(partial, ignored);
        throw core::Error(core::ErrorCode::Io, "the model cannot be written to '" + path +
                                                   "'; check that the folder exists, is writable and "
                                                   "has room");
    }
}

}  // namespace

void writeTorchScript(const core::Graph& graph, const std::string& path) {
    std::ostringstream archive;
    // Through a stream, not by file name: the archive's inner folder would carry the name, and bytes would
    // differ with it.
    ModuleTree(graph).build().save(archive, {{kModelInfoFile, modelInfo(graph)}});
    writeWhole(archive.str(), path);
}

}  // namespace bitlathe::engine
