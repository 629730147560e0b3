#pragma once

#include "experiments/records/run_record.h"

#include <string>

namespace bitlathe::tests {

/// A run with something in every field.
inline experiments::NewRun sampleRun(const std::string& name = "W8A8", const std::string& group = "group-1") {
    experiments::NewRun run;
    run.name = name;
    run.recipeName = "demo";
    run.groupId = group;
    run.recipeJson = R"({"schema_version":1,"name":"demo"})";
    run.configJson = R"({"input":{"bits":8}})";
    run.modelPath = "models/mobilenet_v1_025.pt";
    run.modelHash = std::string(64, 'a');
    run.dataHash = std::string(64, 'b');
    run.configHash = std::string(64, 'c');
    run.deviceId = "stm32f411re";
    run.seed = {0xFFFF'FFFF'FFFF'FFF0ULL};
    run.threads = 2;
    run.environment = {{"bitlathe", "0.1.0"}, {"torch", "1.13.1"}};
    return run;
}

}  // namespace bitlathe::tests
