#pragma once

#include "core/types/error.h"

#include <functional>
#include <optional>
#include <string>

namespace bitlathe::experiments {

/// How a job ended. There is no fourth way: whatever the work throws becomes one of these.
struct JobOutcome {
    enum class Kind { Succeeded, CancelledByUser, Failed };

    Kind kind = Kind::Succeeded;
    std::optional<core::ErrorCode> code;  ///< of a Failed job
    std::string text;                     ///< of a Failed job: what, where, what to do

    static JobOutcome succeeded() { return {}; }
    static JobOutcome cancelledByUser() { return {Kind::CancelledByUser, std::nullopt, {}}; }
    static JobOutcome failed(core::ErrorCode code, std::string text) {
        return {Kind::Failed, code, std::move(text)};
    }
    bool operator==(const JobOutcome&) const = default;
};

/// Runs `work` and turns its ending into an outcome; never throws. Cancelled is what core::Cancelled says,
/// even when the request came from elsewhere; work that finishes in spite of a late request has succeeded.
JobOutcome runToOutcome(const std::function<void()>& work) noexcept;

}  // namespace bitlathe::experiments
