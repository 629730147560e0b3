#include "core/engine/channel_calibration.h"

namespace bitlathe::core {

Statistics calibrateKeeping(ChannelDetail detail, Engine& engine, const PreparedModel& model,
                            const BatchSource& data, const RunContext& context) {
    if (auto* const able = dynamic_cast<ChannelCalibration*>(&engine)) {
        return able->calibrateKeeping(detail, model, data, context);
    }
    return engine.calibrate(model, data, context);
}

}  // namespace bitlathe::core
