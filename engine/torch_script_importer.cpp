#include "engine/torch_script_importer.h"

#include "core/types/error.h"
#include "engine/model_file_check.h"
#include "engine/torch_script_interpreter.h"
#include "engine/torch_script_writer.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/jit/serialization/import.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

namespace bitlathe::engine {

namespace {

struct LoadedModel {
    torch::jit::Module module;
    std::string name;
    core::Shape inputShape;  ///< C,H,W; empty when the file does not say
};

[[noreturn]] void throwDamaged(const std::string& path, const std::string& found) {
    throw core::Error(core::ErrorCode::ModelFormat, "'" + path + "' cannot be loaded as TorchScript: " +
                                                        found + "; copy or export it again");
}

/// What our own writer left beside the code; nothing for foreign files.
void readModelInfo(LoadedModel& model, const std::string& text, const std::string& path) {
    if (text.empty()) {
        return;
    }
    try {
        const auto info = nlohmann::json::parse(text);
        if (info.at("version").get<int>() > 1) {
            throwDamaged(path, "it was written by a newer Bitlathe");
        }
        model.name = info.at("name").get<std::string>();
        if (info.contains("input_shape")) {
            model.inputShape = info["input_shape"].get<core::Shape>();
        }
    } catch (const nlohmann::json::exception& error) {
        throwDamaged(path, std::string("its ") + kModelInfoFile + " is not valid (" + error.what() + ")");
    }
}

LoadedModel load(const std::string& path) {
    requireTorchScriptFile(path);
    LoadedModel model;
    model.name = std::filesystem::path(path).stem().string();
    torch::jit::ExtraFilesMap extra{{kModelInfoFile, ""}};
    try {
        model.module = torch::jit::load(path, at::kCPU, extra);
        model.module.eval();
    } catch (const c10::Error& error) {
        throwDamaged(path, error.what_without_backtrace());
    }
    if (!model.module.find_method("forward")) {
        throwDamaged(path, "it has no forward method");
    }
    readModelInfo(model, extra[kModelInfoFile], path);
    return model;
}

core::Shape chosenShape(const LoadedModel& model, const core::Shape& given, const std::string& path) {
    const core::Shape& shape = given.empty() ? model.inputShape : given;
    if (shape.empty()) {
        throw core::Error(core::ErrorCode::ModelFormat,
                          "'" + path +
                              "' does not say what images it takes; give the input shape as "
                              "channels,rows,columns, e.g. 3,224,224");
    }
    if (shape.size() != 3 ||
        std::any_of(shape.begin(), shape.end(), [](std::int64_t size) { return size < 1; })) {
        throw core::Error(core::ErrorCode::ShapeMismatch,
                          "the input shape of '" + path + "' is given as " + core::shapeText(shape) +
                              "; it must be channels,rows,columns, all at least 1");
    }
    return {1, shape[0], shape[1], shape[2]};
}

}  // namespace

core::Graph importTorchScript(const std::string& path, const core::Shape& inputShape) {
    const at::NoGradGuard noGradients;
    const LoadedModel model = load(path);
    core::Graph graph;
    graph.name = model.name;
    graph.nodes.push_back({"input", core::InputOp{}, {}, chosenShape(model, inputShape, path)});
    TorchScriptInterpreter(model.module, graph).run();
    return graph;
}

}  // namespace bitlathe::engine
