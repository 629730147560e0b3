#pragma once

namespace bitlathe::bench {

/// Prints images per second of float and fake-quantized evaluation of the bundled models, and the kernels
/// against LibTorch's.
void runEngineBench(int threads, int rounds);

}  // namespace bitlathe::bench
