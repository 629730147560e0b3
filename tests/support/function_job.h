#pragma once

#include "experiments/jobs/job.h"

#include <functional>
#include <string>
#include <utility>

namespace bitlathe::tests {

/// A job made of a function.
class FunctionJob final : public experiments::Job {
public:
    using Work = std::function<experiments::JobProduct(experiments::JobScope&)>;

    FunctionJob(std::string name, Work work) : m_name(std::move(name)), m_work(std::move(work)) {}
    std::string_view kind() const override { return "function"; }
    std::string name() const override { return m_name; }
    experiments::JobProduct run(experiments::JobScope& scope) override { return m_work(scope); }

private:
    std::string m_name;
    Work m_work;
};

inline std::unique_ptr<experiments::Job> functionJob(std::string name, FunctionJob::Work work) {
    return std::make_unique<FunctionJob>(std::move(name), std::move(work));
}

}  // namespace bitlathe::tests
