#include "app/cli/cancel_on_signal.h"

#include <csignal>

namespace bitlathe::cli {

namespace {

core::RunContext* s_context = nullptr;  // for the handler, which takes no argument
volatile std::sig_atomic_t s_signal = 0;

/// Storing to a lock-free atomic is all that the requests do, which a handler may.
void onSignal(int number) {
    s_signal = number;
    if (s_context != nullptr) {
        s_context->requestCancel();
    }
    std::signal(number, SIG_DFL);
}

void onStopSignal(int) {
    if (s_context != nullptr) {
        s_context->requestStop();
    }
}

}  // namespace

CancelOnSignal::CancelOnSignal(core::RunContext& context) {
    s_context = &context;
    std::signal(SIGINT, onSignal);
    std::signal(SIGTERM, onSignal);
    std::signal(SIGUSR1, onStopSignal);
}

CancelOnSignal::~CancelOnSignal() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGUSR1, SIG_DFL);
    s_context = nullptr;
}

int exitCodeOfSignal() {
    return s_signal == 0 ? 1 : 128 + s_signal;
}

}  // namespace bitlathe::cli
