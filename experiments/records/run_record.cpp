#include "experiments/records/run_record.h"

#include "core/types/error.h"

#include <array>
#include <utility>

namespace bitlathe::experiments {

namespace {

constexpr std::array<std::pair<RunStatus, std::string_view>, 5> kNames{{
    {RunStatus::Running, "running"},
    {RunStatus::Succeeded, "succeeded"},
    {RunStatus::Failed, "failed"},
    {RunStatus::Cancelled, "cancelled"},
    {RunStatus::Interrupted, "interrupted"},
}};

}  // namespace

std::string_view runStatusName(RunStatus status) noexcept {
    return kNames[static_cast<std::size_t>(status)].second;
}

RunStatus runStatusFromName(std::string_view name) {
    std::string known;
    for (const auto& [status, text] : kNames) {
        if (text == name) {
            return status;
        }
        known += (known.empty() ? "" : ", ") + std::string(text);
    }
    throw core::Error(core::ErrorCode::LogError,
                      "unknown run status '" + std::string(name) + "'; known: " + known);
}

}  // namespace bitlathe::experiments
