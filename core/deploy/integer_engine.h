#pragma once

#include "core/deploy/integer_graph.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

struct IntegerEngineOptions {
    enum class Kernels {
        Best,      ///< the fastest the processor has
        Portable,  ///< plain C++, for comparison
        Avx2,      ///< those of processors without AVX-512 VNNI, for comparison
    };
    int threads = 1;  ///< images are shared out among them
    Kernels kernels = Kernels::Best;
};

/// Runs an integer model on the workstation, fast: the same codes as runReference, bit for bit.
///
/// One thread carries one image through all layers, so that activations stay in its first-level cache; weights
/// are laid out once for the kernels. Memory: the weights, and per thread one arena planned from the tensors'
/// lifetimes, allocated here and never again. Not for two callers at once.
class IntegerEngine {
public:
    /// Errors  InvalidConfig: threads < 1, or kernels the processor does not have.
    explicit IntegerEngine(const IntegerGraph& graph, const IntegerEngineOptions& options = {});
    ~IntegerEngine();
    IntegerEngine(IntegerEngine&&) noexcept;
    IntegerEngine& operator=(IntegerEngine&&) noexcept;

    const IntegerGraph& graph() const noexcept;
    std::string kernelName() const;            ///< "avx512_vnni", "avx2", "portable"
    std::int64_t arenaBytes() const noexcept;  ///< of one thread

    /// Real outputs for images as the data delivers them (N,C,H,W): input grid, integer model, output scale.
    /// Errors  ShapeMismatch: not a whole number of images.
    std::vector<float> run(std::span<const float> images);
    /// Output codes from input codes (N, rows, columns, channels).
    std::vector<std::int32_t> runCodes(std::span<const std::int32_t> codes);
    /// One layer on codes of its inputs, each N x elements, channels innermost; for layer-by-layer comparison.
    std::vector<std::int32_t> runLayer(std::size_t layer, std::span<const std::vector<std::int32_t>> inputs);
    /// Every layer's output codes for input codes, by layer, each N x elements.
    std::vector<std::vector<std::int32_t>> runAllLayers(std::span<const std::int32_t> codes);

private:
    class Program;
    std::unique_ptr<Program> m_program;
};

}  // namespace bitlathe::core
