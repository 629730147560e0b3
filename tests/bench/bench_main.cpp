#include "engine/process_setup.h"
#include "tests/bench/engine_bench.h"
#include "tests/bench/peer_bench.h"
#include "tests/bench/tensor_memory.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include <unistd.h>

/// Prints what DESIGN's speed goals are about: our own figures, then one table against the peers. Idle
/// machine, please: with another busy process every number is another's as much as ours; the ratios, taken in
/// turn, stand it better.
int main(int argc, char** argv) {
    // As the programs do: libgomp reads the policy while it is being loaded, so only a fresh start sees it.
    if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
        setenv("OMP_WAIT_POLICY", "passive", 1);
        execv("/proc/self/exe", argv);
    }
    CLI::App app("Times Bitlathe's engine against LibTorch's kernels, torch.ao and ONNX Runtime");
    bitlathe::bench::PeerOptions peers;
    std::vector<int> threads{1, 2};
    bool isOwnOnly = false;
    bool isPeersOnly = false;
    app.add_option("--rounds", peers.rounds, "rounds behind each median")->check(CLI::PositiveNumber);
    app.add_option("--threads", threads, "thread counts")->check(CLI::PositiveNumber);
    app.add_option("--python", peers.python, "Python with torch 1.13");
    app.add_option("--only", peers.only, "rows of the table whose name contains this");
    app.add_flag("--kernels", peers.isKernelsOnly, "the table without the nets");
    app.add_flag("--peer-keeps-memory", peers.peerKeepsMemory, "the peer's allocator set as ours is");
    app.add_flag("--own", isOwnOnly, "without the peers");
    app.add_flag("--peers", isPeersOnly, "the table alone");
    CLI11_PARSE(app, argc, argv);
    try {
        bitlathe::engine::setUpProcess();
        bitlathe::bench::countTensorMemory();
        for (const int count : threads) {
            peers.threads = count;
            if (!isPeersOnly) {
                bitlathe::bench::runEngineBench(count, peers.rounds);
            }
            if (!isOwnOnly) {
                bitlathe::bench::runPeerBench(peers);
            }
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
