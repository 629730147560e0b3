#include "experiments/jobs/job_outcome.h"

#include "core/run/run_context.h"

#include <exception>
#include <new>

namespace bitlathe::experiments {

JobOutcome runToOutcome(const std::function<void()>& work) noexcept {
    try {
        work();
        return JobOutcome::succeeded();
    } catch (const core::Cancelled&) {
        return JobOutcome::cancelledByUser();
    } catch (const core::Error& error) {
        return JobOutcome::failed(error.code(), error.what());
    } catch (const std::bad_alloc&) {
        return JobOutcome::failed(
            core::ErrorCode::Unknown,
            "not enough memory for this job; use a smaller batch size or close other programs");
    } catch (const std::exception& error) {
        return JobOutcome::failed(core::ErrorCode::Unknown, error.what());
    } catch (...) {
        return JobOutcome::failed(core::ErrorCode::Unknown,
                                  "the job ended with an exception of unknown type");
    }
}

}  // namespace bitlathe::experiments
