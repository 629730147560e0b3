#include "engine/torch_script_interpreter.h"

#include "core/types/error.h"
#include "engine/torch_script_writer.h"

#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace bitlathe::engine {

namespace {

using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

// A loop over layers or list elements; anything longer is no network.
constexpr std::int64_t kMostIterations = 100000;

bool isTensorLike(const c10::TypePtr& type) {
    if (const auto list = type->cast<c10::ListType>()) {
        return isTensorLike(list->getElementType());
    }
    if (const auto optional = type->cast<c10::OptionalType>()) {
        return isTensorLike(optional->getElementType());
    }
    return type->kind() == c10::TypeKind::TensorType;
}

bool hasTensor(const AbstractValue& value) {
    return value.isTensor() ||
           (value.isList() && std::any_of(value.list().begin(), value.list().end(), hasTensor));
}

bool hasUnknown(const AbstractValue& value) {
    return value.isUnknown() ||
           (value.isList() && std::any_of(value.list().begin(), value.list().end(), hasUnknown));
}

/// "relu" of aten::relu_, "__is__" as it stands.
std::string baseName(const Node& node) {
    std::string name = node.kind().toUnqualString();
    if (name.size() > 1 && name.back() == '_' && name[name.size() - 2] != '_') {
        name.pop_back();
    }
    return name;
}

bool isInPlace(const Node& node) {
    return baseName(node) != node.kind().toUnqualString();
}

/// Operators that look into a tensor's values: a branch on them cannot be decided without the input.
bool readsValues(const Node& node) {
    static constexpr std::array<std::string_view, 7> kReaders{"Bool",           "Int",   "Float",     "item",
                                                              "ScalarImplicit", "equal", "is_nonzero"};
    return std::find(kReaders.begin(), kReaders.end(), std::string_view(node.kind().toUnqualString())) !=
           kReaders.end();
}

}  // namespace

TorchScriptInterpreter::TorchScriptInterpreter(const torch::jit::Module& module, core::Graph& graph)
    : m_module(module), m_graph(graph) {
    for (const auto& named : module.named_modules()) {
        m_paths.emplace(named.value._ivalue().get(), named.name);
        const auto& className = named.value.type()->name();
        m_isNodeModule[named.name] = className && className->qualifiedName().rfind(kNodeClassPrefix, 0) == 0;
        m_isLeaf[named.name] = named.value.children().size() == 0;
    }
}

void TorchScriptInterpreter::run() {
    torch::jit::Function& forward = m_module.get_method("forward").function();
    const std::size_t inputs = forward.getSchema().arguments().size() - 1;
    if (inputs != 1) {
        throw core::Error(core::ErrorCode::ModelFormat,
                          "model '" + m_graph.name + "' takes " + std::to_string(inputs) +
                              " inputs; Bitlathe takes models with one image input");
    }
    std::vector<AbstractValue> results;
    try {
        results = runFunction(forward, {concreteValue(m_module._ivalue()), tensorValue(0)}, "");
    } catch (const std::exception&) {
        // Behind an operator that cannot be imported shapes may be wrong: the operator is the news then.
        if (m_refusals.empty()) {
            throw;
        }
    }
    if (!m_refusals.empty()) {
        throw core::Error(core::ErrorCode::UnsupportedOperator, refusalText());
    }
    finish(results);
}

void TorchScriptInterpreter::finish(const std::vector<AbstractValue>& results) {
    const bool isOneTensor = results.size() == 1 && results[0].isTensor() && !results[0].tensor().hasBorder();
    if (!isOneTensor) {
        throw core::Error(
            core::ErrorCode::ModelFormat,
            "model '" + m_graph.name +
                "' does not return one tensor computed from its input; save a model that returns its "
                "scores alone (no tuple, list or dictionary)");
    }
    m_graph.output = results[0].tensor().node;
}

std::vector<AbstractValue> TorchScriptInterpreter::runFunction(torch::jit::Function& function,
                                                               std::vector<AbstractValue> arguments,
                                                               const std::string& modulePath) {
    const auto graph = torch::jit::toGraphFunction(function).graph();
    Environment values;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        values[graph->inputs()[i]] = std::move(arguments[i]);
    }
    runBlock(*graph->block(), values, modulePath);
    std::vector<AbstractValue> results;
    for (const Value* const output : graph->outputs()) {
        results.push_back(values.at(output));
    }
    return results;
}

void TorchScriptInterpreter::runBlock(const Block& block, Environment& values,
                                      const std::string& modulePath) {
    for (const Node* const node : block.nodes()) {
        runNode(*node, values, modulePath);
    }
}

void TorchScriptInterpreter::runNode(const Node& node, Environment& values, const std::string& modulePath) {
    namespace prim = c10::prim;
    switch (node.kind()) {
    case prim::Constant: {
        const auto constant = torch::jit::toIValue(node.output());
        values[node.output()] = concreteValue(constant ? *constant : c10::IValue());
        return;
    }
    case prim::If:
        return runIf(node, values, modulePath);
    case prim::Loop:
        return runLoop(node, values, modulePath);
    case prim::CallMethod:
    case prim::CallFunction:
        return runCall(node, values, modulePath);
    case prim::ListConstruct:
    case prim::TupleConstruct:
        return makeList(node, values);
    default:
        break;
    }
    const std::vector<AbstractValue> inputs = inputsOf(node, values);
    if (std::any_of(inputs.begin(), inputs.end(), hasUnknown)) {
        return setUnknown(node, values);  // its cause is reported already
    }
    if (runOnList(node, values) || runOnKnownType(node, values)) {
        return;
    }
    if (std::any_of(inputs.begin(), inputs.end(), hasTensor)) {
        return runTensorOperator(node, values, modulePath);
    }
    runConcrete(node, values, modulePath);
}

std::vector<AbstractValue> TorchScriptInterpreter::inputsOf(const Node& node,
                                                            const Environment& values) const {
    std::vector<AbstractValue> inputs;
    for (const Value* const input : node.inputs()) {
        inputs.push_back(values.at(input));
    }
    return inputs;
}

void TorchScriptInterpreter::setUnknown(const Node& node, Environment& values) const {
    for (const Value* const output : node.outputs()) {
        values[output] = {AbstractValue::Unknown{}};
    }
}

void TorchScriptInterpreter::reportUnsupported(const Node& node, const std::string& modulePath,
                                               const std::string& why) {
    const std::string kind = node.kind().toQualString();
    const auto found = std::find_if(m_refusals.begin(), m_refusals.end(), [&](const Refusal& refusal) {
        return refusal.kind == kind && refusal.reason == why;
    });
    if (found != m_refusals.end()) {
        ++found->count;
        return;
    }
    m_refusals.push_back(
        {kind, why, modulePath.empty() ? "the top module" : "module '" + modulePath + "'", 1});
}

std::string TorchScriptInterpreter::refusalText() const {
    std::string text = "model '" + m_graph.name + "' uses operators Bitlathe cannot import:";
    for (const Refusal& refusal : m_refusals) {
        text += "\n  " + refusal.kind;
        text += refusal.count > 1 ? ", " + std::to_string(refusal.count) + " times, first in " : " in ";
        text += refusal.firstModule + (refusal.reason.empty() ? "" : ": " + refusal.reason);
    }
    return text + "\nReplace them in the model, or save the part of it in front of them.";
}

/// Goes on behind an operator that cannot be imported, with what it would give for zeros, so that one message
/// can name all.
void TorchScriptInterpreter::refuseOperator(const Node& node, Environment& values,
                                            const std::string& modulePath, const std::string& why) {
    reportUnsupported(node, modulePath, why);
    setUnknown(node, values);
    if (node.maybeOperator() == nullptr) {
        return;
    }
    try {
        runConcrete(node, values, modulePath);
    } catch (const std::exception&) {
        return setUnknown(node, values);  // zeros of batch 1 are no input for it
    }
    for (const Value* const output : node.outputs()) {
        values[output] = placeholder(values.at(output).concrete());
    }
}

/// A tensor as a node of the graph, which will be thrown away.
AbstractValue TorchScriptInterpreter::placeholder(const c10::IValue& value) {
    if (value.isTensor()) {
        const core::NodeId id = m_graph.append("refused", core::InputOp{}, {});
        m_graph.node(id).outputShape = value.toTensor().sizes().vec();
        return tensorValue(id);
    }
    if (value.isTensorList()) {
        auto list = std::make_shared<std::vector<AbstractValue>>();
        for (const at::Tensor& element : value.toTensorVector()) {
            list->push_back(placeholder(element));
        }
        return {list};
    }
    return concreteValue(value);
}

void TorchScriptInterpreter::runIf(const Node& node, Environment& values, const std::string& modulePath) {
    const AbstractValue condition = values.at(node.input());
    if (!condition.isConcrete()) {
        if (!condition.isUnknown()) {
            reportUnsupported(node, modulePath, "a branch that depends on the input's values");
        }
        return setUnknown(node, values);
    }
    const Block& taken = *node.blocks()[condition.concrete().toBool() ? 0 : 1];
    runBlock(taken, values, modulePath);
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
        values[node.outputs()[i]] = values.at(taken.outputs()[i]);
    }
}

void TorchScriptInterpreter::runLoop(const Node& node, Environment& values, const std::string& modulePath) {
    // Inputs: most iterations, whether to begin, then what is carried round.
    std::vector<AbstractValue> carried;
    for (std::size_t i = 2; i < node.inputs().size(); ++i) {
        carried.push_back(values.at(node.inputs()[i]));
    }
    const Block& body = *node.blocks()[0];
    AbstractValue most = values.at(node.inputs()[0]);
    AbstractValue goesOn = values.at(node.inputs()[1]);
    for (std::int64_t i = 0; most.isConcrete() && goesOn.isConcrete(); ++i) {
        if (i >= most.concrete().toInt() || !goesOn.concrete().toBool()) {
            for (std::size_t j = 0; j < carried.size(); ++j) {
                values[node.outputs()[j]] = carried[j];
            }
            return;
        }
        if (i >= kMostIterations) {
            break;
        }
        values[body.inputs()[0]] = concreteValue(i);
        for (std::size_t j = 0; j < carried.size(); ++j) {
            values[body.inputs()[j + 1]] = carried[j];
        }
        runBlock(body, values, modulePath);
        goesOn = values.at(body.outputs()[0]);
        for (std::size_t j = 0; j < carried.size(); ++j) {
            carried[j] = values.at(body.outputs()[j + 1]);
        }
    }
    if (!most.isUnknown() && !goesOn.isUnknown()) {
        reportUnsupported(node, modulePath,
                          "a loop whose length depends on the input's values, or without end");
    }
    setUnknown(node, values);
}

void TorchScriptInterpreter::runCall(const Node& node, Environment& values, const std::string& modulePath) {
    std::vector<AbstractValue> arguments = inputsOf(node, values);
    torch::jit::Function* function = nullptr;
    std::string path = modulePath;
    if (node.kind() == c10::prim::CallMethod) {
        const auto object = arguments[0].concrete().toObject();
        function = &object->type()->getMethod(node.s(c10::attr::name));
        if (const auto found = m_paths.find(object.get()); found != m_paths.end()) {
            path = found->second;
        }
    } else {
        function = node.input(0)->type()->expectRef<c10::FunctionType>().function();
        arguments.erase(arguments.begin());
    }
    const auto results = runFunction(*function, std::move(arguments), path);
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
        values[node.outputs()[i]] = results[i];
    }
}

void TorchScriptInterpreter::makeList(const Node& node, Environment& values) {
    const std::vector<AbstractValue> elements = inputsOf(node, values);
    const bool isTuple = node.kind() == c10::prim::TupleConstruct;
    const auto listType = node.output()->type()->cast<c10::ListType>();
    const bool holdsTensors = isTuple || (listType && isTensorLike(listType->getElementType())) ||
                              !std::all_of(elements.begin(), elements.end(),
                                           [](const AbstractValue& value) { return value.isConcrete(); });
    if (holdsTensors) {
        values[node.output()] = {std::make_shared<std::vector<AbstractValue>>(elements)};
        return;
    }
    c10::impl::GenericList list(listType->getElementType());
    for (const AbstractValue& element : elements) {
        list.push_back(element.concrete());
    }
    values[node.output()] = concreteValue(list);
}

/// Lists and tuples of tensors are handled here, others by LibTorch.
bool TorchScriptInterpreter::runOnList(const Node& node, Environment& values) {
    if (node.inputs().empty() || !values.at(node.inputs()[0]).isList()) {
        return false;
    }
    std::vector<AbstractValue>& list = values.at(node.inputs()[0]).list();
    const std::string_view kind = node.kind().toUnqualString();
    if (kind == "ListUnpack" || kind == "TupleUnpack") {
        for (std::size_t i = 0; i < node.outputs().size(); ++i) {
            values[node.outputs()[i]] = list.at(i);
        }
    } else if (kind == "len") {
        values[node.output()] = concreteValue(static_cast<std::int64_t>(list.size()));
    } else if (kind == "append") {
        list.push_back(values.at(node.inputs()[1]));
        values[node.output()] = values.at(node.inputs()[0]);
    } else if (kind == "__getitem__" || kind == "TupleIndex") {
        const auto size = static_cast<std::int64_t>(list.size());
        const std::int64_t index = values.at(node.inputs()[1]).concrete().toInt();
        const AbstractValue element = list.at(static_cast<std::size_t>(index < 0 ? index + size : index));
        values[node.output()] = element;
    } else {
        return false;
    }
    return true;
}

/// What needs no computing: casts, attributes, identity with None, taking lists of numbers apart.
bool TorchScriptInterpreter::runOnKnownType(const Node& node, Environment& values) {
    const std::string_view kind = node.kind().toUnqualString();
    if (kind == "unchecked_cast" || kind == "unchecked_unwrap_optional" || kind == "_unwrap_optional" ||
        kind == "annotate") {
        values[node.output()] = values.at(node.inputs()[0]);
        return true;
    }
    if (kind == "ListUnpack" && values.at(node.input()).isConcrete()) {
        const auto list = values.at(node.input()).concrete().toList();
        for (std::size_t i = 0; i < node.outputs().size(); ++i) {
            values[node.outputs()[i]] = concreteValue(list.get(i));
        }
        return true;
    }
    if (kind == "GetAttr") {
        const auto object = values.at(node.input()).concrete().toObject();
        values[node.output()] = concreteValue(object->getAttr(node.s(c10::attr::name)));
        return true;
    }
    if (kind == "__is__" || kind == "__isnot__") {
        const auto isNone = [&](std::size_t i) {
            const AbstractValue& value = values.at(node.inputs()[i]);
            return value.isConcrete() && value.concrete().isNone();
        };
        if (isNone(0) || isNone(1)) {
            values[node.output()] = concreteValue((isNone(0) && isNone(1)) == (kind == "__is__"));
            return true;
        }
    }
    return false;
}

/// A concrete value as it is; for a tensor of the graph zeros of its shape, which answer every question about
/// sizes and types.
c10::IValue TorchScriptInterpreter::standIn(const AbstractValue& value, const c10::TypePtr& type) const {
    if (value.isConcrete()) {
        return value.concrete();
    }
    if (value.isTensor()) {
        return at::zeros({}).expand(m_graph.node(value.tensor().node).outputShape);
    }
    if (const auto listType = type->cast<c10::ListType>()) {
        c10::impl::GenericList list(listType->getElementType());
        for (const AbstractValue& element : value.list()) {
            list.push_back(standIn(element, listType->getElementType()));
        }
        return list;
    }
    std::vector<c10::IValue> elements;
    const auto types = type->expectRef<c10::TupleType>().elements();
    for (std::size_t i = 0; i < value.list().size(); ++i) {
        elements.push_back(standIn(value.list()[i], types[i]));
    }
    return c10::ivalue::Tuple::create(std::move(elements));
}

void TorchScriptInterpreter::runConcrete(const Node& node, Environment& values,
                                         const std::string& modulePath) {
    if (node.maybeOperator() == nullptr) {
        reportUnsupported(node, modulePath, "");
        return setUnknown(node, values);
    }
    torch::jit::Stack stack;
    for (const Value* const input : node.inputs()) {
        stack.push_back(standIn(values.at(input), input->type()));
    }
    node.getOperation()(stack);
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
        values[node.outputs()[i]] = concreteValue(stack[stack.size() - node.outputs().size() + i]);
    }
}

std::string TorchScriptInterpreter::nodeName(const std::string& kind, const std::string& modulePath) const {
    if (modulePath.empty()) {
        return kind;
    }
    const auto isSet = [&](const auto& flags) {
        const auto found = flags.find(modulePath);
        return found != flags.end() && found->second;
    };
    return isSet(m_isNodeModule) || isSet(m_isLeaf) ? modulePath : modulePath + "." + kind;
}

void TorchScriptInterpreter::runTensorOperator(const Node& node, Environment& values,
                                               const std::string& modulePath) {
    const auto isNoTensor = [](const Value* value) { return !isTensorLike(value->type()); };
    if (std::all_of(node.outputs().begin(), node.outputs().end(), isNoTensor) && !readsValues(node)) {
        return runConcrete(node, values, modulePath);
    }
    if (readsValues(node)) {
        reportUnsupported(node, modulePath, "what the model does depends on the input's values");
        return setUnknown(node, values);
    }
    OperatorCall call{baseName(node), nodeName(baseName(node), modulePath), inputsOf(node, values)};
    if (std::string_view(node.kind().ns().toUnqualString()) != "aten" || !isKnownOperator(call.kind) ||
        node.outputs().size() != 1) {
        return refuseOperator(node, values, modulePath, "");
    }
    try {
        AbstractValue result = convertOperator(m_graph, call);
        if (isInPlace(node) && result.isTensor() && call.arguments[0].isTensor()) {
            call.arguments[0].tensor() = result.tensor();
            result = call.arguments[0];
        }
        values[node.output()] = std::move(result);
    } catch (const UnsupportedUse& reason) {
        refuseOperator(node, values, modulePath, reason.what());
    }
}

}  // namespace bitlathe::engine
