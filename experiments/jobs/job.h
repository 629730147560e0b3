#pragma once

#include "core/run/run_context.h"
#include "experiments/jobs/engine_host.h"
#include "experiments/jobs/job_product.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace bitlathe::experiments {

/// What a job may touch while it runs; lives on the working thread.
class JobScope {
public:
    using Publisher = std::function<void(JobProduct)>;

    JobScope(EngineHost& engineHost, core::RunContext& context, Publisher publish)
        : m_engineHost(engineHost), m_context(context), m_publish(std::move(publish)) {}

    /// Where to report stages and batches; its checkpoint throws Cancelled when the user asked to stop.
    core::RunContext& context() noexcept { return m_context; }
    /// Opens the engine when that has not happened yet. Errors  EngineUnavailable.
    core::Engine& engine();
    /// Hands out something before the job is over.
    void publish(JobProduct product) const { m_publish(std::move(product)); }

private:
    EngineHost& m_engineHost;
    core::RunContext& m_context;
    Publisher m_publish;
};

/// Work for the job thread. Holds copies of everything it needs from the moment it is made: it never reads
/// the document, the settings or a widget, so editing goes on while it runs.
class Job {
public:
    virtual ~Job() = default;
    /// Stable word for icons and texts: "run_recipe", "open_model", ...
    virtual std::string_view kind() const = 0;
    /// What the list shows: "demo.json", "mobilenet_v1_025.pt".
    virtual std::string name() const = 0;
    /// Epochs a training will take; 0 where nothing is trained.
    virtual std::int64_t plannedEpochs() const { return 0; }
    /// Does the work and returns its result (monostate: everything was published on the way).
    /// Throws core::Error, core::Cancelled.
    virtual JobProduct run(JobScope& scope) = 0;
};

}  // namespace bitlathe::experiments
