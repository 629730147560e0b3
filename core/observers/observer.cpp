#include "core/observers/observer.h"

#include "core/types/error.h"

#include <string>

namespace bitlathe::core {

void requireCalibrated(const SiteStatistics& statistics, std::string_view observer) {
    if (statistics.empty()) {
        throw Error(ErrorCode::NotCalibrated, "observer '" + std::string(observer) +
                                                  "' has seen no values; calibrate the model on data first");
    }
}

}  // namespace bitlathe::core
