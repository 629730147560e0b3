#pragma once

#include <string>
#include <vector>

namespace bitlathe::tests {

/// Compiles an exported folder with the computer's own C compiler, strictly and under the address and undefined-behaviour
/// sanitizers, and runs its self-test. Returns what it prints; the compiler's or the sanitizers' complaint where there is
/// one.
/// Errors  std::runtime_error: no C compiler.
std::string selfTestOnHost(const std::string& folder, const std::vector<std::string>& flags = {});

}  // namespace bitlathe::tests
