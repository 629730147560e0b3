#pragma once

#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "core/registry/registry.h"

#include <string>
#include <vector>

namespace bitlathe::core {

/// What an exporter would do with a model, before it does it.
struct ExportCheck {
    LayerId layer;            ///< empty: the whole model
    bool isBlocking = false;  ///< true: export refuses; false: a remark (left float, codes widened, ...)
    std::string message;
};

/// Writes a prepared model with its plan in some engine's format.
class Exporter {
public:
    virtual ~Exporter() = default;
    /// Empty: nothing to remark.
    virtual std::vector<ExportCheck> check(const PreparedModel& model, const QuantPlan& plan) const = 0;
    /// Writes into `folder` (created; nothing half-written stays behind on failure) and returns the files'
    /// paths. The same model and plan give the same bytes. Errors  InvalidConfig: a blocking check; Io.
    virtual std::vector<std::string> write(const PreparedModel& model, const QuantPlan& plan,
                                           const std::string& folder) const = 0;
};

const Registry<Exporter>& exporterRegistry();

}  // namespace bitlathe::core
