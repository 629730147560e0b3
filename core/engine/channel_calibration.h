#pragma once

#include "core/engine/engine.h"
#include "core/plan/channel_detail.h"

namespace bitlathe::core {

/// What an engine implements beside Engine when it can leave the channels' histograms out of a calibration.
class ChannelCalibration {
public:
    virtual ~ChannelCalibration() = default;
    /// As Engine::calibrate, which keeps everything.
    virtual Statistics calibrateKeeping(ChannelDetail detail, const PreparedModel& model,
                                        const BatchSource& data, const RunContext& context) = 0;
};

/// Calibrates with the detail asked for, or with more where the engine knows no less.
Statistics calibrateKeeping(ChannelDetail detail, Engine& engine, const PreparedModel& model,
                            const BatchSource& data, const RunContext& context);

}  // namespace bitlathe::core
