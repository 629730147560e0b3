#pragma once

namespace bitlathe::tests {

/// How long a test waits for what must come, in milliseconds. Far above what an idle machine needs: a wait ends
/// with its condition, so a generous limit costs nothing and a busy machine fails nothing.
inline constexpr int kPatienceMs = 120'000;

}  // namespace bitlathe::tests
