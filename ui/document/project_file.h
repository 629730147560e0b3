#pragma once

#include "core/types/layer_id.h"
#include "experiments/recipes/recipe.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::ui {

struct DeviceReserve {
    std::int64_t romBytes = 0;
    std::int64_t ramBytes = 0;
    bool operator==(const DeviceReserve&) const = default;
};

/// A `.bitlathe` file: a whole recipe (model, data, device, every configuration, stages) and what was being
/// looked at.
///
/// Format: JSON {"bitlathe_project": 1, "recipe": {recipe document}, "active_configuration": name,
/// "selection": {"layers": [path...], "site": "weight" | "output"}, "device_reserve": {"rom_bytes": B, "ram_bytes": B}}; the
/// reserve only where it was edited. A model below the project's folder is
/// stored relative to it, so both can move together.
struct Project {
    static constexpr int kSchemaVersion = 1;

    experiments::Recipe recipe;
    std::string activeConfiguration;
    std::vector<core::LayerId> selectedLayers;
    core::SiteKind site = core::SiteKind::Output;
    /// What the firmware keeps of the device, B; empty: what the catalogue says.
    std::optional<DeviceReserve> reserve;

    /// Errors  Io: not readable; RecipeError naming file and JSON path: no project, wrong value, newer
    /// version.
    static Project load(const std::string& path);
    /// Writes beside the target first, so a failure leaves the old file whole. Errors  Io.
    void save(const std::string& path) const;
};

}  // namespace bitlathe::ui
