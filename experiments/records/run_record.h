#pragma once

#include "core/types/layer_id.h"
#include "core/types/metric.h"
#include "core/types/seed.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::experiments {

/// Row id of a run in the log. 0: none.
struct RunId {
    std::int64_t value = 0;
    bool isValid() const noexcept { return value > 0; }
    auto operator<=>(const RunId&) const = default;
};

/// Life of a run. Running rows whose process is gone become Interrupted at the next start.
enum class RunStatus { Running, Succeeded, Failed, Cancelled, Interrupted };
std::string_view runStatusName(RunStatus status) noexcept;
RunStatus runStatusFromName(std::string_view name);

/// What must be known before the work begins; enough to repeat it.
struct NewRun {
    std::string name;        ///< the variant: "W4A8 per channel"
    std::string recipeName;  ///< "demo"
    std::string groupId;     ///< same for all runs of one recipe execution
    std::string
        recipeJson;  ///< the whole recipe with this variant's choices resolved: running it repeats this run
    std::string configJson;  ///< the resolved QuantConfig, canonical; "" for float training
    std::string modelPath;
    std::string modelHash;  ///< of the prepared model
    std::string dataHash;   ///< of the evaluation data and preprocessing
    std::string configHash;
    std::string deviceId;  ///< "" for none
    core::Seed seed;
    int threads = 1;
    std::map<std::string, std::string> environment;  ///< versions, host, cpu, ...
};

/// One row of the log without its details.
struct RunRecord {
    RunId id;
    NewRun what;
    RunStatus status = RunStatus::Running;
    std::string startedAt;   ///< ISO 8601 UTC, milliseconds
    std::string finishedAt;  ///< empty while running
    double elapsedMs = 0;
    std::string error;                            ///< text of a failure
    std::map<std::string, core::Metric> metrics;  ///< by name
};

/// A number about one site or layer of a run.
struct LayerStatistic {
    core::LayerId layer;
    std::string site;  ///< "weight", "output" or "" for the layer as such
    std::string name;  ///< "sqnr_db", "bits", "range_lower", ...
    double value = 0;
};

/// One point of a series a run writes while it goes on (a training's loss by epoch).
struct MetricStep {
    std::string name;  ///< as core::Metric::name: "train_loss", "top1"
    double step = 0;   ///< in epochs, fractions within one
    double value = 0;
    bool operator==(const MetricStep&) const = default;
};

/// A file a run made.
struct Artefact {
    std::string kind;  ///< "onnx_qdq", "torch_script", ...
    std::string path;  ///< absolute
    std::string sha256;
    std::int64_t sizeBytes = 0;
};

}  // namespace bitlathe::experiments
