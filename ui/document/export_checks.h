#pragma once

#include <string>

#include "core/device/device.h"
#include "core/exporters/exporter.h"
#include "core/plan/learned_plan.h"
#include "core/types/quant_config.h"
#include "core/types/site_statistics.h"

#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace bitlathe::ui {

/// Everything that can stand in an export's way follows from these, by value: fit for a worker.
struct ExportQuestion {
    std::shared_ptr<const core::PreparedModel> model;
    std::shared_ptr<const core::Statistics> statistics;
    core::QuantConfig config;
    std::optional<core::Device> device;  ///< what the files are for; empty: none in particular
    core::MethodSpec exporter;
    QString folder;
    std::shared_ptr<const core::LearnedPlan> learned;  ///< grids of a trained model; null: none
};

/// One line of what was looked at before an export.
struct ExportFinding {
    enum class Kind {
        Fine,
        Remark,    ///< worth knowing; the export is possible
        Blocking,  ///< the export would refuse or fail
    };
    Kind kind = Kind::Fine;
    QString text;
    bool operator==(const ExportFinding&) const = default;
};

/// Whether the model fits the device, the format takes every layer and grid, and the folder can be written, in this order.
/// Never throws: what cannot be looked at is a blocking line.
std::vector<ExportFinding> checkExport(const ExportQuestion& question);

/// The folder alone: whether it can be made and written, and what an export of this format replaces there.
std::vector<ExportFinding> checkExportFolder(const ExportQuestion& question);

bool isBlocked(const std::vector<ExportFinding>& findings) noexcept;

/// The exporter's choice of processor that is this device's, by its core's name ("Cortex-M0+" -> "cortex-m0plus"); empty:
/// the exporter has none like it.
std::optional<double> processorOf(const core::Device& device, const core::MethodInfo& exporter);

}  // namespace bitlathe::ui
