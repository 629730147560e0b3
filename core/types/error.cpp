#include "core/types/error.h"

namespace bitlathe::core {

bool Error::isBadInput() const noexcept {
    return m_code != ErrorCode::Unknown && m_code != ErrorCode::EngineUnavailable;
}

std::string_view errorCodeName(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::InvalidConfig:
        return "invalid_config";
    case ErrorCode::RecipeError:
        return "recipe_error";
    case ErrorCode::ModelFormat:
        return "model_format";
    case ErrorCode::UnsupportedOperator:
        return "unsupported_operator";
    case ErrorCode::ShapeMismatch:
        return "shape_mismatch";
    case ErrorCode::DataFormat:
        return "data_format";
    case ErrorCode::NonFiniteInput:
        return "non_finite_input";
    case ErrorCode::NotCalibrated:
        return "not_calibrated";
    case ErrorCode::Io:
        return "io";
    case ErrorCode::LogError:
        return "log_error";
    case ErrorCode::EngineUnavailable:
        return "engine_unavailable";
    case ErrorCode::Unknown:
        break;
    }
    return "unknown";
}

}  // namespace bitlathe::core
