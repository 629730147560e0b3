#include "core/search/memory_driven_problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr std::int64_t kBitsPerByte = 8;

/// A limit as bits; one beyond what 64 bits count is none.
std::int64_t limitBits(std::int64_t bytes) {
    return bytes > std::numeric_limits<std::int64_t>::max() / kBitsPerByte
               ? std::numeric_limits<std::int64_t>::max()
               : bytes * kBitsPerByte;
}

class Search {
public:
    Search(const MemoryDrivenProblem& problem, const MemoryDrivenOptions& options)
        : m_problem(problem), m_options(options) {
        const bool isPerChannel = options.mode == MemoryDrivenOptions::Mode::MixPC;
        for (const MemoryDrivenProblem::Tensor& tensor : problem.tensors) {
            m_bits.push_back(tensor.isFixed ? options.bits.edge : options.bits.activations.front());
        }
        for (const MemoryDrivenProblem::Weights& layer : problem.weights) {
            m_result.layers.push_back(
                {layer.layer, options.bits.weights.front(), 0, 0,
                 isPerChannel ? FoldScheme::PerChannelIcn : FoldScheme::PerLayerFolded});
        }
    }

    MemoryDrivenResult run() {
        m_result.isFeasible = m_problem.steps.empty() || (cutActivations() && cutWeights());
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            m_result.layers[i].inputBits = bits(m_problem.weights[i].input);
            m_result.layers[i].outputBits = bits(m_problem.weights[i].output);
        }
        for (std::size_t t = 0; t < m_bits.size(); ++t) {
            m_result.activations.push_back({m_problem.tensors[t].site, m_bits[t]});
        }
        m_result.romBytes = static_cast<double>(romBits()) / kBitsPerByte;
        for (const MemoryDrivenProblem::Step& step : m_problem.steps) {
            m_result.peakRamBytes =
                std::max(m_result.peakRamBytes, static_cast<double>(ramBits(step)) / kBitsPerByte);
        }
        m_result.verdict = m_result.isFeasible ? fittingText() : brokenText();
        return std::move(m_result);
    }

private:
    enum class Direction { Forward, Backward };
    enum class Outcome { Fits, Refused, Infeasible };

    int bits(int tensor) const { return m_bits[static_cast<std::size_t>(tensor)]; }
    static int below(const std::vector<int>& widths, int width) {
        const auto next = std::find_if(widths.begin(), widths.end(), [&](int w) { return w < width; });
        return next == widths.end() ? 0 : *next;  // 0: no further
    }

    std::int64_t termBits(const SearchStep::Term& term) const {
        const std::int64_t exact = term.elements * bits(term.site);
        return m_problem.areBytesWhole ? (exact + kBitsPerByte - 1) / kBitsPerByte * kBitsPerByte : exact;
    }
    std::int64_t ramBits(const MemoryDrivenProblem::Step& step) const {
        return std::accumulate(step.terms.begin(), step.terms.end(), step.fixedBytes * kBitsPerByte,
                               [&](std::int64_t sum, const auto& term) { return sum + termBits(term); });
    }

    std::int64_t weightBits(std::size_t i) const {
        const std::int64_t exact = m_problem.weights[i].count * m_result.layers[i].weightBits;
        return m_problem.areBytesWhole ? (exact + kBitsPerByte - 1) / kBitsPerByte * kBitsPerByte : exact;
    }
    std::int64_t romBits() const {
        std::int64_t sum = kBitsPerByte * m_problem.otherRomBytes;
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            const MemoryDrivenProblem::Weights& layer = m_problem.weights[i];
            sum += weightBits(i) +
                   kBitsPerByte * parameterBytes(m_result.layers[i].scheme, layer.channels, layer.isLogits);
        }
        return sum;
    }

    /// The tensor a step over its limit wants cut; -1: none may be.
    int wantedCut(const MemoryDrivenProblem::Step& step) const {
        std::map<int, std::int64_t> bytesOf;  // a tensor may have several terms (a pooled copy)
        for (const SearchStep::Term& term : step.terms) {
            bytesOf[term.site] += termBits(term);
        }
        int wanted = -1;
        for (const auto& [tensor, bytes] : bytesOf) {
            if (m_problem.tensors[static_cast<std::size_t>(tensor)].isFixed) {
                continue;
            }
            const bool isWider = wanted >= 0 && bits(tensor) > bits(wanted);
            const bool isBigger = wanted >= 0 && bits(tensor) == bits(wanted) && bytes > bytesOf[wanted];
            const bool isOutput = wanted >= 0 && bits(tensor) == bits(wanted) && bytes == bytesOf[wanted] &&
                                  tensor == step.output;
            wanted = wanted < 0 || isWider || isBigger || isOutput ? tensor : wanted;
        }
        return wanted;
    }

    /// Cuts until a step fits or a cut is refused in this direction.
    Outcome settle(const MemoryDrivenProblem::Step& step, Direction direction) {
        while (ramBits(step) > limitBits(m_options.ramLimitBytes)) {
            const int tensor = wantedCut(step);
            const int next = tensor < 0 ? 0 : below(m_options.bits.activations, bits(tensor));
            if (next == 0) {
                m_binding = &step;
                m_result.bindingLayer = step.layerIndex;
                m_result.brokenLimit = MemoryDrivenResult::Limit::Ram;
                return Outcome::Infeasible;
            }
            if ((tensor == step.output) != (direction == Direction::Forward)) {
                return Outcome::Refused;
            }
            m_bits[static_cast<std::size_t>(tensor)] = next;
            m_result.activationCuts.push_back(
                {m_problem.tensors[static_cast<std::size_t>(tensor)].site, next});
        }
        return Outcome::Fits;
    }

    bool cutActivations() {
        Direction direction = Direction::Forward;
        std::size_t i = 0;
        bool isSettled = false;  // so that a backward pass always follows the first
        while (true) {
            const Outcome outcome = settle(m_problem.steps[i], direction);
            if (outcome == Outcome::Infeasible) {
                return false;
            }
            isSettled = isSettled && outcome == Outcome::Fits;
            if (direction == Direction::Forward ? i + 1 == m_problem.steps.size() : i == 0) {
                if (isSettled) {
                    return true;
                }
                direction = direction == Direction::Forward ? Direction::Backward : Direction::Forward;
                isSettled = true;
            } else {
                i = direction == Direction::Forward ? i + 1 : i - 1;
            }
        }
    }

    bool canCut(std::size_t i) const {
        return below(m_options.bits.weights, m_result.layers[i].weightBits) > 0;
    }

    /// Index of the layer to cut; -1: none can be.
    int nextWeightCut() const {
        double total = 0;
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            total += weightBytes(i);
        }
        double largest = -1;
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            if (canCut(i)) {
                largest = std::max(largest, weightBytes(i) / total);
            }
        }
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            const double share = weightBytes(i) / total;  // the largest itself counts when delta is 0
            if (canCut(i) && (share > largest - m_options.delta || share == largest)) {
                return static_cast<int>(i);
            }
        }
        return -1;
    }
    double weightBytes(std::size_t i) const { return static_cast<double>(weightBits(i)) / kBitsPerByte; }

    void switchCutLayersToIcn() {
        if (m_options.mode == MemoryDrivenOptions::Mode::MixPC) {
            return;
        }
        for (std::size_t i = 0; i < m_result.layers.size(); ++i) {
            const bool isCut = m_result.layers[i].weightBits < m_options.bits.weights.front() ||
                               bits(m_problem.weights[i].output) < m_options.bits.activations.front();
            // The logits keep their bits whatever the rest starts with.
            const bool isFixed =
                m_problem.tensors[static_cast<std::size_t>(m_problem.weights[i].output)].isFixed;
            if (isCut && !(isFixed && m_result.layers[i].weightBits == m_options.bits.weights.front())) {
                m_result.layers[i].scheme = FoldScheme::PerLayerIcn;
            }
        }
    }

    bool cutWeights() {
        if (m_options.icnRule == MemoryDrivenOptions::IcnRule::Paper) {
            switchCutLayersToIcn();
        }
        while (romBits() > limitBits(m_options.romLimitBytes)) {
            const int next = nextWeightCut();
            if (next < 0) {
                m_result.brokenLimit = MemoryDrivenResult::Limit::Rom;
                m_heaviest = heaviestLayer();
                m_result.bindingLayer = m_problem.weights[m_heaviest].layerIndex;
                return false;
            }
            int& width = m_result.layers[static_cast<std::size_t>(next)].weightBits;
            width = below(m_options.bits.weights, width);
            m_result.weightCuts.push_back(next);
            switchCutLayersToIcn();
        }
        return true;
    }

    std::size_t heaviestLayer() const {
        std::size_t heaviest = 0;
        for (std::size_t i = 1; i < m_problem.weights.size(); ++i) {
            heaviest = weightBytes(i) > weightBytes(heaviest) ? i : heaviest;
        }
        return heaviest;
    }

    std::string fittingText() const {
        return fmt::format("fits: ROM {:.0f} of {} B, RAM {:.0f} of {} B", std::ceil(m_result.romBytes),
                           m_options.romLimitBytes, std::ceil(m_result.peakRamBytes),
                           m_options.ramLimitBytes);
    }
    std::string brokenText() const {
        if (m_result.brokenLimit == MemoryDrivenResult::Limit::Ram) {
            const auto needed =
                static_cast<std::int64_t>(std::ceil(static_cast<double>(ramBits(*m_binding)) / kBitsPerByte));
            return fmt::format("does not fit: layer {} needs {} B of RAM with {}, {} B over the limit of {} "
                               "B, and can be cut "
                               "no further",
                               m_binding->layer.str(), needed, tensorsText(*m_binding),
                               needed - m_options.ramLimitBytes, m_options.ramLimitBytes);
        }
        const auto needed = static_cast<std::int64_t>(std::ceil(m_result.romBytes));
        return fmt::format(
            "does not fit: with all weights cut as far as they go the model needs {} B of ROM, {} B over "
            "the limit of {} B; most of it in layer {} ({:.0f} B)",
            needed, needed - m_options.romLimitBytes, m_options.romLimitBytes,
            m_problem.weights[m_heaviest].layer.str(), weightBytes(m_heaviest));
    }
    std::string tensorsText(const MemoryDrivenProblem::Step& step) const {
        std::string text;
        for (const SearchStep::Term& term : step.terms) {
            text += fmt::format("{}{} values of {} at {} bits", text.empty() ? "" : " and ", term.elements,
                                m_problem.tensors[static_cast<std::size_t>(term.site)].site.layer.str(),
                                bits(term.site));
        }
        return text;
    }

    const MemoryDrivenProblem& m_problem;
    const MemoryDrivenOptions& m_options;
    std::vector<int> m_bits;  ///< by tensor
    const MemoryDrivenProblem::Step* m_binding = nullptr;
    std::size_t m_heaviest = 0;
    MemoryDrivenResult m_result;
};

}  // namespace

MemoryDrivenResult cutToLimits(const MemoryDrivenProblem& problem, const MemoryDrivenOptions& options) {
    return Search(problem, options).run();
}

}  // namespace bitlathe::core
