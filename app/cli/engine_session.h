#pragma once

#include "app/cli/cancel_on_signal.h"
#include "app/cli/command_line.h"
#include "app/cli/console_progress.h"
#include "core/device/device.h"
#include "core/engine/engine.h"
#include "experiments/recipes/run_recipe.h"

#include <memory>
#include <string>
#include <vector>

namespace bitlathe::cli {

/// What a verb that works with tensors has: the engine, progress on stderr, Ctrl-C. Opening it loads
/// LibTorch.
class EngineSession {
public:
    EngineSession();

    core::Engine& engine() { return *m_engine; }
    const core::RunContext& context() const { return m_context; }
    /// Before something is printed.
    void clearProgress() { m_progress.clear(); }

private:
    ConsoleProgress m_progress;
    core::RunContext m_context;
    CancelOnSignal m_cancel;
    std::shared_ptr<core::Engine> m_engine;
};

/// Built-in devices and the user's own. Errors  Io: the resource folder is missing.
core::DeviceCatalogue loadDevices();

/// A recipe by path, or by the name of a bundled one ("demo"), with `--set` assignments applied.
experiments::Recipe loadRecipe(const std::string& pathOrName, const std::vector<std::string>& assignments);

}  // namespace bitlathe::cli
