#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace bitlathe::core {

/// What went wrong, as a stable code: the window translates by it, the command line chooses its exit code.
enum class ErrorCode {
    InvalidConfig,        ///< a value of a configuration is outside what it may be
    RecipeError,          ///< a recipe document is wrong; the text names the JSON path
    ModelFormat,          ///< a model file is truncated, foreign or inconsistent
    UnsupportedOperator,  ///< the model uses an operator nobody here implements
    ShapeMismatch,        ///< tensor shapes do not fit each other
    DataFormat,           ///< a data set is missing, corrupt or inconsistent
    NonFiniteInput,       ///< NaN or Inf where a finite number is needed
    NotCalibrated,        ///< a range is asked for before any data was seen
    Io,                   ///< a file or folder cannot be read or written
    LogError,             ///< the experiment log cannot be opened, read or written
    EngineUnavailable,    ///< the tensor engine (LibTorch) cannot be loaded
    Unknown,
};

/// Base of everything core throws on purpose. `what()` is one plain English message that says
/// what is wrong, where, and what to do.
class Error : public std::runtime_error {
public:
    Error(ErrorCode code, const std::string& message) : std::runtime_error(message), m_code(code) {}
    ErrorCode code() const noexcept { return m_code; }

    /// True when the user's input is at fault (exit code 2), false when the work itself failed (exit code 1).
    bool isBadInput() const noexcept;

private:
    ErrorCode m_code;
};

/// Thrown by RunContext::checkpoint when the user asked to stop. Not an Error: nothing went wrong.
class Cancelled : public std::exception {
public:
    const char* what() const noexcept override { return "cancelled"; }
};

/// The code's stable spelling, e.g. "invalid_config"; used by `--json` output and the log.
std::string_view errorCodeName(ErrorCode code) noexcept;

}  // namespace bitlathe::core
