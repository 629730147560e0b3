#include "engine/process_setup.h"
#include "tests/bench/engine_bench.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>

#include <unistd.h>

/// bitlathe-bench [rounds]: prints what DESIGN's speed goals are about. Idle machine, please: with another
/// busy process every number is another's as much as ours.
int main(int argc, char** argv) {
    // As the programs do: libgomp reads the policy while it is being loaded, so only a fresh start sees it.
    if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
        setenv("OMP_WAIT_POLICY", "passive", 1);
        execv("/proc/self/exe", argv);
    }
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 31;
    if (rounds < 1) {
        std::fprintf(stderr, "usage: bitlathe-bench [rounds]\n");
        return 2;
    }
    try {
        bitlathe::engine::setUpProcess();
        for (const int threads : {1, 2}) {
            bitlathe::bench::runEngineBench(threads, rounds);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
