#pragma once

#include <string>

namespace bitlathe::bench {

struct PeerOptions {
    int threads = 1;
    int rounds = 7;
    std::string python = "python3";  ///< with torch: Debian's python3-torch
    bool peerKeepsMemory = false;    ///< the peer's allocator set as ours is; false: as its users have it
    bool isKernelsOnly = false;      ///< no nets
    std::string only;                ///< rows whose name contains it; empty: all
};

/// Times us and the peers (python3-torch's torch.ao, ONNX Runtime), call by call in turn, and prints one table
/// of medians: ratio, the goal, and whether it is reached. A peer that is not installed is said so, and its
/// rows are left out.
void runPeerBench(const PeerOptions& options);

}  // namespace bitlathe::bench
